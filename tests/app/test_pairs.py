"""Two answers side by side: who is asked for a second, what comes of the choice, whose it is."""

from pathlib import Path

import pytest

from rag.app import App
from rag.errors import Conflict, ModelError, NotFound, RagError
from rag.feedback import OfPair, Verdict
from rag.types import Answer, AskRequest
from tests.app.test_app import ANNA, BOB
from tests.app.test_trials import QUESTION, Stubs, run

OTHER = "And how much is the turbine pump TX-9?"


async def first(app: App, talk: str, question: str = QUESTION) -> tuple[Answer, bool]:
    """The answer of the model that answers, and whether another is to be asked for."""
    pair, answer = False, None
    async for event in app.stream(BOB, AskRequest(question=question, conversation=talk)):
        if event.event == "started":
            pair = event.data["pair"]
        if event.event == "answer":
            answer = Answer.model_validate(event.data)
    assert answer is not None
    return answer, pair


async def second(app: App, talk: str, beside: str, question: str = QUESTION, who=BOB) -> Answer:
    return await app.ask(who, AskRequest(question=question, conversation=talk, beside=beside))


async def shown(app: App, talk: str) -> list[tuple[str, str | None]]:
    turns = (await app.conversations.show(BOB, talk)).turns
    return [(turn.trace_id or "", turn.answer) for turn in turns]


async def prefer(app: App, trace: str, other: str, value: float):
    target = OfPair(other_trace_id=other)
    return await app.rate(BOB, trace, Verdict(target=target, signal="pairwise", value=value))


def test_the_second_answer_hears_the_same_and_takes_no_turn(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        stubs["new"].text = ("It is 40 kg ", "in weight ", "[1].")
        talk = (await app.conversations.begin(BOB)).id
        await first(app, talk)
        await app.trials.begin(ANNA, "new", "pair", 1.0)
        one, pair = await first(app, talk, OTHER)
        assert pair
        assert one.model == "old"
        other = await second(app, talk, one.trace_id, OTHER)
        assert other.model == "new"
        assert len(await shown(app, talk)) == 2

        def told(stub: str) -> list[str]:
            return [
                m["content"] for m in stubs[stub].requests[-1]["messages"] if m["role"] == "user"
            ]

        assert told("new") == told("old")
        assert any(QUESTION in said for said in told("new"))

    run(tmp_path, story)


def test_the_choice_is_kept_taken_back_and_counted(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        stubs["new"].text = ("It weighs 40 kg, ", "the pump ", "[1].")
        await app.trials.begin(ANNA, "new", "pair", 1.0)
        for n in range(24):
            talk = (await app.conversations.begin(BOB)).id
            one, _ = await first(app, talk)
            other = await second(app, talk, one.trace_id)
            # Said of either side it is the same: new wins 18, loses 3, and ties 3.
            if n < 9:
                await prefer(app, one.trace_id, other.trace_id, -1.0)
            elif n < 18:
                await prefer(app, other.trace_id, one.trace_id, 1.0)
            else:
                await prefer(app, one.trace_id, other.trace_id, 1.0 if n < 21 else 0.0)
        await app.conversations.choose(BOB, talk, 1, other.trace_id)
        assert await shown(app, talk) == [(other.trace_id, other.answer)]
        await app.conversations.choose(BOB, talk, 1, other.trace_id)
        await app.conversations.choose(BOB, talk, 1, one.trace_id)
        assert await shown(app, talk) == [(one.trace_id, one.answer)]

        found = await app.trials.compare(ANNA)
        assert found.answers == (24, 24)
        preferred = next(one for one in found.figures if one.measure == "preferred")
        assert preferred.challenger == pytest.approx((18 + 1.5) / 24)
        assert preferred.champion == pytest.approx((3 + 1.5) / 24)
        assert preferred.low is not None
        assert preferred.low > 0

        kept = await prefer(app, one.trace_id, other.trace_id, 1.0)
        await app.retract(BOB, one.trace_id, kept.id)
        again = next(
            x for x in (await app.trials.compare(ANNA)).figures if x.measure == "preferred"
        )
        assert again.answers == (23, 23)

    run(tmp_path, story)


def test_a_second_answer_is_only_where_it_is_asked_for_and_ones_own(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        talk = (await app.conversations.begin(BOB)).id
        one, pair = await first(app, talk)
        assert not pair
        with pytest.raises(Conflict, match="second answer"):
            await second(app, talk, one.trace_id)
        await app.trials.begin(ANNA, "new", "pair", 1.0)
        one, pair = await first(app, talk)
        assert pair
        with pytest.raises(NotFound):
            await second(app, talk, one.trace_id, who=ANNA)
        with pytest.raises(NotFound):
            await second(app, talk, talk)
        with pytest.raises(RagError, match="another question"):
            await second(app, talk, one.trace_id, OTHER)
        other = await second(app, talk, one.trace_id)
        for who, trace in ((ANNA, other.trace_id), (BOB, talk)):
            with pytest.raises(NotFound):
                await app.conversations.choose(who, talk, 2, trace)
        with pytest.raises(NotFound):
            # An answer to another question of the same conversation.
            await app.conversations.choose(BOB, talk, 1, other.trace_id)
        # Outside of conversations nobody could be shown two.
        outside = await app.ask(BOB, AskRequest(question=QUESTION))
        assert outside.model == "old"

        await app.conversations.delete(BOB, talk)
        for trace in (one.trace_id, other.trace_id):
            with pytest.raises(NotFound):
                await app.trace(BOB, trace)

    run(tmp_path, story)


def test_what_cannot_answer_is_not_taken_over(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        await app.trials.begin(ANNA, "new", "pair", 1.0)
        talk = (await app.conversations.begin(BOB)).id
        one, _ = await first(app, talk)
        stubs["new"].modes = ["500"]
        with pytest.raises(ModelError):
            await second(app, talk, one.trace_id)
        assert await shown(app, talk) == [(one.trace_id, one.answer)]
        assert (await app.trials.compare(ANNA)).faults == {"model_broken": 1}

    run(tmp_path, story)
