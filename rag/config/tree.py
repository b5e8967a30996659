"""Walking the shape of a settings model: which keys exist where, and which of them are secret."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

Place = tuple[str, ...]
ANY = "NAME"
"""Stands for a key of the author's choice, as under [models]."""


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model within `X`, `dict[str, X]`, `tuple[X, ...]` or `X | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (dict, tuple, Union, types.UnionType):
        for inner in get_args(annotation):
            if (found := model_in(inner)) is not None:
                return found
    return None


def is_table(annotation: Any) -> bool:
    """True where the author chooses the keys."""
    return get_origin(annotation) is dict


def is_list(annotation: Any) -> bool:
    """True where the author writes any number of them; no variable sets one."""
    return get_origin(annotation) is tuple


def is_secret(field: FieldInfo) -> bool:
    """True for what must not be shown and may be given by a file."""
    return field.annotation is SecretStr or field.json_schema_extra == {"secret": True}


def leaves(model: type[BaseModel], above: Place = ()) -> Iterator[tuple[Place, FieldInfo]]:
    """Every single value that can be set, depth first."""
    for name, field in model.model_fields.items():
        place = (*above, name)
        inner = model_in(field.annotation)
        if inner is None:
            yield place, field
        elif not is_list(field.annotation):
            yield from leaves(inner, (*place, ANY) if is_table(field.annotation) else place)


def keys_at(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The keys taken at a place of the data; empty where the author chooses them."""
    here: Any = model
    for part in place:
        if is_table(here) or is_list(here):
            here = model_in(here)
            continue
        found = model_in(here)
        if found is None or part not in found.model_fields:
            return []
        here = found.model_fields[str(part)].annotation
    found = None if is_table(here) else model_in(here)
    return list(found.model_fields) if found else []
