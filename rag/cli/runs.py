"""The verbs of runs: what was done, what goes on, and when a source is read by itself."""

from __future__ import annotations

import asyncio
import re
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import output
from rag.cli.running import Json, group, through
from rag.cli.target import Target
from rag.errors import ConfigError, InvalidInput, counted

if TYPE_CHECKING:
    from rag.types import Run, Schedule

run = group("Look at one run, or stop it.")
RunId = Annotated[str, typer.Argument(help="The run's id: see rag runs.")]
OF = {"build": "answer", "verify": "row"}
"""What runs that are about no document count."""
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def runs(
    ctx: typer.Context,
    source: Annotated[str | None, typer.Option(help="Only those of this source.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=1_000, help="How many, at most.")
    ] = 20,
    as_json: Json = False,
) -> None:
    """List the runs, newest first: what goes on, and what became of the others."""
    found = through(
        ctx,
        lambda app, who: app.runs(who, source=source, domain=ctx.obj.domain, limit=limit),
        looks=True,
    )
    if as_json:
        output.say_json({"runs": found})
        return
    if not found:
        output.say("No runs yet. Next: rag sync")
        return
    output.say_table(
        ("run", "kind", "source", "state", "asked for", "by", "came of it"),
        [
            (
                one.id,
                one.progress.phase if one.kind == "change" and one.progress.phase else one.kind,
                one.source or one.wanted.get("dataset", ""),
                "stopping" if one.cancelling else one.state,
                f"{one.requested_at:%Y-%m-%d %H:%M:%S}",
                one.requested_by,
                _told(one),
            )
            for one in found
        ],
    )


@run.command()
def show(ctx: typer.Context, run_id: RunId, as_json: Json = False) -> None:
    """One run with its progress, and its report or error when it has ended."""
    found = through(ctx, lambda app, who: app.run(who, run_id, ctx.obj.domain), looks=True)
    output.say_json(found) if as_json else output.say_mapping(found.model_dump(mode="json"))


@run.command()
def cancel(ctx: typer.Context, run_id: RunId, as_json: Json = False) -> None:
    """Stop a run; what it has indexed stays, the next sync does the rest."""
    found = through(ctx, lambda app, who: app.cancel_run(who, run_id, ctx.obj.domain))
    if as_json:
        output.say_json(found)
        return
    output.say(f"{found.id} is {'stopping' if found.cancelling else found.state}.")


def schedule(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="The source's name.")],
    every: Annotated[str | None, typer.Option(help="As in 90s, 15m, 6h, 1d.")] = None,
    cron: Annotated[str | None, typer.Option(help="As in '0 * * * *', in UTC.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Read it no more by itself.")] = False,
    as_json: Json = False,
) -> None:
    """Let a source be read by itself while a server or a worker runs."""
    chosen = _schedule(every, cron, off)
    found = through(ctx, lambda app, who: app.schedule_source(who, source, chosen, ctx.obj.domain))
    if as_json:
        output.say_json(found)
    elif found.next_sync is None:
        output.say(f"'{found.name}' is no longer read by itself.")
    else:
        output.say(f"'{found.name}' is read next at {found.next_sync:%Y-%m-%d %H:%M:%S} UTC.")


def worker(ctx: typer.Context, as_json: Json = False) -> None:
    """Do runs apart from the server, over one database and index server, until interrupted."""
    target: Target = ctx.obj
    settings = target.settings()
    if not settings.many_processes:
        raise ConfigError(
            "A worker of its own needs PostgreSQL and a Qdrant server.",
            hint="Set database.url and index.engine = 'qdrant_server'; else rag serve does runs.",
        )

    async def work() -> None:
        from rag.app import build
        from rag.config import setup_logging

        setup_logging(settings.log)
        app = await build(settings)
        working = asyncio.ensure_future(app.work())
        try:
            # A service manager's way to stop it: what was begun is given back, not lost.
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
            output.say_json({"worker": "ready"}) if as_json else output.say(
                "Working (Ctrl-C ends)."
            )
            await asyncio.wait({working})
        finally:
            working.cancel()
            await asyncio.wait({working})
            await app.aclose()
        if not working.cancelled():
            working.result()

    asyncio.run(work())


def _schedule(every: str | None, cron: str | None, off: bool) -> Schedule | None:
    from rag.types import Schedule

    if sum((every is not None, cron is not None, off)) != 1:
        raise InvalidInput("Say one of --every, --cron and --off.")
    if off:
        return None
    if cron is not None:
        return Schedule(cron=cron[:200])
    match = re.fullmatch(r"(\d{1,9})([smhd])", every or "")
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 10 <= seconds <= 366 * _UNITS["d"]:
        raise InvalidInput(
            f"--every wants 10s to 366d, not '{every}'.", hint="For example 90s, 15m, 6h or 1d."
        )
    return Schedule(every_seconds=seconds)


def _told(one: Run) -> str:
    """In a few words: how far it is, or what came of it."""
    if one.error is not None:
        return one.error.message
    seen = one.progress
    if one.state == "queued":
        return "waits for a worker"
    if one.state == "cancelled":
        return f"stopped after {counted(seen.done, OF.get(one.kind, 'document'))}"
    if one.kind == "build" and one.ended:
        return f"{one.report['dataset']}: {counted(one.report['rows'], 'row')}"
    if one.kind == "verify" and one.ended:
        return (
            "it is taken as it is meant" if one.report["ok"] else "it is not taken as it is meant"
        )
    if one.ended:
        return output.outcomes(one.report) or ("done" if one.kind == "change" else "nothing to do")
    if one.kind == "verify":
        return seen.phase
    left = f", {seen.seconds_left:.0f} s left" if seen.seconds_left is not None else ""
    return f"{seen.done:,} of {seen.seen:,} done{left}"
