"""Our filter tree, as plain data, in Qdrant's words: one translation for every Qdrant engine.

It takes the tree dumped to dictionaries, and imports nothing heavy, because the engine process,
which must start fast, uses it too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

INDEXED = {
    "source": "keyword",
    "document_id": "keyword",
    "version": "integer",
    "readers": "keyword",
    "language": "keyword",
    "kind": "keyword",
    "file_kind": "keyword",
    "modified_at": "float",
    "page": "integer",
}
"""Payload fields with an index: all that a filter can name, as without one it is 1,000 x slower."""

BODY = "body"
"""Payload field that holds the rest of the payload as JSON text."""

APART = "file_kind"
"""The one field that is not in the body: it can be set in points that are there already."""

I64 = range(-(2**63), 2**63)


class Words(NamedTuple):
    """The constructors of one Qdrant library."""

    Filter: Callable[..., Any]
    FieldCondition: Callable[..., Any]
    MatchAny: Callable[..., Any]
    Range: Callable[..., Any]


def translate(tree: Mapping[str, Any] | None, words: Words) -> Any:
    """The tree as the library's Filter; None stays None, which matches every point."""
    if tree is None:
        return None
    condition = _condition(tree, words)
    return words.Filter(must=[condition])


def _condition(tree: Mapping[str, Any], words: Words) -> Any:
    match tree["op"]:
        case "and":
            return words.Filter(must=[_condition(part, words) for part in tree["of"]])
        case "or":
            return words.Filter(should=[_condition(part, words) for part in tree["of"]])
        case "not":
            return words.Filter(must_not=[_condition(tree["of"], words)])
        case "match":
            field: str = tree["field"]
            return words.FieldCondition(
                key=field, match=words.MatchAny(any=_comparable(field, tree["any_of"]))
            )
        case "range":
            bounds = words.Range(gte=tree["gte"], lte=tree["lte"])
            return words.FieldCondition(key=tree["field"], range=bounds)
        case unknown:
            raise ValueError(f"unknown filter operation {unknown!r}")


def _comparable(field: str, values: list[str | int]) -> list[str] | list[int]:
    """The values that the field can equal at all; an empty list matches nothing.

    Qdrant refuses a mixed list, and a value of the other type never equals anything.
    """
    if INDEXED[field] == "integer":
        return [value for value in values if not isinstance(value, str) and value in I64]
    return [value for value in values if isinstance(value, str)]


def whole(stored: Mapping[str, Any]) -> str:
    """The payload as JSON text, with what is kept apart from its body put in."""
    body: str = stored[BODY]
    apart = stored.get(APART)
    return body if apart is None else f'{body[:-1]},"{APART}":{json.dumps(apart)}}}'
