"""The verbs by which an admin adds models and gives them keys; `rag models` has the others."""

from __future__ import annotations

import json
import os
import sys
from getpass import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli import output
from rag.cli.running import Json, group, through, valid
from rag.errors import InvalidInput

if TYPE_CHECKING:
    from rag.models.told import DeclaredModel

cli = group("Add and remove models, and give them keys.")
Name = Annotated[str, typer.Argument(help="What it is called here.")]
KeyEnv = Annotated[
    str, typer.Option(help="The environment variable that has the key; not one of RAG_*.")
]


@cli.command()
def add(
    ctx: typer.Context,
    name: Name,
    provider: Annotated[str, typer.Option(help="What serves it.")] = "openai_like",
    model: Annotated[str, typer.Option(help="The provider's name of it; else the same.")] = "",
    base_url: Annotated[str, typer.Option(help="The endpoint; needed by openai_like.")] = "",
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE, as under [models.NAME] in rag.toml; repeatable."),
    ] = None,
    key: Annotated[
        bool, typer.Option("--key", help="Ask for the key, or read it from standard input.")
    ] = False,
    key_env: KeyEnv = "",
    as_json: Json = False,
) -> None:
    """Add a model, or let it be another, from the next question on; no restart is needed."""
    from rag.config import AddedModelSettings

    more = dict(_pair(word) for word in given or ())
    named = {"provider": provider, "model": model or name, "base_url": base_url}
    settings = valid(
        AddedModelSettings, **{one: said for one, said in named.items() if said} | more
    )
    secret = _key(key_env) if key or key_env else None
    found = through(ctx, lambda app, who: app.declared.put(who, name, settings, secret))
    if as_json:
        output.say_json(found)
        return
    output.say(f"{_told(found)} Next: rag models check {name}")


@cli.command()
def remove(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Forget a model that was added, and its key."""
    through(ctx, lambda app, who: app.declared.remove(who, name))
    output.say_json({"removed": name}) if as_json else output.say(f"Removed '{name}'.")


@cli.command("key")
def set_key(
    ctx: typer.Context,
    name: Name,
    key_env: KeyEnv = "",
    remove: Annotated[bool, typer.Option("--remove", help="Forget the key.")] = False,
    as_json: Json = False,
) -> None:
    """Give a model a key: typed, or from standard input. It is kept encrypted, never shown."""
    if remove:
        through(ctx, lambda app, who: app.declared.remove_key(who, name))
        output.say_json({"removed": name}) if as_json else output.say(f"'{name}' has no key.")
        return
    secret = _key(key_env)
    found = through(ctx, lambda app, who: app.declared.set_key(who, name, secret))
    output.say_json(found) if as_json else output.say(_told(found))


def _key(variable: str) -> str:
    """Never an argument: everybody on the machine can read those."""
    if variable:
        found = os.environ.get(variable, "")
    elif sys.stdin.isatty():
        found = getpass("Key: ", sys.stderr)
    else:
        found = sys.stdin.readline()
    if not found.strip():
        raise InvalidInput("There is no key.", hint="Type it, pipe it in, or use --key-env NAME.")
    return found.strip()


def _pair(word: str) -> tuple[str, Any]:
    name, equals, text = word.partition("=")
    if not equals or name == "api_key":
        wrong = "never takes a key: use --key" if equals else f"wants KEY=VALUE, not '{word}'"
        raise InvalidInput(f"--set {wrong}.")
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text


def _told(found: DeclaredModel) -> str:
    key = "a key" if found.key else "no key"
    return f"'{found.name}' is there, with {key}. {found.problem}".strip()
