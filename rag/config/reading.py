"""Reading what people write: text and TOML, with errors that name the file and the line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from rag.errors import ConfigError

MAX_BYTES = 1_000_000
"""Of a file of settings."""


def read_text(path: Path, place: str = "", *, max_bytes: int = MAX_BYTES) -> str:
    """The file as text; a byte order mark is dropped. `place` is what errors call the file."""
    place = place or str(path)
    try:
        # What has no end, as a device, is not read to it.
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise ConfigError(
            f"{place}: cannot be read ({error.strerror}).",
            hint="Create it, or name one that exists and that this user may read.",
        ) from None
    if len(data) > max_bytes:
        raise ConfigError(f"{place}: is larger than {max_bytes} bytes.", hint="Shorten it.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{place}: line {line} is not UTF-8.", hint="Save the file as UTF-8."
        ) from None


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables. Raises ConfigError naming the file and the line."""
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}.", hint="Fix that line.") from None
