"""What people open is remembered where they agreed to it; it never counts beside what they said."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from rag.app import App
from rag.candidates import Rules
from rag.errors import InvalidInput
from rag.feedback import OfChunk, OfCitation, Verdict
from rag.learn.clicking import CLICK
from rag.learn.gate import judged
from rag.store.candidates import Candidates
from rag.store.releases import Releases
from rag.types import AskRequest, Principal, SearchRequest, utc_now
from tests.app.stages import ALL
from tests.app.test_app import ANNA, BOB
from tests.app.test_datasets import CURATOR, WEIGHT, tell
from tests.app.test_feedback import configured
from tests.app.test_tuning import everything_is_learned_from, hits, more_pumps

__all__ = ["everything_is_learned_from", "tell"]
Story = Callable[[App], Coroutine[Any, Any, None]]


async def opens(app: App, who: Principal, title: str, question: str = WEIGHT) -> tuple[str, str]:
    """Somebody opens the passage of a document. Returns answer and passage."""
    answer = await app.ask(who, AskRequest(question=question))
    trace = await app.trace(who, answer.trace_id)
    found = await app.search(who, SearchRequest(query=question))
    [chunk_id] = [one.payload.chunk_id for one in found.hits if one.payload.title == title]
    assert chunk_id in {one["chunk_id"] for one in trace["hits"]}
    await app.rate(who, answer.trace_id, Verdict(signal="click", target=OfChunk(chunk_id=chunk_id)))
    return answer.trace_id, chunk_id


def votes(app: App, id: str) -> list[Any]:
    return Candidates(app._parts.ledger.database, utc_now).votes(id)


def test_what_is_opened_moves_up_once_it_is_promoted_and_goes_with_its_person(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        configured(app, implicit=True)
        await more_pumps(app, tmp_path)
        before = await hits(app, ANNA, WEIGHT)
        _, opened = await opens(app, ANNA, "tx-11.txt")
        await opens(app, BOB, "tx-11.txt")
        made = await app.tuning.make(CURATOR, "memory", None)
        assert made.figures["clicks"] == 2
        kept = votes(app, made.id)
        assert {one.value for one in kept if one.chunk_id == opened} == {CLICK}
        # Whoever went past the first one has looked at it.
        assert all(one.value < 0 for one in kept if one.chunk_id != opened)
        assert before[0] in {one.chunk_id for one in kept}
        releases = Releases(app._parts.ledger.database, utc_now)
        releases.promote("test", 0, made.id, "untold", CURATOR.id, "")
        assert (await hits(app, ANNA, WEIGHT))[0] == opened != before[0]
        # What it is worth is told by ratings, of which it has none.
        report = judged([], look=1, rules=Rules())
        Candidates(app._parts.ledger.database, utc_now).report(made.id, 0, report, (), "cora")
        [gain] = await app.tuning.gains(CURATOR, None)
        assert (gain.candidate, gain.ratings) == (made.name, 0)
        await app.privacy.erase(Principal(id="local"), "bob")
        await app.tuning.sweep()
        assert len({one.rater for one in votes(app, made.id)}) == 1

    tell(story)


def test_a_word_counts_before_a_click_and_no_click_without_consent(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        configured(app, implicit=True)
        await more_pumps(app, tmp_path)
        await app.agree(BOB, ALL.model_copy(update={"purposes": ("training",)}))
        await opens(app, BOB, "tx-11.txt")
        with pytest.raises(InvalidInput, match="learned from"):
            await app.tuning.make(CURATOR, "memory", None)
        trace, opened = await opens(app, ANNA, "tx-11.txt")
        said = await app.rate(ANNA, trace, Verdict(target=OfChunk(chunk_id=opened), value=-1))
        await app.curation.review(CURATOR, [said.id], "accepted")
        made = await app.tuning.make(CURATOR, "memory", None)
        assert made.figures["clicks"] == 0
        assert {one.value for one in votes(app, made.id) if one.chunk_id == opened} == {-1.0}

    tell(story)


def test_a_click_says_nothing_once_it_is_taken_back(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        configured(app, implicit=True)
        answer = await app.ask(ANNA, AskRequest(question=WEIGHT))
        click = Verdict(signal="click", target=OfCitation(n=1))
        made = await app.rate(ANNA, answer.trace_id, click)
        assert (await app.tuning.make(CURATOR, "memory", None)).figures["clicks"] == 1
        await app.retract(ANNA, answer.trace_id, made.id)
        with pytest.raises(InvalidInput, match="learned from"):
            await app.tuning.make(CURATOR, "memory", None)

    tell(story)
