"""The verbs of a candidate on trial: it answers a share of the people, beside what is live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import output
from rag.cli.running import Json, through
from rag.errors import InvalidInput

if TYPE_CHECKING:
    from rag.candidates import CandidateComparison, CandidateTrial, SideFigure

NAMES = {
    "useful": ("useful, of the rated", "{:.1%}"),
    "abstained": ("did not know", "{:.1%}"),
    "faults": ("could not answer", "{:.1%}"),
    "latency": ("ms waited, half within", "{:.0f}"),
    "cost": ("USD per answer", "{:.5f}"),
}
ENDED = {
    "stopped": "somebody stopped it",
    "worse": "its answers were surely found useful less often",
    "abstained": "it surely did not know too often",
    "faults": "it surely could not answer too often",
    "latency": "people surely waited too long",
    "cost": "it surely cost too much",
    "promoted": "it was promoted",
    "released": "another release is live",
    "refused": "the gate refused it",
    "outlived": "what it was made for is no more, or another release is live",
}


def trial(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[CANDIDATE]", help="As memory-3.")] = None,
    share: Annotated[float, typer.Option(help="Of the people it answers, 0.5 at most.")] = 0.1,
    stop: Annotated[bool, typer.Option("--stop", help="End the trial.")] = False,
    as_json: Json = False,
) -> None:
    """Let a candidate answer a share of the people, until that is surely worse or you stop it."""
    domain = ctx.obj.domain
    if (name is None) != stop:
        raise InvalidInput(
            "A trial begins with a candidate, and ends with --stop.",
            hint="As in: rag tune try memory-3 --share 0.1; then: rag tune compare.",
        )
    if name is None:
        made = through(ctx, lambda app, who: app.candidate_trials.stop(who, domain))
    else:
        made = through(ctx, lambda app, who: app.candidate_trials.begin(who, name, share, domain))
    if as_json:
        output.say_json(made)
    elif made.ended:
        output.say("From the next question on, what is live answers everybody.")
    else:
        output.say(
            f"From the next question on, {made.candidate} answers {made.share:.0%} of the people. "
            "Next: rag tune compare"
        )


def compare(ctx: typer.Context, as_json: Json = False) -> None:
    """What people say of the candidate on trial and of what is live; look as often as you like."""
    found = through(
        ctx, lambda app, who: app.candidate_trials.compare(who, ctx.obj.domain), looks=True
    )
    if as_json:
        output.say_json({"comparison": found})
        return
    if found is None:
        output.say("No candidate was tried yet. Next: rag tune try CANDIDATE --share 0.1")
        return
    output.say(_state(found.trial))
    output.say_table(
        ("", "live", "candidate", "difference", "surely between", "people", ""),
        [_row(one) for one in found.figures],
    )
    output.say(_outcome(found))


def _state(one: CandidateTrial) -> str:
    said = f"{one.candidate} answers {one.share:.0%} of the people since "
    said += f"{one.began_at:%Y-%m-%d %H:%M}, beside release {one.against}"
    return f"{said}; ended: {ENDED[one.ended]}." if one.ended else f"{said}."


def _outcome(found: CandidateComparison) -> str:
    name = found.trial.candidate
    if found.trial.ended is None and found.trial.better_at:
        return f"It is surely better. Next: rag promote {name}"
    return {"better": "It is surely better.", "worse": "It is surely worse."}.get(
        found.outcome, "Nothing can be told yet." if not found.trial.ended else "Nothing was told."
    )


def _row(one: SideFigure) -> tuple[str, ...]:
    name, form = NAMES[one.measure]
    sides = ["" if side is None else form.format(side) for side in (one.champion, one.challenger)]
    people = f"{one.people[0]} and {one.people[1]}"
    if one.difference is None or one.low is None or one.high is None:
        free = one.measure == "cost" and one.champion == 0
        return name, *sides, "", "", people, "costs nothing" if free else "too few people"
    says = {True: "more" if one.measure == "useful" else "holds", None: "cannot tell"}
    return (
        name,
        *sides,
        f"{one.difference:+.1%}",
        f"{one.low:+.1%} to {one.high:+.1%}",
        people,
        says.get(one.holds, "worse"),
    )
