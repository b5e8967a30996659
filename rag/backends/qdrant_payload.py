"""What every Qdrant-backed Index shares: checks before writing, payloads, permissions, order."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.backends.qdrant_filter import APART, BODY, INDEXED
from rag.errors import InvalidInput
from rag.types import (
    And,
    Filter,
    IndexQuery,
    Match,
    Not,
    Or,
    Payload,
    Point,
    Range,
    SparseVector,
)

MAX_DEPTH = 50
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def checked_name(generation: str) -> str:
    """The name itself, when it can safely be a folder and a collection."""
    if _NAME.fullmatch(generation) is None:
        raise InvalidInput(
            f"{generation!r} cannot name a generation.",
            hint="Use up to 100 letters, digits, dots, dashes and underscores.",
        )
    return generation


def checked_vectors(points: Sequence[Point]) -> NDArray[np.float32]:
    """The dense vectors as one matrix. Raises InvalidInput unless every vector can be written.

    Checking the whole call first is what makes an upsert all or nothing: the engine would take
    NaN, and writes its batches one after the other.
    """
    with np.errstate(over="ignore"):
        try:
            matrix = np.asarray([point.dense for point in points], dtype="<f4")
        except ValueError as error:
            raise InvalidInput("The vectors of one call differ in dimension.") from error
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise InvalidInput("A vector is empty.")
    if not np.isfinite(matrix).all():
        raise InvalidInput("A vector holds NaN or an infinite number.")
    for point in points:
        _check_sparse(point.sparse)
    return matrix


def checked_query(query: IndexQuery) -> NDArray[np.float32] | None:
    """The dense query vector, if any. Raises InvalidInput for a query that cannot be asked."""
    if query.sparse is not None:
        _check_sparse(query.sparse)
    if query.dense is None:
        _check_limit(query.limit)
        return None
    return checked_vector(query.dense, query.limit)


def checked_vector(dense: Sequence[float], limit: int) -> NDArray[np.float32]:
    """The vector that a search is for. Raises InvalidInput for one that cannot be asked."""
    _check_limit(limit)
    with np.errstate(over="ignore"):
        vector = np.asarray(dense, dtype="<f4")
    if vector.size == 0 or not np.isfinite(vector).all():
        raise InvalidInput("The query vector is empty or holds NaN or an infinite number.")
    return vector


def nearest_first(found: tuple[float, Payload]) -> tuple[float, str]:
    """By what is sorted that was found by nearness, also where scores tie."""
    return -found[0], found[1].chunk_id


def _check_limit(limit: int) -> None:
    if limit < 1:
        raise InvalidInput("A search needs a limit of at least 1.")


def _check_sparse(vector: SparseVector) -> None:
    if len(vector.indices) != len(vector.values) or len(set(vector.indices)) != len(vector.indices):
        raise InvalidInput("A sparse vector needs one value for each distinct index.")
    if vector.indices and not (min(vector.indices) >= 0 and max(vector.indices) < 2**32):
        raise InvalidInput("A sparse index lies outside 32 bits.")
    if not np.isfinite(vector.values).all():
        raise InvalidInput("A sparse vector holds NaN or an infinite number.")


def filter_tree(filter: Filter | None) -> dict[str, Any] | None:
    """The filter as plain data, refused when it is nested too deeply to be a question."""
    if filter is None:
        return None
    level: list[Filter] = [filter]
    for _ in range(MAX_DEPTH):
        level = [part for node in level for part in _parts(node)]
        if not level:
            return filter.model_dump()
    raise InvalidInput(f"The filter is nested more than {MAX_DEPTH} levels deep.")


def _parts(node: Filter) -> tuple[Filter, ...]:
    match node:
        case And() | Or():
            return node.of
        case Not():
            return (node.of,)
        case Match() | Range():
            return ()


def permitted(query: IndexQuery) -> dict[str, Any]:
    """The tree of a search: readers outermost, so that nothing inside the filter can widen it.

    Without readers it matches nothing.
    """
    readers = {"op": "match", "field": "readers", "any_of": sorted(query.readers)}
    tree = filter_tree(query.filter)
    return readers if tree is None else {"op": "and", "of": [readers, tree]}


def encode(value: Any) -> bytes:
    """JSON in UTF-8. Raises InvalidInput for what neither can carry (NaN, lone surrogates)."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise InvalidInput(f"Cannot be stored: {error}.") from error


def to_stored(payload: Payload) -> dict[str, Any]:
    """What a point carries: the fields that filters name, and the payload as one string.

    Engines and transport pass a string on untouched, where they would take a tree apart and put
    it together again at each step: that took longer than the search.
    """
    values = payload.model_dump()
    stored = {field: values[field] for field in INDEXED}
    del values[APART]
    return {**stored, BODY: encode(values).decode()}
