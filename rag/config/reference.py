"""The reference page of every setting: `python -m rag.config.reference > docs/configuration.md`."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from rag.config.settings import Settings
from rag.config.tree import ANY, is_list, is_secret, is_table, model_in

_HEAD = """\
# Configuration

Generated from the settings themselves: `python -m rag.config.reference > docs/configuration.md`.

Settings are read once, at the start, in this order, later ones winning:

1. the defaults below;
2. `rag.toml` in the data folder, or the file named by `--config` or `RAG_CONFIG`;
3. variables: `RAG_` and the key in capitals, sections joined by two underscores, so
   `server.port` is `RAG_SERVER__PORT`; a `NAME` of yours is written in capitals with `_` for every
   other sign (`models.gpt-4.api_key` is `RAG_MODELS__GPT_4__API_KEY`); an empty variable counts as
   not set, and a list is written as JSON, `["a", "b"]`;
4. `--data` and `--domain`.

A **secret** can also be given as a file: `RAG_INDEX__API_KEY_FILE=/run/secrets/qdrant`.
An unknown key or `RAG_` variable is an error. `rag config check` says whether all is well,
`rag config show` prints every value in use and where it came from, secrets masked.
"""


def reference() -> str:
    """The page as Markdown."""
    sections = [_HEAD, _table("Top level", "", Settings)]
    for name, field in Settings.model_fields.items():
        inner = model_in(field.annotation)
        if inner is not None:
            title = f"{name}.{ANY}" if is_table(field.annotation) else name
            sections.append(_table(f"[{title}]", inner.__doc__ or "", inner))
            sections += [
                _table(f"[[{title}.{key}]]", listed.__doc__ or "", listed)
                for key, within in inner.model_fields.items()
                if is_list(within.annotation) and (listed := model_in(within.annotation))
            ]
    return "\n".join(sections)


def _table(title: str, intro: str, model: type[BaseModel]) -> str:
    lines = [f"## {title}\n"]
    if intro:
        lines.append(f"{intro}\n")
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if model_in(field.annotation) is None:
            meaning = ("**Secret.** " if is_secret(field) else "") + (field.description or "")
            lines.append(f"| `{name}` | {_type(field)} | {_default(field)} | {meaning} |")
    return "\n".join(lines) + "\n"


def _type(field: FieldInfo) -> str:
    kind: Any = field.annotation
    words = {SecretStr: "text", str: "text", Path: "path", int: "whole number", float: "number"}
    if get_args(kind)[1:] == (type(None),):
        kind = get_args(kind)[0]
    if get_origin(kind) is tuple:
        text = "list of text"
    elif is_table(kind):
        text = "lists of text by name"
    elif choices := get_args(kind):
        text = ", ".join(f"`{choice}`" for choice in choices)
    else:
        text = {**words, bool: "true or false"}.get(kind, str(kind))
    signs = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
    bounds = [
        f"{sign} {getattr(rule, name)}"
        for rule in field.metadata
        for name, sign in signs
        if getattr(rule, name, None) is not None
    ]
    return " ".join([text, ", ".join(bounds)]).strip()


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, SecretStr) or value in ("", (), {}, None):
        return "empty"
    return f"`{value.value if isinstance(value, Enum) else value}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
