"""A reranker from ratings, on real parts: grown, promoted, told why, forgotten, taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.app import App
from rag.app.explaining import ExplainRequest
from rag.candidates import Candidate
from rag.errors import InvalidInput
from rag.feedback import OfChunk, Verdict
from rag.store.candidates import Candidates
from rag.types import AskRequest, Hit, Principal, SearchRequest, utc_now
from tests.app.test_app import ANNA, BOB
from tests.app.test_datasets import CURATOR, tell
from tests.app.test_tuning import Story, everything_is_learned_from, live

__all__ = ["everything_is_learned_from", "tell"]
WORDS = (
    "gasket invoice holiday parking ladder printer canteen forklift welding battery magnet "
    "furnace helmet pallet solvent crane lathe badge siren trolley chimney generator"
)
TOPICS = WORDS.split()
MANUAL = " It is described in full, with drawings, dates, numbers of parts and whom to call." * 3


def question(topic: str) -> str:
    return f"{topic} {topic[::-1]}?"


@pytest.fixture
def topics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each topic there is a note, which searches prefer, and what people look for."""
    monkeypatch.setattr("rag.app.rerankers.ENOUGH", len(TOPICS) - 2)
    folder = tmp_path / "docs"
    folder.mkdir(exist_ok=True)
    for topic in TOPICS:
        (folder / f"{topic}-note.txt").write_text(f"{topic} {topic[::-1]}: ask somebody.")
        (folder / f"{topic}-manual.txt").write_text(f"The {topic} {topic[::-1]}.{MANUAL}")


async def rates(app: App, who: Principal, topic: str) -> None:
    answer = await app.ask(who, AskRequest(question=question(topic)))
    for hit in await hits(app, topic, who):
        if topic in hit.payload.title:
            value = 1 if "manual" in hit.payload.title else -1
            target = OfChunk(chunk_id=hit.payload.chunk_id)
            made = await app.rate(who, answer.trace_id, Verdict(target=target, value=value))
            await app.curation.review(CURATOR, [made.id], "accepted")


async def hits(app: App, topic: str, who: Principal = ANNA) -> list[Hit]:
    found = await app.search(who, SearchRequest(query=question(topic)))
    return list(found.hits)


async def first(app: App, topic: str) -> str:
    return (await hits(app, topic))[0].payload.title


async def learned(app: App) -> Candidate:
    for topic in TOPICS[:-1]:
        await rates(app, BOB, topic)
    return await live(app, "reranker")


@pytest.mark.usefixtures("topics")
def test_what_people_prefer_moves_up_also_for_questions_that_nobody_rated(
    tell: Story, tmp_path: Path
) -> None:
    new = TOPICS[-1]

    async def story(app: App) -> None:
        with pytest.raises(InvalidInput, match="nothing was rated"):
            await app.tuning.make(CURATOR, "reranker", None)
        assert await first(app, new) == f"{new}-note.txt"
        await rates(app, BOB, TOPICS[0])
        with pytest.raises(InvalidInput, match="1 questions with a useful passage"):
            await app.tuning.make(CURATOR, "reranker", None)
        made = await learned(app)
        assert made.name == "reranker-1"
        assert made.lineage["method"] == "lambdamart"
        assert made.figures["questions"] == len(TOPICS) - 1
        assert made.figures["after"] > made.figures["before"]
        assert await first(app, new) == f"{new}-manual.txt"
        best = (await hits(app, new))[0].scores[-1]
        assert (best.stage, best.rank) == ("rerank", 1)
        assert best.why.startswith("lambdamart:")
        answer = await app.ask(BOB, AskRequest(question=question(new)))
        assert (await app.trace(BOB, answer.trace_id))["reranker_id"] == best.why
        explained = await app.explain(ANNA, ExplainRequest(query=question(new)))
        assert explained.reranker == best.why
        [order] = [one for one in explained.stages if one.stage == "rerank"]
        told = explained.reasons[order.places[0].chunk_id]
        assert 0 < len(told) <= 3
        assert told[0].push > 0
        without = await app.explain(ANNA, ExplainRequest(query=question(new), rerank=False))
        assert (without.reranker, without.reasons) == (None, {})
        await app.tuning.roll_back(CURATOR, None)
        assert await first(app, new) == f"{new}-note.txt"

    tell(story)


@pytest.mark.usefixtures("topics")
def test_a_reranker_is_grown_anew_of_what_is_left_and_of_too_little_not_at_all(
    tell: Story, tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        await rates(app, ANNA, TOPICS[-1])
        made = await learned(app)
        folder = tmp_path / "data" / "candidates" / made.id
        kept = Candidates(app._parts.ledger.database, utc_now)
        gone = {one.digest for one in kept.votes(made.id)}
        before, asked = (folder / "reranker.json").read_bytes(), questions(folder)
        # The index that it learned on is not needed for that.
        await app.rebuild(ANNA)
        await app.privacy.erase(Principal(id="local"), "anna")
        gone -= {one.digest for one in kept.votes(made.id)}
        assert len(gone) == 1
        assert (folder / "reranker.json").read_bytes() != before
        # Of the question that was erased nothing is left, by any name.
        assert gone <= asked
        assert gone.isdisjoint(questions(folder))
        assert await first(app, TOPICS[0]) == f"{TOPICS[0]}-manual.txt"
        await app.privacy.erase(Principal(id="local"), "bob")
        assert not folder.exists()
        assert await first(app, TOPICS[0]) == f"{TOPICS[0]}-note.txt"

    tell(story)


def questions(folder: Path) -> set[str]:
    with np.load(folder / "learned.npz", allow_pickle=False) as kept:
        return {str(digest) for digest in kept["digests"]}


@pytest.mark.usefixtures("topics")
def test_a_file_that_cannot_be_read_orders_nothing(tell: Story, tmp_path: Path) -> None:
    async def story(app: App) -> None:
        made = await learned(app)
        (tmp_path / "data" / "candidates" / made.id / "reranker.json").write_text("{}")
        assert await first(app, TOPICS[0]) == f"{TOPICS[0]}-note.txt"

    tell(story)
