"""JSON and JSON Lines: each record as lines of "path: value"."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, cast

from rag.backends.drafting import Draft
from rag.backends.plain import pieces
from rag.errors import DocumentRejected

RECORD_CHARS = 8_000
MAX_DIGITS = 400
BAD_LINES_NAMED = 5
TITLES = ("title", "name", "subject", "id", "_id")


def add_json(draft: Draft, source: str, name: str) -> None:
    """One JSON value of any shape. Raises DocumentRejected(corrupt)."""
    try:
        value = _read(source.removeprefix("\ufeff"), draft)
    except ValueError as error:
        raise DocumentRejected(
            "corrupt", f"'{name}' is not valid JSON ({error}).", hint="Correct it."
        ) from error
    for record in cast(list[Any], value) if isinstance(value, list) else [value]:
        _add(draft, record)


def add_json_lines(draft: Draft, source: str, name: str) -> None:
    """A record per line; a broken line costs that line only. Raises DocumentRejected(corrupt)."""
    source = source.removeprefix("\ufeff")
    bad: list[int] = []
    good = 0
    for number, line in enumerate(source.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = _read(line, draft)
        except (ValueError, RecursionError):
            bad.append(number)
            continue
        good += 1
        _add(draft, record)
    if bad and not good:
        raise DocumentRejected(
            "corrupt", f"'{name}' has no line that is valid JSON.", hint="Correct it."
        )
    if bad:
        named = ", ".join(map(str, bad[:BAD_LINES_NAMED]))
        more = f" and {len(bad) - BAD_LINES_NAMED} more" if len(bad) > BAD_LINES_NAMED else ""
        draft.warn(f"bad_lines: {named}{more} skipped")


def _read(source: str, draft: Draft) -> Any:
    """One JSON value; what JSON does not allow is normalised and warned of."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                draft.warn("duplicate_keys: all their values are kept")
                former = found[key]
                if isinstance(former, _Several):
                    former.append(value)
                else:
                    found[key] = _Several([former, value])
            else:
                found[key] = value
        return found

    def constant(word: str) -> None:
        draft.warn(f"not_a_number: {word} dropped")

    def whole(digits: str) -> int | str:
        return digits[:MAX_DIGITS] if len(digits) > 4_000 else int(digits)

    return json.loads(source, object_pairs_hook=members, parse_constant=constant, parse_int=whole)


class _Several(list[Any]):
    """Values of one key that stood more than once."""


def _add(draft: Draft, record: Any) -> None:
    """A record as a block; long ones are cut between lines."""
    body = "\n".join(_flat(record, ""))
    if not body.strip():
        return
    if isinstance(record, dict) and len(body) > RECORD_CHARS:
        known = cast(dict[str, Any], record)
        title = next((str(known[key]) for key in TITLES if known.get(key)), "")
        draft.heading(title[:200])
    for piece in pieces(body, RECORD_CHARS):
        draft.text(piece)


def _flat(value: Any, path: str) -> Iterator[str]:
    """Every leaf as "path: value"; lists of plain values on one line."""
    if isinstance(value, dict):
        for key, inner in cast(dict[str, Any], value).items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        items = cast(list[Any], value)
        if any(isinstance(item, dict | list) for item in items):
            for number, inner in enumerate(items, start=1):
                yield from _flat(inner, f"{path}[{number}]" if path else str(number))
        elif shown := ", ".join(text for item in items if (text := _leaf(item))):
            yield f"{path}: {shown}" if path else shown
    elif text := _leaf(value):
        yield f"{path}: {text}" if path else text


def _leaf(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).encode("utf-8", errors="replace").decode()
