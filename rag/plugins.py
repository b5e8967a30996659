"""Finds plug-ins by entry point; only the one named is loaded, so a broken one stops nobody."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from pydantic import BaseModel, SecretStr, ValidationError

from rag.errors import ConfigError, did_you_mean, plainly
from rag.protocols import Connector
from rag.types import ConnectorInfo

CONNECTORS = "rag.connectors"


def names(group: str) -> list[str]:
    """The installed plug-ins of a group, unloaded."""
    return sorted({point.name for point in _installed(group)})


def load(group: str, name: str) -> Any:
    """The object behind one entry point. Raises ConfigError when absent or broken."""
    points = [point for point in _installed(group) if point.name == name]
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


@cache
def _installed(group: str) -> Sequence[EntryPoint]:
    """Read once: a file of every package that is installed is looked into for it, and what is
    installed later counts from the next start."""
    return tuple(entry_points(group=group))


def connectors() -> list[ConnectorInfo]:
    """Every installed connector with its form; a broken one says why it cannot be used."""
    found: list[ConnectorInfo] = []
    for name in names(CONNECTORS):
        try:
            cls = load(CONNECTORS, name)
        except ConfigError as error:
            found.append(ConnectorInfo(name=name, problem=str(error)))
            continue
        found.append(
            ConnectorInfo(
                name=name,
                about=_about(cls),
                form=cls.Config.model_json_schema(),
                verified=getattr(cls, "verified", ""),
            )
        )
    return found


def _about(cls: type[Any]) -> str:
    """The first paragraph of what its module says of itself, or else of what the class does."""
    said = inspect.getdoc(inspect.getmodule(cls)) or inspect.getdoc(cls) or ""
    return " ".join(said.partition("\n\n")[0].split())


def connector(name: str, config: Mapping[str, Any]) -> Connector:
    """A connector built from its validated configuration. Raises ConfigError naming each field."""
    return cast(Connector, load(CONNECTORS, name)(settings(name, config)))


def settings(name: str, config: Mapping[str, Any]) -> BaseModel:
    """A connector's configuration, validated. Raises ConfigError naming the field."""
    cls = load(CONNECTORS, name)
    try:
        return cls.Config.model_validate(dict(config))
    except ValidationError as error:
        wrong = error.errors(include_input=False)
        # A misspelt key is the cause, the field that is missing for it only the effect.
        first = next((one for one in wrong if one["type"] == "extra_forbidden"), wrong[0])
        field = ".".join(str(part) for part in first["loc"]) or "configuration"
        hint = ""
        if first["type"] == "extra_forbidden":
            hint = did_you_mean(field, list(cls.Config.model_fields))
        raise ConfigError(f"Source '{name}': {field}: {plainly(first)}.", hint=hint) from error


def divide(config: BaseModel) -> tuple[dict[str, Any], dict[str, str]]:
    """What was set, apart from the secrets in it, which are named by their dotted path."""
    secrets = {
        name: value.get_secret_value()
        for name, value in config
        if isinstance(value, SecretStr) and value.get_secret_value()
    }
    shown = config.model_dump(mode="json", exclude_unset=True, exclude=set(secrets))
    for name, value in config:
        if isinstance(value, BaseModel) and name in shown:
            shown[name], below = divide(value)
            secrets |= {f"{name}.{key}": secret for key, secret in below.items()}
    return shown, secrets


def join(shown: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """The inverse of `divide`."""
    whole: dict[str, Any] = json.loads(json.dumps(dict(shown)))
    for path, secret in secrets.items():
        *above, name = path.split(".")
        inner = whole
        for step in above:
            inner = inner.setdefault(step, {})
        inner[name] = secret
    return whole
