"""From hits to an answer: evidence, context, prompts, citations, abstention, trace."""
