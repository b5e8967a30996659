"""The verbs of conversations: look for one, show, share or delete it; asking is `rag ask`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import output
from rag.cli.running import Json, group, through
from rag.errors import counted

if TYPE_CHECKING:
    from rag.app import App
    from rag.conversations import Exchange, Talk
    from rag.remote import RemoteApp
    from rag.types import Principal

cli = group("Show, rename, share or delete a conversation.")
Which = Annotated[str, typer.Argument(metavar="ID", help="As rag conversations tells.")]
PAGE = 200
"""Turns that are fetched at once."""


def conversations(
    ctx: typer.Context,
    search: Annotated[str, typer.Option(help="Words of a title or a question.")] = "",
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=200, help="How many, at most.")
    ] = 20,
    as_json: Json = False,
) -> None:
    """List your conversations, the one used last first."""
    domain = ctx.obj.domain
    found = through(
        ctx,
        lambda app, who: app.conversations.page(who, domain, search=search, limit=limit),
        looks=True,
    )
    if as_json:
        output.say_json({"conversations": found})
        return
    output.say_table(
        ("id", "title", "turns", "last", ""),
        [
            (
                one.id,
                one.title,
                str(one.turns),
                f"{one.updated_at:%Y-%m-%d %H:%M}",
                "shared" if one.shared_at else "",
            )
            for one in found
        ],
    )


@cli.command()
def show(ctx: typer.Context, conversation: Which, as_json: Json = False) -> None:
    """Print what was asked and answered, as far as its sources may be read now."""

    async def work(app: App | RemoteApp, who: Principal) -> Talk:
        talk = await app.conversations.show(who, conversation, limit=PAGE)
        while talk.next is not None:
            more = await app.conversations.show(who, conversation, after=talk.next, limit=PAGE)
            talk = more.model_copy(update={"turns": (*talk.turns, *more.turns)})
        return talk

    talk = through(ctx, work, looks=True)
    if as_json:
        output.say_json(talk)
        return
    output.say(talk.conversation.title)
    for one in talk.turns:
        output.say(f"\n{one.n}. {one.question}\n{_answer(one)}")


@cli.command()
def rename(ctx: typer.Context, conversation: Which, title: str, as_json: Json = False) -> None:
    """Give it another title."""
    done = through(
        ctx, lambda app, who: app.conversations.rename(who, conversation, title), looks=True
    )
    output.say_json(done) if as_json else output.say(f"It is called '{done.title}'.")


@cli.command()
def delete(ctx: typer.Context, conversation: Which, as_json: Json = False) -> None:
    """Delete it with what was answered in it, but for answers that were rated."""
    through(ctx, lambda app, who: app.conversations.delete(who, conversation), looks=True)
    output.say_json({"deleted": conversation}) if as_json else output.say("Deleted.")


@cli.command()
def share(ctx: typer.Context, conversation: Which, as_json: Json = False) -> None:
    """Print a link for people of the same domain; the one before, if any, ends."""
    link = through(ctx, lambda app, who: app.conversations.share(who, conversation), looks=True)
    output.say_json({"link": link}) if as_json else output.say(link)


@cli.command()
def unshare(ctx: typer.Context, conversation: Which, as_json: Json = False) -> None:
    """End its link, from the next request on."""
    done = through(ctx, lambda app, who: app.conversations.unshare(who, conversation), looks=True)
    output.say_json(done) if as_json else output.say("Nobody else can read it.")


def _answer(one: Exchange) -> str:
    if one.withheld:
        return "Withheld: it is made from what you may not read now."
    if one.answer is None:
        return {
            "open": "This is being answered.",
            "left": "Nobody waited for the answer.",
            "failed": "This could not be answered.",
        }.get(one.state, "The answer is not kept.")
    cited = f" ({counted(len(one.citations), 'citation')})" if one.citations else ""
    return f"{one.answer}{cited}"
