"""From ratings to better answers, on real parts: remembered, measured, promoted, taken back."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.app import App
from rag.app.explaining import ExplainRequest
from rag.candidates import Candidate, Kind
from rag.domain import RetrievalKnobs
from rag.errors import Conflict, InvalidInput, NotFound, StorageFull
from rag.feedback import OfChunk, OfMissing, Verdict
from rag.learn.adapting import Fit
from rag.learn.configuring import Best, Listed
from rag.store.candidates import Candidates
from rag.types import AskRequest, Principal, SearchRequest, utc_now
from tests.app.stages import CURATOR, let_through
from tests.app.test_app import ANNA, BOB
from tests.app.test_datasets import SALARY, WEIGHT, built, tell

__all__ = ["tell"]
Story = Callable[[App], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def everything_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which clusters are held out is by chance."""
    monkeypatch.setattr("rag.learn.remembering.HELD_OUT", 0.0)


async def hits(app: App, who: Principal, question: str) -> list[str]:
    found = await app.search(who, SearchRequest(query=question))
    return [hit.payload.chunk_id for hit in found.hits]


async def more_pumps(app: App, root: Path) -> None:
    for name, weight in (("tx-10", 52), ("tx-11", 61), ("tx-12", 75)):
        text = f"The turbine pump {name.upper()} weighs {weight} kg without its base."
        (root / "docs" / f"{name}.txt").write_text(text)
    await app.sync(ANNA)


async def prefers(
    app: App, who: Principal, title: str, question: str = WEIGHT, *, against: bool = True
) -> str:
    """Somebody finds the passage of one document useful, and the first one not."""
    answer = await app.ask(who, AskRequest(question=question))
    trace = await app.trace(who, answer.trace_id)
    found = await app.search(who, SearchRequest(query=question))
    [wanted] = [one.payload.chunk_id for one in found.hits if one.payload.title == title]
    first = trace["hits"][0]["chunk_id"]
    assert against == (wanted != first)
    for chunk_id, value in ((wanted, 1), *([(first, -1)] if against else [])):
        said = Verdict(target=OfChunk(chunk_id=chunk_id), value=value)
        made = await app.rate(who, answer.trace_id, said)
        await app.curation.review(CURATOR, [made.id], "accepted")
    return wanted


def test_a_memory_that_cannot_be_written_is_not_there(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        await prefers(app, ANNA, "pay.txt", SALARY, against=False)
        index, kept = app._parts.index, Candidates(app._parts.ledger.database, utc_now)

        async def full(*_: object) -> None:
            # Nobody is told of it before it is whole.
            assert kept.list("test") == []
            assert len(kept.unfinished(utc_now())) == 1
            raise StorageFull("The disk is full.")

        with monkeypatch.context() as patch:
            patch.setattr(index, "upsert", full)
            with pytest.raises(StorageFull):
                await app.tuning.make(CURATOR, "memory", None)
        assert kept.unfinished(utc_now()) == []
        with monkeypatch.context() as patch:
            patch.setattr(index, "upsert", full)
            # Killed at once, nothing is done about it any more.
            patch.setattr(Candidates, "forget", lambda *_: None)
            with pytest.raises(StorageFull):
                await app.tuning.make(CURATOR, "memory", None)
        assert await app.tuning.list(CURATOR, None) == []
        with pytest.raises(NotFound):
            await app.tuning.get(CURATOR, "memory-1", None)
        await app.tuning.sweep()
        assert len(kept.unfinished(utc_now())) == 1
        monkeypatch.setattr("rag.app.tuning.UNFINISHED", timedelta(0))
        await app.tuning.sweep()
        assert kept.unfinished(utc_now()) == []
        made = await app.tuning.make(CURATOR, "memory", None)
        assert (made.name, len(kept.votes(made.id))) == ("memory-1", 1)

    tell(story)


def test_what_people_found_useful_moves_up_once_it_is_promoted(
    tell: Callable[[Story], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        await more_pumps(app, tmp_path)
        useful = await prefers(app, BOB, "tx-11.txt")
        before = await hits(app, BOB, WEIGHT)
        made = await app.tuning.make(CURATOR, "memory", None)
        assert made.name == "memory-1"
        assert made.figures["votes"] == 2
        # Made is not promoted: nothing that people see has changed.
        assert await hits(app, BOB, WEIGHT) == before
        with pytest.raises(Conflict, match="was not measured"):
            await app.tuning.promote(CURATOR, made.name, None)
        for question in (WEIGHT, WEIGHT.lower(), f"Tell me: {WEIGHT}"):
            await prefers(app, ANNA, "tx-11.txt", question)
        for question in (SALARY, "What does the director earn?", "How much is paid?"):
            await prefers(app, ANNA, "pay.txt", question, against=False)
        said = await app.tuning.measure(CURATOR, made.name, None)
        assert said.report.outcome == "insufficient"
        assert "more needed" in said.report.why
        with pytest.raises(Conflict, match="did not let"):
            await app.tuning.promote(CURATOR, made.name, None)
        lenient(monkeypatch)
        said = await app.tuning.measure(CURATOR, made.name, None)
        assert (said.report.outcome, said.report.look) == ("passed", 2), said.report
        release = await app.tuning.promote(CURATOR, made.name, None, why="better")
        assert (release.number, release.memory) == (1, made.id)
        after = await hits(app, BOB, WEIGHT)
        assert after[0] == useful != before[0]
        assert sorted(after) == sorted(before)
        found = await app.search(BOB, SearchRequest(query=WEIGHT))
        moved = next(one for one in found.hits[0].scores if one.stage == "memory")
        assert "1 of 1 found it useful, or opened it" in moved.why
        # An answer tells by which memory it came about.
        answer = await app.ask(BOB, AskRequest(question=WEIGHT))
        assert (await app.trace(BOB, answer.trace_id))["memory_id"] == made.id
        # Nothing like it was asked before: as if there were no memory.
        assert await hits(app, BOB, "Who signs?") == await hits(app, BOB, "Who signs?")
        back = await app.tuning.roll_back(CURATOR, None)
        assert (back.number, back.back_to, back.memory) == (2, 0, None)
        assert await hits(app, BOB, WEIGHT) == before
        # To take it back is no new start: what was looked at before is still known.
        assert (await app.tuning.measure(CURATOR, made.name, None)).report.look == 3
        [gain] = await app.tuning.gains(CURATOR, None)
        assert (gain.candidate, gain.ratings, gain.outcome) == ("memory-1", 2, "passed")
        # Said once more, it does not bring back what was gone back from.
        with pytest.raises(Conflict, match="before anything was promoted"):
            await app.tuning.roll_back(CURATOR, None)
        assert await hits(app, BOB, WEIGHT) == before
        assert (await app.tuning.roll_back(CURATOR, None, to=1)).memory == made.id

    tell(story)


def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that three questions pass: what a gate is for is tried elsewhere."""
    from rag.app import tuning as module
    from rag.learn import gate

    monkeypatch.setattr(gate, "FEW", 2)
    real = gate.judged

    def judged(asked: Any, *, look: int, rules: Any, measure: str) -> Any:
        return real(
            asked,
            measure=measure,
            look=look,
            rules=rules.model_copy(update={"least": 1, "guard": 9.0, "alpha": 0.9}),
        )

    monkeypatch.setattr(module, "judged", judged)


def test_there_has_to_be_something_to_learn_from(tell: Callable[[Story], None]) -> None:
    async def story(app: App) -> None:
        with pytest.raises(InvalidInput, match="nothing was rated and accepted"):
            await app.tuning.make(CURATOR, "memory", None)
        answer = await app.ask(BOB, AskRequest(question=WEIGHT))
        await app.rate(BOB, answer.trace_id, Verdict(value=1))
        with pytest.raises(InvalidInput):
            await app.tuning.make(CURATOR, "memory", None)
        with pytest.raises(NotFound, match="no candidate"):
            await app.tuning.measure(CURATOR, "memory-1", None)
        with pytest.raises(Conflict, match="nothing to go back to"):
            await app.tuning.roll_back(CURATOR, None)

    tell(story)


def test_a_document_that_was_missing_is_found_and_may_be_read_by_nobody_else(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        await more_pumps(app, tmp_path)
        found = await app.search(ANNA, SearchRequest(query=SALARY))
        [pay] = {one.payload.document_id for one in found.hits if one.payload.title == "pay.txt"}
        answer = await app.ask(ANNA, AskRequest(question=WEIGHT))
        said = Verdict(target=OfMissing(document_id=pay), value=1)
        made = await app.rate(ANNA, answer.trace_id, said)
        await app.curation.review(CURATOR, [made.id], "accepted")
        memory = await live(app)
        assert memory.figures["votes"] == 1
        assert (await app.search(ANNA, SearchRequest(query=WEIGHT))).hits[0].payload.title == (
            "pay.txt"
        )
        # Whoever may not read it is not told by an order, either.
        assert "pay.txt" not in {
            one.payload.title for one in (await app.search(BOB, SearchRequest(query=WEIGHT))).hits
        }

    tell(story)


def test_whoever_is_erased_is_in_no_memory(tell: Callable[[Story], None], tmp_path: Path) -> None:
    async def story(app: App) -> None:
        await more_pumps(app, tmp_path)
        useful = await prefers(app, BOB, "tx-11.txt")
        made = await live(app)
        assert (await hits(app, ANNA, WEIGHT))[0] == useful
        await app.privacy.erase(Principal(id="local"), "bob")
        assert (await hits(app, ANNA, WEIGHT))[0] != useful
        [left] = await app.tuning.list(CURATOR, None)
        assert (left.id, left.figures["votes"]) == (made.id, 0)
        assert (await app._parts.index.generations())[made.id] == 0

    tell(story)


def test_a_passage_of_a_version_that_is_no_more_moves_nothing(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        await more_pumps(app, tmp_path)
        useful = await prefers(app, BOB, "tx-11.txt")
        await live(app)
        (tmp_path / "docs" / "tx-11.txt").write_text("The turbine pump TX-11 is out of stock.")
        await app.sync(ANNA)
        after = await hits(app, BOB, WEIGHT)
        assert useful not in after

    tell(story)


def test_an_adapter_turns_questions_until_it_is_taken_back_or_nothing_is_left_of_it(
    tell: Callable[[Story], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a fit is worth is tried elsewhere: this one turns every question around."""
    fitted: list[int] = []

    def around(questions: Any, useful: Any, pool: Any) -> Fit:
        fitted.append(len(questions))
        assert len(pool) > len(useful) > 0
        size = questions.shape[1]
        return Fit(-np.eye(size, dtype=np.float32), 1.0, 1, 0.5, 0.6)

    async def story(app: App) -> None:
        await more_pumps(app, tmp_path)
        with pytest.raises(InvalidInput, match="nothing was rated"):
            await app.tuning.make(CURATOR, "adapter", None)
        await prefers(app, BOB, "tx-11.txt")
        with pytest.raises(InvalidInput, match="1 questions with a useful passage are too few"):
            await app.tuning.make(CURATOR, "adapter", None)
        monkeypatch.setattr("rag.app.adapters.ENOUGH", 1)
        with pytest.raises(InvalidInput, match="No adapter does better"):
            await app.tuning.make(CURATOR, "adapter", None)
        monkeypatch.setattr("rag.app.adapters.adapted", around)
        before = await dense(app)
        made = await live(app, "adapter")
        assert (made.name, made.figures["questions"], fitted) == ("adapter-1", 1, [1])
        assert (tmp_path / "data" / "candidates" / made.id / "adapter.npy").is_file()
        turned = await dense(app)
        assert turned == list(reversed(before)) != before
        answer = await app.ask(BOB, AskRequest(question=WEIGHT))
        assert (await app.trace(BOB, answer.trace_id))["adapter_id"] == made.id
        explained = await app.explain(ANNA, ExplainRequest(query=WEIGHT, release=False))
        assert explained.adapter is None
        # It outlives the index that it was made on, and so does what it owes to whoever said it.
        await app.rebuild(ANNA)
        await app.sync(ANNA)
        assert made.lineage["generation"] not in await app._parts.index.generations()
        before = list(reversed(await dense(app)))
        # One that learned of somebody who is erased forgets, and of nothing it turns nothing.
        await app.privacy.erase(Principal(id="local"), "bob")
        assert await dense(app) == before
        assert not (tmp_path / "data" / "candidates" / made.id).exists()

    tell(story)


async def dense(app: App) -> list[str]:
    explained = await app.explain(ANNA, ExplainRequest(query=WEIGHT))
    [found] = [one for one in explained.stages if one.stage == "dense"]
    return [one.chunk_id for one in found.places]


def test_settings_are_searched_for_and_answer_once_they_are_promoted(
    tell: Callable[[Story], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        await more_pumps(app, tmp_path)
        with pytest.raises(InvalidInput, match="questions are too few"):
            await app.tuning.make(CURATOR, "configuration", None)
        await prefers(app, BOB, "tx-11.txt")
        monkeypatch.setattr("rag.app.configurations.ENOUGH", 1)
        seen: list[Listed] = []

        def chosen(questions: Sequence[Listed], in_use: RetrievalKnobs) -> Best:
            seen.extend(questions)
            return Best({"fusion": "rrf", "rrf_k": 10, "sparse_weight": 0.0}, 0.5, 0.6)

        monkeypatch.setattr("rag.app.configurations.searched", chosen)
        made = await live(app, "configuration")
        # The pack's own, of the half that may be fitted to, and what was rated.
        assert len(seen) > 1
        [one] = [each for each in seen if each.wanted.passages]
        assert one.documents.keys() >= one.wanted.passages.keys()
        assert (made.name, made.figures["questions"]) == ("configuration-1", len(seen))
        assert made.searched_evals
        explained = await app.explain(ANNA, ExplainRequest(query=WEIGHT))
        assert (explained.knobs.fusion, explained.knobs.sparse_weight) == ("rrf", 0.0)
        by_meaning = next(one for one in explained.stages if one.stage == "dense")
        fused = next(one for one in explained.stages if one.stage == "fusion")
        assert fused.places[0].chunk_id == by_meaning.places[0].chunk_id
        back = await app.tuning.roll_back(CURATOR, None)
        assert back.pointers == {}
        explained = await app.explain(ANNA, ExplainRequest(query=WEIGHT))
        assert explained.knobs.fusion == "dbsf"

    tell(story)


def test_what_was_searched_on_is_not_held_out_by_a_dataset_that_is_built_later(
    tell: Callable[[Story], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        await more_pumps(app, tmp_path)
        await prefers(app, BOB, "tx-11.txt")
        monkeypatch.setattr("rag.app.configurations.ENOUGH", 1)
        best = Best({"rrf_k": 10}, 0.5, 0.6)
        monkeypatch.setattr("rag.app.configurations.searched", lambda *_: best)
        made = await app.tuning.make(CURATOR, "configuration", None)
        # Whatever is drawn, it is in a test split.
        monkeypatch.setattr("rag.learn.splitting.drawn", lambda *_, **__: "test")
        dataset, _ = await built(app)
        assert dataset.rows
        said = await app.tuning.measure(CURATOR, made.name, None)
        assert [one.id for one in said.asked if not one.id.startswith("evals/")] == []
        # Of another candidate, which is searched for by now, it is held out.
        monkeypatch.setattr("rag.app.configurations.ENOUGH", 0)
        later = await app.tuning.make(CURATOR, "configuration", None)
        said = await app.tuning.measure(CURATOR, later.name, None)
        [one] = [each for each in said.asked if not each.id.startswith("evals/")]
        assert one.held_out

    tell(story)


async def live(app: App, kind: Kind = "memory", **more: Any) -> Candidate:
    """One of what was accepted, that answers use: what a gate says is tried elsewhere."""
    made = await app.tuning.make(CURATOR, kind, None, **more)
    let_through(app, made)
    return made
