"""What people asked and were not answered, told on the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from rag.cli import output
from rag.cli.running import Json, through

AT_MOST = 1_000


def gaps(
    ctx: typer.Context,
    since: Annotated[
        datetime | None, typer.Option(help="Only what was asked from then on (UTC).")
    ] = None,
    language: Annotated[str, typer.Option(help="Only questions in it.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=AT_MOST, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """List questions that were not answered: what most people asked is first."""
    from datetime import UTC

    from rag.store.gaps import Asked

    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    asked = Asked(since=since, language=language)
    found = through(
        ctx, lambda app, who: app.gaps.list(who, asked, limit, domain=ctx.obj.domain), looks=True
    )
    if as_json:
        output.say_json({"gaps": found})
        return
    if not found:
        output.say("Every question was answered.")
        return
    output.say_table(
        ("question", "people", "times", "since", "answered", "missed"),
        [
            (
                one.question,
                str(one.people),
                str(one.questions),
                f"{one.first:%Y-%m-%d}",
                f"{one.answered:%Y-%m-%d}" if one.answered else "",
                ", ".join(each.name or each.title for each in one.missed),
            )
            for one in found
        ],
    )
