"""The verbs of models: which there are, whether they answer, what they cost, which one does."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import output
from rag.cli.running import Json, group, through
from rag.errors import InvalidInput, Unavailable, counted

if TYPE_CHECKING:
    from rag.models.told import Figure, KeyInfo
    from rag.store.choices import Choice, How

cli = group("Look at models, what they cost and how they conform; add them, and choose one.")
Name = Annotated[str | None, typer.Argument(help="A declared model; all of them without.")]


class By(StrEnum):
    PERSON = "person"
    DOMAIN = "domain"
    MODEL = "model"
    DAY = "day"


@cli.command("list")
def listed(ctx: typer.Context, as_json: Json = False) -> None:
    """List what may answer: extractive, the declared models and the routes."""
    found = through(ctx, lambda app, who: app.models(who, ctx.obj.domain))
    if as_json:
        output.say_json({"models": found})
        return
    output.say_table(
        ("name", "what", "declared by", "key", "USD per million tokens", "state"),
        [
            (
                f"{one.name} *" if one.default else one.name,
                " > ".join(one.candidates) or f"{one.provider}/{one.model}",
                {"configuration": "configuration", "added": "an admin"}.get(one.declared or "", ""),
                _key(one.key) if one.kind == "model" else "",
                _price(one.input_price, one.output_price) if one.kind == "model" else "",
                one.problem or one.breaker,
            )
            for one in found
        ],
    )
    output.say("* answers where a question names no other.")


@cli.command()
def check(ctx: typer.Context, name: Name = None, as_json: Json = False) -> None:
    """Ask one model, or each, for a word."""
    found = through(ctx, lambda app, who: app.check_models(who, name))
    good = all(one.ok for one in found)
    if as_json:
        output.say_json({"ok": good, "checks": found})
    elif not found:
        output.say("No model is declared; answers are extractive.")
    else:
        output.say_table(
            ("model", "", "first word", "what happened"),
            [
                (
                    one.name,
                    "ok" if one.ok else "FAILED",
                    f"{one.first_token_ms:.0f} ms" if one.first_token_ms is not None else "",
                    f"{one.detail} {one.hint}".strip(),
                )
                for one in found
            ],
        )
    if not good:
        raise typer.Exit(Unavailable.exit_code)


@cli.command()
def cost(
    ctx: typer.Context,
    by: Annotated[By, typer.Option(help="Whose costs are added up.")] = By.MODEL,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="Today and those before it.")] = 30,
    as_json: Json = False,
) -> None:
    """What was spent on models, and where each budget stands."""
    found = through(ctx, lambda app, who: app.model_costs(who, by.value, days))
    if as_json:
        output.say_json(found)
        return
    output.say_table(
        (by.value, "answers", "tokens read", "tokens written", "USD", "rated", "USD per useful"),
        [
            (
                one.name,
                one.answers,
                one.prompt_tokens,
                one.completion_tokens,
                f"{one.cost:.4f}",
                one.rated,
                "" if one.cost_per_useful is None else f"{one.cost_per_useful:.4f}",
            )
            for one in found.totals
        ],
    )
    unpriced = sum(one.unpriced for one in found.totals)
    if unpriced:
        output.say(f"{counted(unpriced, 'answer')} by models whose price nobody knows count as 0.")
    for budget in found.budgets:
        for name, spent in budget.spent.items() or (("", 0.0),):
            of = f" of {budget.per} '{name}'" if name else ""
            ceilings = " and ".join(
                f"{kind} {ceiling:g}{' (passed)' if spent >= ceiling else ''}"
                for kind, ceiling in (("soft", budget.soft), ("hard", budget.hard))
                if ceiling is not None
            )
            output.say(
                f"Budget '{budget.name}'{of}: {spent:.4f} USD since {budget.since}; {ceilings}."
            )


@cli.command()
def conform(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A declared model.")],
    as_json: Json = False,
) -> None:
    """Try whether a model cites, abstains, stops, streams and keeps to its language."""
    with output.progress_bar() as progress:
        card = through(
            ctx, lambda app, who: app.conform(who, name, ctx.obj.domain, progress=progress)
        )
    if as_json:
        output.say_json(card)
        return
    output.say_table(
        ("check", "score"), [(check, f"{score:.2f}") for check, score in card.checks.items()]
    )
    for case in card.cases:
        if not case["passed"]:
            output.say(f"{case['check']}: {case['question']} - {case['why']}.")
    output.say(f"'{name}' scores {card.score:.2f} with the prompts of '{card.domain}'.")


@cli.command()
def cards(ctx: typer.Context, name: Name = None, as_json: Json = False) -> None:
    """The latest score cards of one model, or of all."""
    found = through(ctx, lambda app, who: app.score_cards(who, name, ctx.obj.domain))
    if as_json:
        output.say_json({"cards": found})
        return
    output.say_table(
        ("taken", "by", "model", "score", "checks"),
        [
            (
                f"{one.taken_at:%Y-%m-%d %H:%M}",
                one.taken_by,
                one.model,
                f"{one.score:.2f}",
                ", ".join(f"{check} {score:.2f}" for check, score in one.checks.items()),
            )
            for one in found
        ],
    )


@cli.command()
def use(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="A model, a route or extractive; without: what was chosen.")
    ] = None,
    override: Annotated[
        str, typer.Option(help="Why it may answer below the pack's floor; kept.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Let a model or route answer from the next question on, or show what was chosen when."""
    domain = ctx.obj.domain
    if name is not None:
        choice = through(ctx, lambda app, who: app.choose_model(who, name, domain, override))
        output.say_json(choice) if as_json else output.say(_said(choice))
        return
    found = through(ctx, lambda app, who: app.model_choices(who, domain))
    if as_json:
        output.say_json({"choices": found})
        return
    output.say_table(
        ("chosen", "by", "model", "score", "tried beside it", "overridden because"),
        [
            (
                f"{one.chosen_at:%Y-%m-%d %H:%M}",
                one.chosen_by,
                one.model or "as configured",
                "" if one.score is None else f"{one.score:.2f}",
                f"{one.trial.model} ({one.trial.how} {one.trial.share:g})" if one.trial else "",
                one.override or (one.trial.override if one.trial else ""),
            )
            for one in found
        ],
    )


@cli.command("try")
def trial(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A model, a route or extractive.")] = None,
    canary: Annotated[
        float | None, typer.Option(help="Let it answer this share of the conversations: 0.1 say.")
    ] = None,
    shadow: Annotated[
        float | None,
        typer.Option(help="Let it answer this share of the questions once more, shown to nobody."),
    ] = None,
    pair: Annotated[
        float | None,
        typer.Option(help="Let people choose between both for this share of the questions."),
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End the trial.")] = False,
    override: Annotated[
        str, typer.Option(help="Why people are shown it though below the pack's floor; kept.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Try a model beside the one that answers, from the next question on."""
    domain = ctx.obj.domain
    shares: dict[How, float | None] = {"canary": canary, "shadow": shadow, "pair": pair}
    given: list[tuple[How, float]] = [
        (how, share) for how, share in shares.items() if share is not None
    ]
    if not (name is None and not given if stop else name is not None and len(given) == 1):
        raise InvalidInput(
            "A trial has a name and one of --canary, --shadow and --pair.",
            hint="As in: rag models try big --canary 0.1; it ends with: rag models try --stop.",
        )
    if name is None:
        choice = through(ctx, lambda app, who: app.trials.stop(who, domain))
    else:
        [(how, share)] = given
        choice = through(
            ctx, lambda app, who: app.trials.begin(who, name, how, share, domain, override)
        )
    output.say_json(choice) if as_json else output.say(_said(choice))


@cli.command()
def rollback(ctx: typer.Context, as_json: Json = False) -> None:
    """End the trial, or without one go back to what answered before, at the next question."""
    choice = through(ctx, lambda app, who: app.trials.roll_back(who, ctx.obj.domain))
    output.say_json(choice) if as_json else output.say(_said(choice))


@cli.command()
def compare(ctx: typer.Context, as_json: Json = False) -> None:
    """What the model on trial does otherwise than the one that answers, and how sure that is."""
    found = through(ctx, lambda app, who: app.trials.compare(who, ctx.obj.domain))
    if as_json:
        output.say_json(found)
        return
    trial = found.trial
    output.say(
        f"{trial.how} of '{trial.model}' ({trial.share:g}) beside '{found.champion}' since "
        f"{found.since:%Y-%m-%d %H:%M}{'' if found.running else ', ended'}."
    )
    output.say_table(
        ("", "champion", "challenger", "difference", "95 % between", "answers"),
        [_row(one) for one in found.figures],
    )
    if found.missing:
        said = counted(found.missing, "question")
        output.say(f"Not repeated, as too many came at once: {said}.")
    for code, count in found.faults.items():
        output.say(f"The challenger failed with {code}: {counted(count, 'time')}.")


def _said(choice: Choice) -> str:
    name = f"'{choice.model}'" if choice.model else "What is configured"
    said = f"{name} answers in '{choice.domain}' from the next question on."
    trial = choice.trial
    if trial is None:
        return said
    return f"{said[:-1]}, and '{trial.model}' {trial.share:.0%} of the {_PARTS[trial.how]}."


_PARTS: dict[How, str] = {
    "canary": "conversations",
    "shadow": "questions once more, shown to nobody",
    "pair": "questions once more, for people to choose",
}


_MEASURES = {
    "faults": ("could not answer", "{:.1%}"),
    "abstained": ("did not know", "{:.1%}"),
    "support": ("support of claims", "{:.3f}"),
    "ms_p50": ("ms to write, half within", "{:.0f}"),
    "ms_p95": ("ms to write, 95 % within", "{:.0f}"),
    "tokens": ("tokens per answer", "{:.0f}"),
    "cost": ("USD per answer", "{:.5f}"),
    "preferred": ("preferred, of the pairs", "{:.1%}"),
    "useful": ("rated useful, of the rated", "{:.1%}"),
    "cost_per_useful": ("USD per answer rated useful", "{:.5f}"),
}


def _row(one: Figure) -> tuple[str, ...]:
    name, form = _MEASURES[one.measure]

    def shown(value: float | None) -> str:
        return "" if value is None else form.format(value)

    if one.difference is None or one.low is None or one.high is None:
        sure = ("", "not enough")
    else:
        sure = (shown(one.difference), f"{shown(one.low)} and {shown(one.high)}")
    counts = f"{one.answers[0]}, {one.answers[1]}"
    return (name, shown(one.champion), shown(one.challenger), *sure, counts)


def _key(key: KeyInfo | None) -> str:
    if key is None:
        return "none"
    return f"{key.set_at:%Y-%m-%d} by {key.set_by}" if key.set_at else "configured"


def _price(read: float | None, write: float | None) -> str:
    return "unknown" if read is None or write is None else f"{read:g} in, {write:g} out"
