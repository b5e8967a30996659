"""The verbs of people: accounts and their links, API keys, and what admins did."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import output
from rag.cli.running import Json, group, through

if TYPE_CHECKING:
    from rag.people import Caller
    from rag.types import Role


class Named(StrEnum):
    """The roles as options; `rag.types` itself would make `--help` slow."""

    user = "user"
    admin = "admin"
    data = "data"


cli = group("Invite people, and change or suspend their accounts.")
key = group("Make and remove API keys.")
Name = Annotated[str, typer.Argument(help="The account's name.")]
Roles = Annotated[
    list[Named] | None, typer.Option("--role", help="May be said again; user if not said.")
]


def accounts(ctx: typer.Context, as_json: Json = False) -> None:
    """List the accounts."""
    found = through(ctx, lambda app, who: app.accounts.list(who), looks=True)
    if as_json:
        output.say_json({"accounts": found})
        return
    output.say_table(
        ("name", "roles", "signs in", "last", ""),
        [
            (
                one.id,
                ", ".join(sorted(one.roles)),
                f"at {one.provider}" if one.provider else "by password",
                f"{one.signed_in_at:%Y-%m-%d %H:%M}" if one.signed_in_at else "never",
                "suspended" if one.suspended else "",
            )
            for one in found
        ],
    )


@cli.command()
def invite(ctx: typer.Context, name: Name, role: Roles = None, as_json: Json = False) -> None:
    """Print a link by which a person chooses a password, for the first time or again."""
    link = through(ctx, lambda app, who: app.accounts.invite(who, name, _roles(role) or []))
    if as_json:
        output.say_json({"link": link})
        return
    output.say(link)
    output.note(f"Good once, and for '{name}' alone: send it where nobody else reads it.")


@cli.command("set")
def change(
    ctx: typer.Context,
    name: Name,
    role: Roles = None,
    suspended: Annotated[
        bool | None, typer.Option("--suspend/--resume", help="Shut the account, or open it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change somebody's roles, or suspend them, from the next request on."""
    found = through(
        ctx,
        lambda app, who: app.accounts.change(who, name, roles=_roles(role), suspended=suspended),
    )
    if as_json:
        output.say_json(found)
        return
    state = "suspended" if found.suspended else "active"
    output.say(f"'{found.id}' is {state}, with the roles {', '.join(sorted(found.roles))}.")


def keys(ctx: typer.Context, as_json: Json = False) -> None:
    """List the API keys of everybody."""
    found = through(ctx, lambda app, _: app.accounts.keys(_operator()))
    if as_json:
        output.say_json({"keys": found})
        return
    output.say_table(
        ("id", "account", "name", "scopes", "expires", "last used"),
        [
            (
                one.id,
                one.account,
                one.name,
                ", ".join(sorted(one.scopes)),
                f"{one.expires_at:%Y-%m-%d}",
                f"{one.used_at:%Y-%m-%d %H:%M}" if one.used_at else "never",
            )
            for one in found
        ],
    )


@key.command("add")
def add_key(
    ctx: typer.Context,
    owner: Annotated[str, typer.Argument(help="Whose key it is.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    role: Roles = None,
    days: Annotated[float, typer.Option(help="How long it is good for.")] = 90,
    as_json: Json = False,
) -> None:
    """Make an API key for an account; it is shown this once."""
    made, secret = through(
        ctx,
        lambda app, _: app.accounts.add_key(_operator(), name, _roles(role) or [], days, owner),
    )
    if as_json:
        output.say_json({"key": made, "secret": secret})
        return
    output.say(secret)
    output.note(f"Keep it now: it is not shown again. It ends on {made.expires_at:%Y-%m-%d}.")


@key.command("remove")
def remove_key(
    ctx: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, from `rag keys`.")],
    as_json: Json = False,
) -> None:
    """Remove an API key, from the next request on."""
    removed = through(ctx, lambda app, _: app.accounts.remove_key(_operator(), key_id))
    if as_json:
        output.say_json(removed)
        return
    output.say(f"Removed '{removed.name}' of '{removed.account}'.")


def audit(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many.")] = 50,
    before: Annotated[int | None, typer.Option(min=1, help="Only those before this id.")] = None,
    as_json: Json = False,
) -> None:
    """List who did what to people, sources and models, newest first."""
    found = through(ctx, lambda app, who: app.accounts.audit(who, limit, before))
    if as_json:
        output.say_json({"entries": found})
        return
    output.say_table(
        ("id", "at", "who", "did", "to", "how"),
        [
            (
                one.id,
                f"{one.ts:%Y-%m-%d %H:%M:%S}",
                one.actor,
                one.act,
                one.object,
                ", ".join(f"{name}: {value}" for name, value in one.details.items()),
            )
            for one in found
        ],
    )


def _roles(named: list[Named] | None) -> list[Role] | None:
    from rag.types import Role

    return None if named is None else [Role(one) for one in named]


def _operator() -> Caller:
    """Whoever can read the data folder."""
    from rag.people import Caller
    from rag.types import LOCAL

    return Caller(LOCAL, "operator")
