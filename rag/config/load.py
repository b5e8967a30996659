"""Reading settings: the file, then the variables over it, then what the caller insists on."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import from_json
from pydantic_settings import InitSettingsSource

from rag.config.reading import read_text, read_toml
from rag.config.settings import Settings
from rag.config.tree import ANY, Place, is_secret, is_table, keys_at, leaves
from rag.errors import ConfigError, did_you_mean, plainly

CONFIG_NAME = "rag.toml"
PREFIX = "RAG_"
CONFIG_VARIABLE = "RAG_CONFIG"
RAG_DATA = "RAG_DATA"
DRAFT = "draft"
"""What a text is called that is no file yet."""
_OURS = (CONFIG_NAME, "owner.lock")
"""What a folder holds that is already a data folder."""
NAMED = tuple(name for name, field in Settings.model_fields.items() if is_table(field.annotation))
"""Sections whose keys are names of the author's choice."""


def load(
    data: Path | None = None,
    domain: str | None = None,
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """The settings of a deployment; `data`, `domain` and `config` win over everything read.

    Raises ConfigError naming the file or variable, the key, what is wrong and what to do.
    """
    environ = {name: value for name, value in environ.items() if value}
    named = config or (Path(environ[CONFIG_VARIABLE]) if CONFIG_VARIABLE in environ else None)
    file, tree = _file(named, data, environ)
    origins: dict[str, str] = {key: str(file) for key in _dotted(tree)}
    variables = dict(_variables(environ, tree))
    origins |= {".".join(place): name for place, (name, _) in variables.items()}
    given = {"data": data, "domain": domain}
    insisted = {key: value for key, value in given.items() if value is not None}
    origins |= {key: f"--{key}" for key in insisted}
    try:
        settings = _built(insisted, variables, tree)
    except ValidationError as error:
        raise ConfigError(" ".join(_problems(error, origins))) from None
    folder = settings.data.expanduser()
    if origins.get("data") == str(file) and file is not None:
        folder = file.parent / folder
    settings = settings.model_copy(update={"data": folder.resolve()}).came_from(origins)
    _refuse_foreign(settings.data)
    return settings


def draft(
    text: str, now: Settings, environ: Mapping[str, str] = os.environ
) -> tuple[Settings | None, list[str]]:
    """What `text` in place of the configuration file would make of these settings, or every
    problem that the next start would have with it.

    Reads no file but those that variables name, and writes none. No value is repeated.
    """
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return None, [f"{DRAFT}: is not valid TOML: {error}."]
    origins = dict(now.origins)
    if "data" in tree and origins.get("data", RAG_DATA).startswith((PREFIX, "--")):
        place = origins.get("data", RAG_DATA)
        return None, [f"{DRAFT}: data: the data folder is chosen by {place}. Remove the key."]
    # What was said on the command line is taken to be said again.
    options = [key for key, origin in origins.items() if origin.startswith("--")]
    insisted = _nested({tuple(key.split(".")): ("", _at(now, key)) for key in options})
    insisted["data"] = now.data
    try:
        variables = dict(_variables({k: v for k, v in environ.items() if v}, tree))
        variables.pop(("data",), None)
        origins = dict.fromkeys(_dotted(tree), DRAFT)
        origins |= {".".join(place): name for place, (name, _) in variables.items()}
        settings = _built(insisted, variables, tree)
    except ConfigError as error:
        return None, [str(error)]
    except ValidationError as error:
        return None, list(_problems(error, origins))
    return settings.came_from(origins), []


def _built(
    insisted: Mapping[str, Any],
    variables: Mapping[Place, tuple[str, Any]],
    tree: Mapping[str, Any],
) -> Settings:
    """Of what the caller insists on, the variables and the file, the former winning."""
    return Settings(
        # The documented parameter is missing from the signature that type checkers are given.
        _build_sources=(  # pyright: ignore[reportCallIssue]
            (
                InitSettingsSource(Settings, dict(insisted)),
                InitSettingsSource(Settings, _nested(variables)),
                InitSettingsSource(Settings, dict(tree)),
            ),
            {},
        )
    )


def _file(
    named: Path | None, data: Path | None, environ: Mapping[str, str]
) -> tuple[Path | None, dict[str, Any]]:
    """The configuration file with its tables: the one named, or the data folder's if any."""
    if named is not None:
        return named.expanduser(), read_toml(named.expanduser())
    folder = data or Path(environ.get("RAG_DATA", Settings.model_fields["data"].default))
    path = folder.expanduser() / CONFIG_NAME
    if not path.exists():
        return None, {}
    tree = read_toml(path)
    if "data" in tree:
        raise ConfigError(
            f"{path}: data: the file in the data folder cannot name another data folder.",
            hint="Remove the key; choose the folder with --data or RAG_DATA.",
        )
    return path, tree


def _variables(
    environ: Mapping[str, str], tree: Mapping[str, Any]
) -> Iterator[tuple[Place, tuple[str, Any]]]:
    """Every `RAG_*` variable as the place it sets, with its name and value."""
    known = dict(leaves(Settings))
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE:
            continue
        place = _place(name, tree)
        if (found := known.get(_general(place))) is not None:
            yield place, (name, _written(value, found))
            continue
        plain = name.removesuffix("_FILE")
        place = _place(plain, tree)
        field = known.get(_general(place))
        if plain == name or field is None or not is_secret(field):
            raise ConfigError(f"{name}: unknown variable.", hint=_nearest(name, list(known)))
        if plain in environ:
            raise ConfigError(f"{name}: {plain} is set too.", hint="Remove one of the two.")
        secret = Path(value).expanduser()
        yield place, (name, read_text(secret, f"{name}: {secret}").strip())


def _written(value: str, field: FieldInfo) -> Any:
    """What a variable says: lists, which are no text, are written as JSON."""
    if get_origin(field.annotation) not in (tuple, list, dict):
        return value
    try:
        return from_json(value)
    except ValueError:
        # Refused by the setting itself, in its own words.
        return value


def _nearest(name: str, known: list[Place]) -> str:
    """Suggest among the keys of the section if it exists, else among the sections."""
    section, *rest = name.removeprefix(PREFIX).lower().split("__")
    own = rest[0] if rest else ""
    sections = {place[0] for place in known}
    if section not in sections:
        return did_you_mean(name, sorted({PREFIX + place[0].upper() for place in known}))
    words = (
        "__".join(own if part == ANY else part for part in p) for p in known if p[0] == section
    )
    return did_you_mean(name, [PREFIX + word.upper() for word in words])


def _place(name: str, tree: Mapping[str, Any]) -> Place:
    """RAG_MODELS__GPT_4__API_KEY sets models.gpt-4.api_key where the file declares gpt-4."""
    parts = name.removeprefix(PREFIX).lower().split("__")
    if len(parts) > 1 and parts[0] in NAMED:
        declared = tree.get(parts[0])
        if isinstance(declared, dict):
            for key in cast("dict[str, Any]", declared):
                if "".join(c if c.isalnum() else "_" for c in key.lower()) == parts[1]:
                    parts[1] = key
    return tuple(parts)


def _general(place: Place) -> Place:
    """The place with the author's own name replaced, as `leaves` writes it."""
    if len(place) > 1 and place[0] in NAMED:
        return (place[0], ANY, *place[2:])
    return place


def _nested(variables: Mapping[Place, tuple[str, Any]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for (*above, last), (_, value) in variables.items():
        here = tree
        for part in above:
            here = here.setdefault(part, {})
        here[last] = value
    return tree


def _at(settings: Settings, key: str) -> Any:
    found: Any = settings
    for part in key.split("."):
        found = getattr(found, part)
    return found


def _dotted(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _dotted(cast("dict[str, Any]", value), f"{above}{key}.")
        yield above + key


def _problems(error: ValidationError, origins: Mapping[str, str]) -> Iterator[str]:
    """One sentence per problem, led by where the value came from."""
    for item in error.errors(include_url=False, include_input=False):
        place = tuple(str(part) for part in item["loc"])
        key = ".".join(place)
        origin = _origin(key, origins)
        if item["type"] == "extra_forbidden":
            hint = did_you_mean(place[-1], keys_at(Settings, place[:-1]))
            yield f"{origin}: unknown key '{key}'. {hint}"
        elif item["type"] == "missing":
            yield f"{origin}: '{key}' is missing. Add it."
        else:
            yield f"{origin}: {key}: {plainly(item)}."


def _origin(key: str, origins: Mapping[str, str]) -> str:
    """Where a key was set, else what set something in it, else what set something beside it."""
    if key in origins and key:
        return origins[key]
    within = [origin for known, origin in origins.items() if known.startswith(f"{key}.")]
    if within:
        return within[-1]
    above = key.rpartition(".")[0]
    return _origin(above, origins) if above else "settings"


def _refuse_foreign(folder: Path) -> None:
    """Never make our home among another program's files, or inside another data folder."""
    for parent in folder.parents:
        if (parent / "owner.lock").exists():
            raise ConfigError(
                f"The data folder {folder} lies inside another one, {parent}.",
                hint="Choose a folder of its own with --data or RAG_DATA.",
            )
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"The data folder {folder} is a file.", hint="Choose a folder.")
    try:
        held = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    except OSError as error:
        raise ConfigError(
            f"The data folder {folder} cannot be read ({error.strerror}).",
            hint="Choose another with --data or RAG_DATA, or fix its permissions.",
        ) from None
    # Measuring retrieval leaves only what was learned of this machine's encoder.
    harmless = ("lost+found", "cache")
    foreign = [name for name in held if not name.startswith(".") and name not in harmless]
    if foreign and not any(name in held for name in _OURS):
        raise ConfigError(
            f"The folder {folder} holds something else ({sorted(foreign)[0]}).",
            hint=f"Choose an empty one with --data, or put a {CONFIG_NAME} in it to use it.",
        )
