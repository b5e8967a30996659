"""Finds plug-ins by entry point; only the one named is loaded, so a broken one stops nobody."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from pydantic import ValidationError

from rag.errors import ConfigError, did_you_mean
from rag.protocols import Connector

CONNECTORS = "rag.connectors"


def names(group: str) -> list[str]:
    """The installed plug-ins of a group, unloaded."""
    return sorted({point.name for point in entry_points(group=group)})


def load(group: str, name: str) -> Any:
    """The object behind one entry point. Raises ConfigError when absent or broken."""
    points: list[EntryPoint] = [p for p in entry_points(group=group) if p.name == name]
    if not points:
        known = names(group)
        raise ConfigError(
            f"There is no {group.removeprefix('rag.').rstrip('s')} '{name}'.",
            hint=did_you_mean(name, known),
        )
    try:
        return points[0].load()
    except Exception as error:
        raise ConfigError(
            f"The plug-in '{name}' ({points[0].value}) cannot be loaded: {error}.",
            hint="Reinstall or remove the package that provides it.",
        ) from error


def connector(name: str, config: Mapping[str, Any]) -> Connector:
    """A connector built from its validated configuration. Raises ConfigError naming each field."""
    cls = load(CONNECTORS, name)
    try:
        settings = cls.Config.model_validate(dict(config))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "configuration"
        hint = ""
        if first["type"] == "extra_forbidden":
            hint = did_you_mean(field, list(cls.Config.model_fields))
        raise ConfigError(f"Source '{name}': {field}: {first['msg']}.", hint=hint) from error
    return cast(Connector, cls(settings))
