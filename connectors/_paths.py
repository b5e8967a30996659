"""How paths are written as keys."""

from __future__ import annotations

from urllib.parse import quote

# Everything readable stays readable in a key; "%" itself, controls and undecodable bytes do not.
_SAFE = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"


def key(path: bytes) -> str:
    """The path as text that SQL and JSON can hold, one to one whatever its bytes are."""
    return quote(path, safe=_SAFE)
