"""The verbs of a person's data: what is kept of them, and its erasure."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import output
from rag.cli.running import Json, group, through
from rag.errors import InvalidInput, counted

if TYPE_CHECKING:
    from rag.app import App
    from rag.remote import RemoteApp
    from rag.types import Principal

people = group("Give somebody what is kept of them, or erase it.")
Name = Annotated[str, typer.Argument(help="Whose.")]


@people.command()
def export(ctx: typer.Context, name: Name) -> None:
    """Print everything that is kept of a person as lines of JSON; the last one counts them."""

    async def work(app: App | RemoteApp, who: Principal) -> None:
        async with aclosing(await app.privacy.export(who, name)) as rows:
            async for row in rows:
                output.say_json(row)

    through(ctx, work)


@people.command()
def erase(
    ctx: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, for good.")] = False,
    as_json: Json = False,
) -> None:
    """Erase everything that is kept of a person, with their account, for good."""
    if not yes:
        raise InvalidInput(
            f"This erases '{name}' with all that they asked and said, for good.",
            hint="Say that you mean it with --yes.",
        )
    done = through(ctx, lambda app, who: app.privacy.erase(who, name))
    if as_json:
        output.say_json(done)
        return
    rows, acts = sum(done.deleted.values()), sum(done.renamed.values())
    output.say(
        f"Erased {counted(rows, 'row')}; {counted(acts, 'act')} stay under {done.pseudonym}."
    )
    if done.models:
        output.note(f"These models learned from rows of theirs: {', '.join(done.models)}.")
    if done.remark:
        output.note(done.remark)


def erase_document(
    ctx: typer.Context,
    document: Annotated[str, typer.Argument(help="Its id, from `rag documents`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Yes, for good.")] = False,
    as_json: Json = False,
) -> None:
    """Erase a document, and what was made of it for people, for good."""
    if not yes:
        raise InvalidInput(
            f"This erases '{document}' and takes it out of every answer, for good.",
            hint="Say that you mean it with --yes.",
        )
    done = through(ctx, lambda app, who: app.privacy.erase_document(who, document, ctx.obj.domain))
    if as_json:
        output.say_json(done)
        return
    output.say(f"Erased it, and what {counted(done.traces, 'answer')} had of it.")
    output.note("The engine keeps its bytes until the index is built anew: rag sync --rebuild.")
    if done.remark:
        output.note(done.remark)
