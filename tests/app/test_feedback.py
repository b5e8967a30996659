"""People rate their own answers, on real parts: what they saw, the last word, nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from rag.app import App
from rag.config import Settings
from rag.errors import Conflict, Forbidden, InvalidInput, NotFound, RateLimited, TooSoon
from rag.feedback import Consent, Feedback, Verdict
from rag.store.feedback import MINUTE
from rag.store.models import FeedbackRow
from rag.types import AskRequest, Principal, Role, utc_now
from tests.app.test_app import ANNA, BOB, add_documents, open_app, run

QUESTION = AskRequest(question="What is the salary of the director?")
UP = Verdict(value=1)
DOWN = Verdict(value=-1, reasons=("wrong_fact",), comment="No.")


async def asked(app: App, who: Principal = ANNA) -> str:
    return (await app.ask(who, QUESTION)).trace_id


def verdict(target: dict[str, Any], **said: Any) -> Verdict:
    return Verdict.model_validate({"target": target, "value": 1, **said})


def configured(app: App, **changed: Any) -> None:
    """The same app with other settings of feedback."""
    app._ratings._settings = app.settings.feedback.model_copy(update=changed)


def rows(app: App, trace: str) -> int:
    with app._parts.feedback.database.read() as session:
        count = select(func.count()).select_from(FeedbackRow).where(FeedbackRow.trace_id == trace)
        return session.scalar(count) or 0


class Told:
    """One app for many stories; what they leave behind does not concern the next."""

    def __init__(self, root: Path) -> None:
        self.runner = asyncio.Runner()
        self.app = self.runner.run(self._open(root))

    async def _open(self, root: Path) -> App:
        app = open_app(root)
        await add_documents(app, root)
        return app

    def __call__(self, story: Callable[[App], Coroutine[Any, Any, None]]) -> None:
        configured(self.app, per_minute=1_000)
        self.app._parts.feedback.now = utc_now
        self.runner.run(story(self.app))

    def close(self) -> None:
        self.runner.run(self.app.aclose())
        self.runner.close()


@pytest.fixture(scope="module")
def tell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    told = Told(tmp_path_factory.mktemp("told"))
    yield told
    told.close()


async def refused(error: type[Exception], coming: Any) -> None:
    with pytest.raises(error):
        await coming


def test_the_last_verdict_counts_and_the_history_is_kept(tell: Told) -> None:
    async def story(app: App) -> None:
        trace = await asked(app)
        first = await app.rate(ANNA, trace, UP)
        second = await app.rate(ANNA, trace, DOWN)
        assert (second.supersedes, second.value, second.rater) == (first.id, -1, "user")
        assert await app.feedback(ANNA, trace) == [second]
        history = await app.feedback(ANNA, trace, history=True)
        assert [(one.id, one.effective) for one in history] == [
            (first.id, False),
            (second.id, True),
        ]
        taken = await app.retract(ANNA, trace, second.id)
        assert (taken.signal, taken.value, taken.supersedes) == ("retract", None, second.id)
        assert await app.retract(ANNA, trace, second.id) == taken, "may be said again"
        assert await app.feedback(ANNA, trace) == []
        third = await app.rate(ANNA, trace, UP)
        assert await app.feedback(ANNA, trace) == [third]
        assert len(await app.feedback(ANNA, trace, history=True)) == 4
        await refused(Conflict, app.retract(ANNA, trace, first.id))
        await refused(Conflict, app.retract(ANNA, trace, second.id))

    tell(story)


def test_the_server_knows_the_rest_of_each_target(tell: Told) -> None:
    async def story(app: App) -> None:
        trace = await asked(app)
        shown = await app.trace(ANNA, trace)
        hit = next(one for one in shown["hits"] if one["cited"])
        cited = await app.rate(ANNA, trace, verdict({"kind": "citation", "n": 1}))
        assert cited.target.model_dump(exclude={"span"}) == {
            "kind": "citation",
            "n": 1,
            "chunk_id": hit["chunk_id"],
            "document_id": hit["doc_id"],
            "version": 1,
            "digest": app._parts.ledger.version(ANNA, hit["doc_id"], 1).content_hash,
            "rank_shown": hit["rank_shown"],
            "other_trace_id": "",
            "name": "",
        }
        assert cited.target.span == tuple(shown["citations"][0]["span"])
        chunk = await app.rate(
            ANNA, trace, verdict({"kind": "chunk", "chunk_id": hit["chunk_id"]}, value=-1)
        )
        assert chunk.target.span == tuple(hit["span"])
        span = await app.rate(ANNA, trace, verdict({"kind": "span", "start": 0, "end": 3}))
        other = await asked(app)
        pair = await app.rate(
            ANNA, trace, verdict({"kind": "pair", "other_trace_id": other}, signal="pairwise")
        )
        missing = await app.rate(
            ANNA, trace, verdict({"kind": "missing_document", "name": " The  handbook"})
        )
        assert missing.target.name == "The handbook"
        assert {one.id for one in await app.feedback(ANNA, trace)} == {
            *(cited.id, chunk.id, span.id, pair.id, missing.id)
        }, "each target has a verdict of its own"

    tell(story)


def test_a_pair_is_one_target_from_either_side(tell: Told) -> None:
    async def story(app: App) -> None:
        one, other = await asked(app), await asked(app)
        first = await app.rate(ANNA, one, pair_with(other))
        second = await app.rate(ANNA, other, pair_with(one))
        assert second.supersedes == first.id
        assert await app.feedback(ANNA, one) == await app.feedback(ANNA, other) == [second]
        await app.retract(ANNA, one, second.id)
        assert await app.feedback(ANNA, other) == []
        await refused(InvalidInput, app.rate(ANNA, one, pair_with(one)))
        unlike = (await app.ask(ANNA, AskRequest(question="What is blue?"))).trace_id
        await refused(InvalidInput, app.rate(ANNA, one, pair_with(unlike)))
        hers = await asked(app, BOB)
        await refused(NotFound, app.rate(ANNA, one, pair_with(hers)))

    tell(story)


def pair_with(other: str) -> Verdict:
    return verdict({"kind": "pair", "other_trace_id": other}, signal="pairwise")


def test_nobody_rates_what_they_were_not_shown(tell: Told) -> None:
    async def story(app: App) -> None:
        hers = await asked(app)
        pay = next(one for one in await app.documents(ANNA) if one.title == "pay.txt")
        await refused(NotFound, app.rate(BOB, hers, UP))
        await refused(NotFound, app.feedback(BOB, hers))
        kept = await app.rate(ANNA, hers, UP)
        await refused(NotFound, app.retract(BOB, hers, kept.id))
        await refused(NotFound, app.retract(ANNA, "another", kept.id))
        his = (await app.ask(BOB, QUESTION)).trace_id
        missing = {"kind": "missing_document", "document_id": pay.id}
        await refused(NotFound, app.rate(BOB, his, verdict(missing)))
        assert (await app.rate(ANNA, hers, verdict(missing))).target.document_id == pay.id
        for target in ({"kind": "citation", "n": 99}, {"kind": "chunk", "chunk_id": pay.id}):
            await refused(NotFound, app.rate(ANNA, hers, verdict(target)))
        correction = {"text": "Ten.", "chunk_ids": [pay.id]}
        await refused(NotFound, app.rate(ANNA, hers, Verdict(value=-1, correction=correction)))
        beyond = verdict({"kind": "span", "start": 0, "end": 10_000})
        await refused(InvalidInput, app.rate(ANNA, hers, beyond))

    tell(story)


@pytest.mark.parametrize("how", ["deleted", "revoked"])
def test_what_may_not_be_shown_any_more_is_not_rated_but_can_be_taken_back(
    tmp_path: Path, how: str
) -> None:
    async def story(app: App) -> None:
        trace = await asked(app)
        shown = await app.trace(ANNA, trace)
        chunk_id = shown["citations"][0]["chunk_id"]
        kept = await app.rate(ANNA, trace, UP)
        if how == "deleted":
            (tmp_path / "docs" / "hr" / "pay.txt").unlink()
            await app.sync(app.person(None))
        else:
            await app.change_group(app.person(None), "hr", "anna", belongs=False)
        for target in (
            {"kind": "answer"},
            {"kind": "citation", "n": 1},
            {"kind": "chunk", "chunk_id": chunk_id},
            {"kind": "span", "start": 0, "end": 1},
        ):
            await refused(NotFound, app.rate(ANNA, trace, verdict(target, value=-1)))
        assert await app.feedback(ANNA, trace) == [kept]
        await app.retract(ANNA, trace, kept.id)
        assert await app.feedback(ANNA, trace) == []

    run(tmp_path, story)


def test_an_idempotency_key_is_one_verdict(tell: Told) -> None:
    async def story(app: App) -> None:
        trace = await asked(app)
        made = await asyncio.gather(*(app.rate(ANNA, trace, UP, key="k") for _ in range(20)))
        assert len({one.id for one in made}) == rows(app, trace) == 1
        down = await app.rate(ANNA, trace, DOWN, key="later")
        replayed = await app.rate(ANNA, trace, UP, key="k")
        assert (replayed.id, replayed.effective) == (made[0].id, False)
        assert await app.feedback(ANNA, trace) == [down], "a replay changes nothing"
        await refused(Conflict, app.rate(ANNA, trace, DOWN, key="k"))
        his = await asked(app, BOB)
        assert (await app.rate(BOB, his, UP, key="k")).id != made[0].id, "keys are one's own"

    tell(story)


def test_saying_the_same_again_adds_nothing(tell: Told) -> None:
    async def story(app: App) -> None:
        trace = await asked(app)
        made = await asyncio.gather(*(app.rate(ANNA, trace, UP) for _ in range(20)))
        assert len({one.id for one in made}) == rows(app, trace) == 1
        await app.rate(ANNA, trace, UP, key="again")
        await app.rate(ANNA, trace, DOWN)
        await app.rate(ANNA, trace, UP, key="again")
        assert [one.value for one in await app.feedback(ANNA, trace)] == [-1]

    tell(story)


def test_implicit_signals_are_off_until_they_are_turned_on_and_replace_nothing(tell: Told) -> None:
    async def story(app: App) -> None:
        trace = await asked(app)
        copied = Verdict(signal="copy")
        await refused(Forbidden, app.rate(ANNA, trace, copied))
        configured(app, implicit=True)
        vote = await app.rate(ANNA, trace, DOWN)
        for _ in range(3):
            await app.rate(ANNA, trace, copied)
        await app.rate(ANNA, trace, Verdict(signal="reask"))
        await app.rate(
            ANNA, trace, verdict({"kind": "citation", "n": 1}, signal="click", value=None)
        )
        found = await app.feedback(ANNA, trace)
        assert sorted(one.signal for one in found) == ["click", "copy", "reask", "thumb"]
        assert vote in found
        assert rows(app, trace) == 4

    tell(story)


def test_the_defaults_keep_nothing_implicit(tmp_path: Path) -> None:
    assert Settings(data=tmp_path).feedback.implicit is False


def test_so_many_verdicts_a_minute_and_no_more(tell: Told) -> None:
    async def story(app: App) -> None:
        configured(app, per_minute=3)
        trace = await asked(app)
        later = utc_now() + 2 * MINUTE
        app._parts.feedback.now = lambda: later
        for key in ("1", "2", "3"):
            await app.rate(ANNA, trace, UP, key=key)
        with pytest.raises(RateLimited) as caught:
            await app.rate(ANNA, trace, DOWN)
        assert (caught.value.status, caught.value.retryable) == (429, True)
        assert (await app.rate(ANNA, trace, UP, key="1")).effective, "a retry costs nothing"
        his = await asked(app, BOB)
        await app.rate(BOB, his, DOWN)
        app._parts.feedback.now = lambda: later + MINUTE
        await app.rate(ANNA, trace, DOWN)

    tell(story)


def test_consent_is_by_purpose_versioned_and_kept_with_what_was_given_under_it(tell: Told) -> None:
    async def story(app: App) -> None:
        trace = await asked(app)
        assert (await app.consent(ANNA)).given == Consent()
        before = await app.rate(ANNA, trace, UP)
        assert before.consent == Consent(), "nobody agreed for her"
        agreed = Consent(purposes=("training", "evaluation", "training"), version=1)
        asked_now = await app.agree(ANNA, agreed)
        assert asked_now.given == Consent(purposes=("evaluation", "training"), version=1)
        assert "training" in asked_now.text
        after = await app.rate(ANNA, trace, DOWN)
        assert after.consent == asked_now.given
        assert (await app.feedback(ANNA, trace, history=True))[0].consent == Consent()
        later = app._parts.traces.get(ANNA, await asked(app))
        assert later["consent"] == {"purposes": ["evaluation", "training"], "version": 1}
        await app.agree(ANNA, Consent(version=1))
        assert (await app.rate(ANNA, trace, UP)).consent == Consent(version=1)
        assert (await app.consent(BOB)).given == Consent()
        configured(app, consent_version=2)
        await refused(Conflict, app.agree(ANNA, agreed))

    tell(story)


def test_an_answer_in_the_making_is_rated_when_it_is_made(tell: Told) -> None:
    async def story(app: App) -> None:
        events = app.stream(ANNA, QUESTION)
        first = await anext(events)
        trace = first.data["trace_id"]
        with pytest.raises(TooSoon) as caught:
            await app.rate(ANNA, trace, UP)
        assert (caught.value.status, caught.value.retryable) == (409, True)
        await refused(NotFound, app.rate(BOB, trace, UP))
        async for event in events:
            if event.event == "answer":
                assert (await app.rate(ANNA, trace, UP)).effective
        left = app.stream(ANNA, QUESTION)
        trace = (await anext(left)).data["trace_id"]
        await left.aclose()  # type: ignore[attr-defined]
        await refused(NotFound, app.rate(ANNA, trace, UP))

    tell(story)


def test_an_answer_that_was_never_made_is_not_rated(tell: Told) -> None:
    async def story(app: App) -> None:
        trace = app._parts.traces.get(ANNA, await asked(app))
        failed = {**trace, "id": "0" * 36, "answer": "", "finish_reason": "error"}
        app._parts.traces.save(failed)
        await refused(NotFound, app.rate(ANNA, "0" * 36, UP))
        missing = verdict({"kind": "missing_document", "name": "Pay"})
        assert (await app.rate(ANNA, "0" * 36, missing)).effective

    tell(story)


def test_people_with_the_data_role_are_experts(tell: Told) -> None:
    async def story(app: App) -> None:
        me = app.person(None)
        assert Role.DATA in me.roles
        made: Feedback = await app.rate(me, await asked(app, me), UP)
        assert made.rater == "expert"
        # They review what others were told; what the others said of it is not theirs.
        hers = await asked(app)
        kept = await app.rate(ANNA, hers, UP)
        assert (await app.rate(me, hers, DOWN)).rater == "expert"
        assert [one.id for one in await app.feedback(ANNA, hers)] == [kept.id]
        assert [one.value for one in await app.feedback(me, hers)] == [-1]
        await refused(NotFound, app.retract(me, hers, kept.id))

    tell(story)
