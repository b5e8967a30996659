"""How long a text is for a model whose tokenizer is not on this machine."""

from __future__ import annotations

_BYTES_PER_TOKEN = 3


def approximate_tokens(text: str) -> int:
    """Tokens, rather too many than too few: one per three bytes of UTF-8.

    English prose has four to five bytes a token, German above three, Chinese three; only digits
    and symbols in a row have fewer.
    """
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)
