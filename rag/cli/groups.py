"""The verbs of groups: who is in which, and letting people in or putting them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import output
from rag.cli.running import Json, group, through

if TYPE_CHECKING:
    from rag.app import App
    from rag.remote import RemoteApp
    from rag.types import Group, Principal

cli = group("Let people into groups, or put them out.")
Name = Annotated[str, typer.Argument(metavar="GROUP", help="The group's name.")]
User = Annotated[str, typer.Argument(help="The person's id.")]


def groups(ctx: typer.Context, as_json: Json = False) -> None:
    """List the groups with who is in them now."""
    found = through(ctx, lambda app, who: app.groups(who, ctx.obj.domain), looks=True)
    if as_json:
        output.say_json({"groups": found})
        return
    output.say_table(
        ("group", "person", "added by", "at"),
        [
            (
                one.name,
                member.user,
                member.added_by or "the pack",
                f"{member.added_at:%Y-%m-%d %H:%M}" if member.added_at else "",
            )
            for one in found
            for member in one.members
        ],
    )


@cli.command()
def add(ctx: typer.Context, name: Name, user: User, as_json: Json = False) -> None:
    """Let a person into a group, from the next question on."""
    _change(ctx, name, user, belongs=True, as_json=as_json)


@cli.command()
def remove(ctx: typer.Context, name: Name, user: User, as_json: Json = False) -> None:
    """Put a person out of a group, from the next question on."""
    _change(ctx, name, user, belongs=False, as_json=as_json)


def _change(ctx: typer.Context, name: str, user: str, *, belongs: bool, as_json: bool) -> None:
    async def work(app: App | RemoteApp, who: Principal) -> tuple[list[Group], Group]:
        domain = ctx.obj.domain
        before = await app.groups(who, domain)
        return before, await app.change_group(who, name, user, belongs=belongs, domain=domain)

    before, found = through(ctx, work)
    if as_json:
        output.say_json(found)
        return
    members = {one.name: {member.user for member in one.members} for one in before}
    if (user in members.get(name, ())) is belongs:
        output.say(
            f"'{user}' was {'' if belongs else 'not '}in '{name}'{' already' if belongs else ''}."
        )
        return
    output.say(f"'{user}' is {'in' if belongs else 'not in'} '{name}' now.")
    if not belongs:
        return
    # A slip of the keys would make a group, or let in somebody whom nobody is.
    if name not in members:
        output.say(f"The group '{name}' is new here.")
    if not any(user in users for users in members.values()):
        output.say(f"'{user}' was in no group before.")
