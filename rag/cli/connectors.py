"""The kinds of source that can be added: all of them, or one with every setting it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli import output
from rag.cli.running import Json, through
from rag.errors import NotFound, did_you_mean

if TYPE_CHECKING:
    from rag.types import ConnectorInfo

Form = Mapping[str, Any]
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
}


def connectors(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="One of them, with all its settings.")] = None,
    as_json: Json = False,
) -> None:
    """List the kinds of source that can be added, and what each wants to know and was tested on."""
    found = through(ctx, lambda app, who: app.connectors(who))
    if name is not None:
        known = {one.name: one for one in found}
        if name not in known:
            raise NotFound(f"There is no connector '{name}'.", hint=did_you_mean(name, list(known)))
        output.say_json(known[name]) if as_json else _say(known[name])
        return
    if as_json:
        output.say_json({"connectors": found})
        return
    output.say_table(
        ("connector", "reads", "verified against", "settings (needed ones first)"),
        [
            (
                one.name,
                one.problem or one.about,
                one.verified or "unverified",
                ", ".join(key if needed else f"[{key}]" for key, _, needed in _settings(one.form)),
            )
            for one in found
        ],
    )
    output.say("Every setting of one, and an example: rag connectors NAME")


def _say(one: ConnectorInfo) -> None:
    output.say(f"{one.name}: {one.about}")
    output.say(f"Verified against: {one.verified or 'nothing yet (unverified)'}.")
    if one.problem:
        output.say(f"It cannot be used here: {one.problem}")
    rows = [
        (
            key,
            _type(form, one.form) + (", secret" if _secret(form) else ""),
            "needed" if needed else "-" if _secret(form) else _default(form),
            form.get("description", ""),
        )
        for key, form, needed in _settings(one.form)
    ]
    if rows:
        output.say_table(("setting", "type", "default", "what it is"), rows)
    output.say(f"Example: {_example(one)}")


def _settings(form: Form) -> list[tuple[str, Form, bool]]:
    """Each setting with its form and whether it is needed; those that are come first."""
    needed: list[str] = list(form.get("required", ()))
    properties: Mapping[str, Form] = form.get("properties", {})
    rest = [key for key in properties if key not in needed]
    return [(key, properties.get(key, {}), key in needed) for key in (*needed, *rest)]


def _type(form: Form, whole: Form) -> str:
    """What a value looks like, in a few words."""
    if "$ref" in form:
        inner: Form = whole["$defs"][form["$ref"].rpartition("/")[2]]
        keys = [key if needed else f"[{key}]" for key, _, needed in _settings(inner)]
        return f"{{{', '.join(keys)}}}"
    if "anyOf" in form:
        kinds = [_type(kind, whole) for kind in form["anyOf"] if kind.get("type") != "null"]
        return " or ".join(kinds)
    if "enum" in form:
        return " or ".join(map(str, form["enum"]))
    if form.get("type") == "array":
        return f"list of {_type(form.get('items', {}), whole)}"
    if form.get("format") == "path":
        return "path"
    return _TYPES.get(form.get("type", ""), "any")


def _secret(form: Form) -> bool:
    return any(kind.get("writeOnly") is True for kind in form.get("anyOf", (form,)))


def _default(form: Form) -> str:
    value: object = form.get("default")
    if value in (None, "", [], {}):
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _example(one: ConnectorInfo) -> str:
    """A command line with what must be given; a secret comes from a file, not from the history."""
    words = ["rag", "add", one.name]
    for at, (key, form, needed) in enumerate(_settings(one.form)):
        # Where nothing is needed by itself, the form begins with what matters most.
        if not needed and (at > 0 or _default(form) != "-"):
            continue
        if _secret(form):
            words.append(f"--set {key}=@FILE")
        else:
            words.append(key.upper() if at == 0 else f"--set {key}={key.upper()}")
    return " ".join([*words, "--name NAME"])
