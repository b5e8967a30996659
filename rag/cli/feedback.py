"""The verbs of feedback: rate an answer, and say what that may be used for."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from rag.cli import output
from rag.cli.running import Json, through, valid
from rag.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from rag.app import App
    from rag.feedback import Consent, ConsentAsked, Feedback
    from rag.remote import RemoteApp
    from rag.types import Principal


class Word(StrEnum):
    UP = "up"
    DOWN = "down"
    RETRACT = "retract"


def rate(
    ctx: typer.Context,
    trace_id: Annotated[str, typer.Argument(metavar="TRACE", help="The answer's trace.")],
    word: Annotated[
        Word | None, typer.Argument(metavar="[up|down|retract]", help="Else what you said is told.")
    ] = None,
    citation: Annotated[int | None, typer.Option(help="Of one citation, by its number.")] = None,
    chunk: Annotated[
        str | None, typer.Option(help="Of a passage that was found, by its id.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="TRACE", help="Up: better than that answer; down: worse.")
    ] = None,
    missing: Annotated[
        str | None, typer.Option(help="A document that should have been used: its id or name.")
    ] = None,
    reason: Annotated[
        list[str] | None, typer.Option(help="A word for why; may be repeated.")
    ] = None,
    comment: Annotated[str, typer.Option(help="In words of your own.")] = "",
    correction: Annotated[
        str | None, typer.Option(help="What the answer should have said.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Rate one of your answers, or a part of it. The last word on each part counts."""
    target = _target(citation, chunk, against, missing)
    if word is None:
        found = through(ctx, lambda app, who: app.feedback(who, trace_id))
        output.say_json({"feedback": found}) if as_json else _say(found)
        return
    if word is Word.RETRACT:
        made = through(ctx, lambda app, who: _retract(app, who, trace_id, target))
        output.say_json(made) if as_json else output.say("Taken back.")
        return
    from rag.feedback import Verdict

    verdict = valid(
        Verdict,
        target=target,
        signal="pairwise" if against else "thumb",
        value=1 if word is Word.UP else -1,
        reasons=reason or (),
        comment=comment,
        correction={"text": correction} if correction is not None else None,
    )
    made = through(ctx, lambda app, who: app.rate(who, trace_id, verdict, surface="cli"))
    output.say_json(made) if as_json else output.say("Thank you, that is kept.")


def consent(
    ctx: typer.Context,
    purposes: Annotated[
        list[str] | None,
        typer.Argument(help="retrieval, evaluation, training, or none; else what holds is told."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what your feedback may be used for, from now on."""
    chosen = [one for one in purposes or () if one != "none"]
    if "none" in (purposes or ()) and chosen:
        raise InvalidInput("None goes with no other purpose.")

    async def work(app: App | RemoteApp, who: Principal) -> ConsentAsked:
        asked = await app.consent(who)
        return await app.agree(who, _consent(chosen, asked.version)) if purposes else asked

    asked = through(ctx, work)
    if as_json:
        output.say_json(asked)
        return
    given = ", ".join(asked.given.purposes) or "nothing"
    opened = "\n\nWhich sources you open is kept, too." if asked.implicit else ""
    older = asked.given.purposes and asked.given.version != asked.version
    text = f"{asked.text}{opened}"
    output.say(f"{text}\n\nYou agreed to: {given}{' (of an older text)' if older else ''}.")


def _consent(purposes: list[str], version: int) -> Consent:
    from rag.feedback import Consent

    return valid(Consent, purposes=purposes, version=version)


def _target(
    citation: int | None, chunk: str | None, against: str | None, missing: str | None
) -> dict[str, Any]:
    chosen: list[dict[str, Any]] = []
    if citation is not None:
        chosen.append({"kind": "citation", "n": citation})
    if chunk is not None:
        chosen.append({"kind": "chunk", "chunk_id": chunk})
    if against is not None:
        chosen.append({"kind": "pair", "other_trace_id": against})
    if missing is not None:
        field = "document_id" if _is_id(missing) else "name"
        chosen.append({"kind": "missing_document", field: " ".join(missing.split())})
    if len(chosen) > 1:
        raise InvalidInput("A verdict is about one thing.", hint="Give one of the options.")
    return chosen[0] if chosen else {"kind": "answer"}


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


async def _retract(
    app: App | RemoteApp, who: Principal, trace_id: str, target: dict[str, Any]
) -> Feedback:
    from rag.feedback import IMPLICIT

    for one in await app.feedback(who, trace_id):
        if one.signal in IMPLICIT:
            continue
        rated = one.target.model_dump() | {"other_trace_id": _other(one, trace_id)}
        if all(rated[name] == value for name, value in target.items()):
            return await app.retract(who, trace_id, one.id)
    raise NotFound("You said nothing of that.", hint=f"See: rag rate {trace_id}.")


def _other(one: Feedback, trace_id: str) -> str:
    """The answer that this one was compared with, from whichever side."""
    return one.target.other_trace_id if one.trace_id == trace_id else one.trace_id


def _say(found: list[Feedback]) -> None:
    output.say_table(
        ("of", "signal", "value", "reasons", "comment", "correction", "at"),
        [
            (
                f"{one.target.kind} {one.target.n or one.target.name or one.target.chunk_id}",
                one.signal,
                "" if one.value is None else f"{one.value:g}",
                ", ".join(one.reasons),
                one.comment,
                one.correction.text if one.correction else "",
                f"{one.at:%Y-%m-%d %H:%M}",
            )
            for one in found
        ],
    )
