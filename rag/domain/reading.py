"""Reading what people write into models, with errors that name the file, the place and the fix."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any, TypeVar, Union, cast, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from rag.config.reading import read_text
from rag.errors import ConfigError, did_you_mean, plainly

MAX_BYTES = 20_000_000
"""Evals may be many."""
MAX_DEPTH = 40

M = TypeVar("M", bound=BaseModel)


def read_yaml(path: Path) -> Any:
    """The file's plain data: no tags, no anchors, no duplicate keys, one document.

    Anchors are refused because a few lines of them expand to gigabytes, duplicate keys because
    the first value would be lost without a word.
    """
    text = read_text(path, max_bytes=MAX_BYTES)
    try:
        _refuse_unsafe(path, text)
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = cast("Any", error).problem_mark
        line = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}: is not valid YAML{line}: {error.problem}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: is not valid YAML: {error}.") from error


def validate(model: type[M], data: object, place: str) -> M:
    """The data as `model`; every problem in one ConfigError, unknown keys with a suggestion."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError(" ".join(_problems(model, error, place))) from error


def _problems(model: type[BaseModel], error: ValidationError, place: str) -> list[str]:
    lines: list[str] = []
    for item in error.errors(include_url=False):
        loc = item["loc"]
        where = ".".join(str(part) for part in loc)
        if item["type"] == "extra_forbidden":
            known = _keys_at(model, loc[:-1])
            lines.append(f"{place}: unknown key '{where}'. {did_you_mean(str(loc[-1]), known)}")
        elif item["type"] == "missing":
            lines.append(f"{place}: '{where}' is missing. Add it.")
        else:
            lines.append(f"{place}: {where + ': ' if where else ''}{plainly(item)}.")
    return lines


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys a model takes at a place of the data, for suggestions."""
    here: Any = model
    for part in loc:
        here = _model_in(here)
        if here is None:
            return []
        if isinstance(part, str) and part in here.model_fields:
            here = here.model_fields[part].annotation
    found = _model_in(here)
    return list(found.model_fields) if found else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model within `X`, `tuple[X, ...]`, `dict[str, X]` or `X | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, list, dict, Union, types.UnionType):
        for inner in get_args(annotation):
            if (found := _model_in(inner)) is not None:
                return found
    return None


def _refuse_unsafe(path: Path, text: str) -> None:
    """Walk the events, which never recurse, before anything is built from them."""
    depth = 0
    event: Any
    for event in cast("Any", yaml.parse(text, Loader=_BaseLoader)):
        line: int = event.start_mark.line + 1
        problem = ""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            problem = "uses an anchor or alias; write the value out"
        elif getattr(event, "tag", None):
            problem = f"uses the tag {event.tag}; write a plain value"
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > MAX_DEPTH:
                problem = f"nests deeper than {MAX_DEPTH}; flatten it"
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if problem:
            raise ConfigError(f"{path}: line {line} {problem}.")


_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_BaseLoader):
    """The safe loader that also refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            try:
                repeated = key in seen
            except TypeError as error:
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be plain text", key_node.start_mark
                ) from error
            if repeated:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' is given twice", key_node.start_mark
                )
            seen.add(key)
        return _BaseLoader.construct_mapping(self, node, deep=deep)
