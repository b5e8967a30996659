"""The verbs of models: which there are, whether they answer, what they cost."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from rag.cli import output
from rag.cli.running import Json, group, through
from rag.errors import Unavailable, counted

cli = group("Look at the models that answer, and at what they cost.")
Name = Annotated[str | None, typer.Argument(help="A declared model; all of them without.")]


class By(StrEnum):
    PERSON = "person"
    DOMAIN = "domain"
    MODEL = "model"
    DAY = "day"


@cli.command("list")
def listed(ctx: typer.Context, as_json: Json = False) -> None:
    """List what may answer: extractive, the declared models and the routes."""
    found = through(ctx, lambda app, who: app.models(who))
    if as_json:
        output.say_json({"models": found})
        return
    output.say_table(
        ("name", "what", "USD per million tokens", "state"),
        [
            (
                f"{one.name} *" if one.default else one.name,
                " > ".join(one.candidates) or f"{one.provider}/{one.model}",
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
        (by.value, "answers", "tokens read", "tokens written", "USD"),
        [
            (one.name, one.answers, one.prompt_tokens, one.completion_tokens, f"{one.cost:.4f}")
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


def _price(read: float | None, write: float | None) -> str:
    return "unknown" if read is None or write is None else f"{read:g} in, {write:g} out"
