"""From answers to better answers: today the evaluation everything later is measured by."""
