"""The verbs of the ratchet: make candidates, look at them, promote one, take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import output, training
from rag.cli.running import Json, group, through
from rag.errors import counted

if TYPE_CHECKING:
    from rag.app import App
    from rag.candidates import Candidate, Judgement, Kind, Release
    from rag.remote import RemoteApp
    from rag.types import Principal

cli = group("Make candidates that might answer better. Nothing that people see changes.")
Named = Annotated[str, typer.Argument(metavar="CANDIDATE", help="As memory-3; see: rag tune list.")]
Why = Annotated[str, typer.Option(help="For whoever looks at the releases later.")]
Base = Annotated[
    str | None,
    typer.Option(
        help="Train this one further: a name under tuning.bases, or `reranking` for the one in use."
    ),
]
Budget = Annotated[
    float,
    typer.Option(
        metavar="MINUTES", min=0.1, help="May be spent on trying; what takes longer is not begun."
    ),
]
Answers = Annotated[
    bool, typer.Option("--answers", help="Search by what is answered, not by what is found.")
]
SIGNS = {True: "holds", False: "fails", None: "cannot tell"}


@cli.command()
def memory(ctx: typer.Context, as_json: Json = False) -> None:
    """Remember which passages people found useful for which questions, to order them by it."""
    _make(ctx, "memory", as_json=as_json)


@cli.command()
def adapter(ctx: typer.Context, as_json: Json = False) -> None:
    """Turn the vectors of questions towards what people found useful. The index stays."""
    _make(ctx, "adapter", as_json=as_json)


@cli.command()
def reranker(ctx: typer.Context, base: Base = None, as_json: Json = False) -> None:
    """Order what was found as people's ratings say, by small trees or a cross-encoder."""
    _make(ctx, "reranker", base=base, as_json=as_json)


@cli.command()
def encoder(ctx: typer.Context, as_json: Json = False) -> None:
    """Train the embedder further, and make an index with it beside the one that answers.

    It takes minutes, and longer for the index. Both answer from the same question on: rag promote.
    """
    _make(ctx, "encoder", as_json=as_json)


@cli.command()
def chunking(ctx: typer.Context, budget: Budget = 10, as_json: Json = False) -> None:
    """Search for a better way to cut documents, and make an index of it beside the live one.

    Cuts are tried on a pool of documents for the minutes given; then the index takes as long as a
    rebuild. Both answer from the same question on: rag promote.
    """
    _make(ctx, "chunking", budget=budget, as_json=as_json)


@cli.command()
def configuration(
    ctx: typer.Context, answers: Answers = False, budget: Budget = 10, as_json: Json = False
) -> None:
    """Search for settings that join words and meaning better, on what was rated and on evals.

    With --answers for what an answer is made of: how many passages, how much of each, and which of
    the pack's wordings of the prompt. The model that answers is asked, which may cost.
    """
    _make(ctx, "configuration", budget=budget, answers=answers, as_json=as_json)


@cli.command()
def prompt(ctx: typer.Context, as_json: Json = False) -> None:
    """Show models the best accepted answers as examples, what people wrote first."""
    _make(ctx, "prompt", as_json=as_json)


def _make(
    ctx: typer.Context,
    kind: Kind,
    *,
    as_json: bool,
    base: str | None = None,
    budget: float | None = None,
    answers: bool = False,
) -> None:
    async def work(app: App | RemoteApp, who: Principal) -> Candidate:
        return await app.tuning.make(
            who, kind, ctx.obj.domain, progress, base, budget, answers=answers
        )

    with output.progress_bar() as progress:
        made = through(ctx, work)
    if as_json:
        output.say_json(made)
        return
    _tell(made)
    output.say(f"Next: rag eval --candidate {made.name}")


@cli.command("list")
def listed(ctx: typer.Context, as_json: Json = False) -> None:
    """List every candidate, newest first."""
    found = through(ctx, lambda app, who: app.tuning.list(who, ctx.obj.domain), looks=True)
    if as_json:
        output.say_json({"candidates": found})
        return
    if not found:
        output.say("No candidates yet. Next: rag tune memory")
        return
    output.say_table(
        ("candidate", "is", "made", "by", "of feedback until"),
        [
            (
                one.name,
                one.state,
                f"{one.created_at:%Y-%m-%d %H:%M}",
                one.created_by,
                str(one.lineage["as_of"])[:16].replace("T", " "),
            )
            for one in found
        ],
    )


@cli.command()
def show(ctx: typer.Context, name: Named, as_json: Json = False) -> None:
    """What a candidate was made of, and what the gate said of it."""
    found, reports = through(
        ctx, lambda app, who: app.tuning.get(who, name, ctx.obj.domain), looks=True
    )
    if as_json:
        output.say_json({"candidate": found, "reports": reports})
        return
    _tell(found)
    if found.kind == "llm":
        training.say_serving(ctx.obj.settings(), found)
    for one in reports:
        say_judgement(one)


@cli.command()
def gains(ctx: typer.Context, as_json: Json = False) -> None:
    """What ratings were worth: each candidate as it was measured last, by how many it learned."""
    from rag.candidates import STRATA

    found = through(ctx, lambda app, who: app.tuning.gains(who, ctx.obj.domain), looks=True)
    if as_json:
        output.say_json({"gains": found})
        return
    if not found:
        output.say("Nothing that learned from ratings was measured yet. Next: rag tune memory")
        return
    output.say_table(
        ("ratings", "candidate", "gate", "gain", "repeat", "near duplicate", "novel"),
        [
            (
                str(one.ratings),
                one.candidate,
                one.outcome,
                f"{one.overall.mean:+.3f} ({one.overall.low:+.3f} to {one.overall.high:+.3f})",
                *(f"{one.strata[name].mean:+.3f}" for name in STRATA),
            )
            for one in found
        ],
    )


def measure(ctx: typer.Context, name: str, *, as_json: bool) -> None:
    """Measure a candidate against what is live, and say what the gate says."""

    async def work(app: App | RemoteApp, who: Principal) -> Judgement:
        return await app.tuning.measure(who, name, ctx.obj.domain, progress)

    with output.progress_bar() as progress:
        said = through(ctx, work)
    if as_json:
        output.say_json(said)
        return
    say_judgement(said)
    if said.report.outcome == "passed":
        output.say(f"Next: rag promote {name}")


def promote(ctx: typer.Context, name: Named, why: Why = "", as_json: Json = False) -> None:
    """Let a candidate that the gate let through answer, from the next question on."""
    made = through(ctx, lambda app, who: app.tuning.promote(who, name, ctx.obj.domain, why))
    output.say_json(made) if as_json else output.say(
        f"Release {made.number} answers now, with {name}. Back: rag rollback"
    )


def rollback(
    ctx: typer.Context,
    to: Annotated[
        int | None, typer.Option(help="The number of a release; else the one before.", min=0)
    ] = None,
    why: Why = "",
    force: Annotated[
        bool, typer.Option("--force", help="Also to an index that lacks documents.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let answers use what an earlier release did, from the next question on."""
    made = through(
        ctx, lambda app, who: app.tuning.roll_back(who, ctx.obj.domain, to, why, force=force)
    )
    output.say_json(made) if as_json else output.say(
        f"Release {made.number} answers now, with what release {made.back_to} had."
    )


def releases(ctx: typer.Context, as_json: Json = False) -> None:
    """List what answers use together and what they used before, newest first."""
    found = through(ctx, lambda app, who: app.tuning.releases(who, ctx.obj.domain), looks=True)
    if as_json:
        output.say_json({"releases": found})
        return
    if not found:
        output.say("Nothing was promoted yet. Next: rag tune memory")
        return
    named = {
        one.id: one.name
        for one in through(ctx, lambda app, who: app.tuning.list(who, ctx.obj.domain), looks=True)
    }
    output.say_table(
        ("release", "answers with", "came", "by", "why"),
        [(_number(one, found), *_line(one, named)) for one in found],
    )


def say_judgement(said: Judgement) -> None:
    """What the gate said, condition by condition."""
    report = said.report
    output.say(f"\n{report.outcome.upper()} against release {said.against}: {report.why}")
    output.say_table(
        ("condition", "", "questions", "difference", "95 of 100", "asked for", "needs"),
        [
            (
                one.name,
                SIGNS[one.holds],
                str(one.interval.questions),
                f"{one.interval.mean:+.3f}",
                f"{one.interval.low:+.3f} to {one.interval.high:+.3f}",
                f"above {one.bound:+.2f}",
                f"{one.needed} more" if one.needed else "",
            )
            for one in report.conditions
        ],
    )
    output.say_table(
        ("stratum", "questions", "difference", "interval"),
        [
            (
                name.replace("_", " "),
                str(one.questions),
                f"{one.mean:+.3f}",
                f"{one.low:+.3f} to {one.high:+.3f}",
            )
            for name, one in report.strata.items()
        ],
    )


def _tell(one: Candidate) -> None:
    if one.kind == "llm":
        training.tell(one)
        return
    figures, lineage = one.figures, one.lineage
    if "votes" in figures:
        votes = counted(figures["votes"], "verdict")
        output.say(f"{one.name} learned from {votes} of {counted(figures['answers'], 'answer')}.")
    else:
        output.say(f"{one.name} was made of {counted(figures.get('questions', 0), 'question')}.")
    left = {
        "held_out": "held out, to measure with",
        "stale": "of another index",
        "nothing_said": "say nothing of passages",
        "not_indexed": "name a document that is not there",
        "capped": "beyond what one person may say",
    }
    for name, why in left.items():
        if figures.get(name):
            output.say(f"  {figures[name]} {why}")
    if one.kind == "memory":
        gate = lineage["knobs"]["gate"]
        how = "fitted" if figures["gate_fitted"] else "as measured elsewhere: too little is known"
        output.say(f"  questions are alike from a cosine of {gate:g} ({how})")
    elif one.kind == "prompt":
        examples = counted(figures["examples"], "example")
        output.say(f"  {examples}, {figures['corrections']} of them as people wrote it")
    elif one.kind == "configuration":
        # One that was made before there were changes says its settings.
        said = lineage.get("changes") or {name: [value] for name, value in lineage["knobs"].items()}
        for name, values in said.items():
            output.say(f"  {name} {' to '.join(map(str, values))}")
        if figures.get("of", 0) > figures["questions"]:
            output.say(f"  its budget was spent: {figures['of']} questions could have been asked")
    if one.kind == "chunking":
        cut, before = lineage["cut"], lineage["before"]
        output.say(
            f"  passages of {cut['size']} tokens, {cut['overlap']} of them said again; in use are "
            f"{before['size']} and {before['overlap']}"
        )
        output.say(
            f"  {counted(len(lineage['tried']), 'cut')} tried on "
            f"{counted(lineage['pool'], 'document')}: of what is sought a model was given "
            f"{figures['before']:.1%}, and now {figures['after']:.1%}, which promises nothing"
        )
        output.say("  a memory or settings for the cut in use wait until that answers again")
    elif "before" in figures:
        what = "score of answers" if one.written else "nDCG@10"
        output.say(
            f"  {what} {figures['before']:.3f} to {figures['after']:.3f} where it was chosen, "
            "which promises nothing"
        )


def _number(one: Release, found: list[Release]) -> str:
    return f"{one.number} (live)" if one is found[0] else str(one.number)


def _line(one: Release, named: dict[str, str]) -> tuple[str, ...]:
    came = f"{one.made_at:%Y-%m-%d %H:%M}"
    why = one.why or (f"back to {one.back_to}" if one.back_to is not None else "")
    answers = [named.get(id, id) for id in one.pointers.values()]
    return ", ".join(answers) or "nothing promoted", came, one.made_by, why
