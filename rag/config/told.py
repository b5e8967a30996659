"""The settings in use as they can be shown: each with its meaning, its value and where it is from.

No secret is in it, only whether there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from rag.config.load import PREFIX
from rag.config.review import MASK, masked
from rag.config.section import Section
from rag.config.settings import Settings
from rag.config.tree import is_list, is_secret, is_table, model_in

Origin = Literal["default", "file", "variable", "option"]


class ToldSetting(Section):
    """One value in use."""

    key: str
    about: str
    value: Any
    """As JSON has it; null where there is none. Of a secret never more than that it is set."""
    secret: bool
    origin: Origin
    where: str
    """The file, variable or option that sets it; empty for a default."""


class ToldSection(Section):
    """One table of the configuration file; the first one, without a name, is its top level."""

    name: str
    about: str
    settings: tuple[ToldSetting, ...]


class Change(Section):
    """A value that another configuration would have."""

    key: str
    before: Any
    after: Any


def told(settings: Settings) -> list[ToldSection]:
    """Every table, those that hold tables of the author's own names once for each name."""
    top = tuple(_values(settings, "", settings.origins))
    return [ToldSection(name="", about="", settings=top), *_sections(settings, settings.origins)]


def changes(before: Settings, after: Settings) -> list[Change]:
    """What would be another value, by key; a secret that changes is named without either."""
    old, new = (dict(_flat(one.model_dump(mode="python"))) for one in (before, after))
    return [
        Change(key=key, before=_plain(old.get(key)), after=_plain(new.get(key)))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) and key != "data"
    ]


def _sections(settings: Settings, origins: Mapping[str, str]) -> Iterator[ToldSection]:
    for name, field in Settings.model_fields.items():
        inner = model_in(field.annotation)
        if inner is None:
            continue
        value: Any = getattr(settings, name)
        about = inner.__doc__ or ""
        if not is_table(field.annotation):
            found = tuple(_values(value, f"{name}.", origins))
            yield ToldSection(name=name, about=about, settings=found)
            continue
        for own, one in cast("dict[str, BaseModel]", value).items():
            found = tuple(_values(one, f"{name}.{own}.", origins))
            yield ToldSection(name=f"{name}.{own}", about=about, settings=found)


def _values(one: BaseModel, above: str, origins: Mapping[str, str]) -> Iterator[ToldSetting]:
    for name, field in type(one).model_fields.items():
        listed = is_list(field.annotation)
        if model_in(field.annotation) is not None and not listed:
            continue
        key = f"{above}{name}"
        where = origins.get(key, "")
        yield ToldSetting(
            key=key,
            about=field.description or "",
            value=_shown(getattr(one, name), field),
            secret=is_secret(field),
            origin=_origin(where),
            where=where,
        )


def _shown(value: Any, field: FieldInfo) -> Any:
    if not is_secret(field):
        return _plain(value)
    bare = value.get_secret_value() if isinstance(value, SecretStr) else value
    return MASK if bare else None


def _origin(where: str) -> Origin:
    if not where:
        return "default"
    return "option" if where.startswith("--") else "variable" if _is_variable(where) else "file"


def _is_variable(where: str) -> bool:
    return where.startswith(PREFIX) and "/" not in where


def _plain(value: Any) -> Any:
    """As JSON has it, without what is secret in it."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="python")
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in cast("Sequence[Any]", value)]
    shown = masked(value)
    return shown if isinstance(shown, str | int | float | bool | None) else str(shown)


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(cast("dict[str, Any]", value), f"{above}{key}.")
        else:
            yield above + key, value
