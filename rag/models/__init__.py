"""The model gateway: which model writes an answer, who takes over, and what it costs."""
