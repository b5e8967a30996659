"""Documents are cut another way, with an index of that beside the live one: on real parts, with a
real index, but for how surely one cut is better, which is tried where it is decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.app import App
from rag.app.cutting import Pool
from rag.app.following import Following
from rag.candidates import Candidate
from rag.config import ChunkingSettings
from rag.errors import (
    Behind,
    Conflict,
    GenerationMismatch,
    InvalidInput,
    RagError,
    Superseded,
    Unavailable,
)
from rag.feedback import OfChunk, Verdict
from rag.ingest.rebuild import Rebuilder
from rag.ingest.sync import Syncer
from rag.learn.chunks import Choice, Cut
from rag.store.candidates import Candidates
from rag.store.generations import Pair
from rag.store.releases import Releases
from rag.store.scratch import LOCK
from rag.types import AskRequest, Principal, SearchRequest, SearchResult, utc_now
from tests.app.stages import CURATOR, agreed, let_through, promoted, states
from tests.app.test_app import ANNA, BOB, open_app

Story = Callable[[App], Coroutine[Any, Any, None]]
LIVE_AND_BESIDE = ["beside", "live"]
PUMPS = 6
BIGGER = Cut(80, 0)
WORDS = ("weighs", "flange", "oil", "filter")


@pytest.fixture(autouse=True)
def everything_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which clusters are held out is by chance; and there are few questions here."""
    monkeypatch.setattr("rag.learn.remembering.HELD_OUT", 0.0)
    monkeypatch.setattr("rag.app.chunkings.ENOUGH", 2)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What was tried; the bigger cut is chosen of it."""
    told: dict[str, Any] = {"chosen": BIGGER}

    def choose(before: Any, tried: Mapping[Cut, Any]) -> Choice:
        told.update(before=before, tried=tried)
        return Choice(told["chosen"], float(np.mean(before)), float(np.mean(before)) + 0.1)

    monkeypatch.setattr("rag.app.chunkings.chosen", choose)
    return told


def text_of(n: int) -> str:
    said = (
        f"The turbine pump TX-{n} weighs {40 + n} kg without the base that it stands on there.",
        f"The flange of TX-{n} is painted in the colour number {500 + n} after it has been tested.",
        f"Its oil is changed after {700 + n} hours at the latest, by somebody who has been taught.",
        f"The filter of TX-{n} has the order number {900 + n} and is kept in the yellow cupboard.",
    )
    return "\n\n".join(said)


def question(n: int) -> str:
    return f"What of the {WORDS[n % len(WORDS)]} of the turbine pump TX-{n % PUMPS}?"


def play(root: Path, story: Story) -> None:
    async def whole() -> None:
        app = open_app(root)
        for n in range(PUMPS):
            (root / "docs" / f"tx-{n}.txt").write_text(text_of(n))
        async with agreed(app, root):
            await story(app)

    asyncio.run(whole())


async def rated(app: App, numbers: Sequence[int], who: Principal = ANNA) -> None:
    """Whoever asks finds the first passage useful."""
    for n in numbers:
        answer = await app.ask(who, AskRequest(question=question(n)))
        trace = await app.trace(who, answer.trace_id)
        said = Verdict(target=OfChunk(chunk_id=trace["hits"][0]["chunk_id"]), value=1)
        made = await app.rate(who, answer.trace_id, said)
        await app.curation.review(CURATOR, [made.id], "accepted")


async def held(app: App) -> dict[str | None, tuple[int, int]]:
    """Documents and passages of each generation, by its chunking; the index has as many."""
    kept = app._parts.ledger.generations
    points = await app._parts.index.generations()
    found = {one.chunking: (kept.placed(one.id), points[one.id]) for one in kept.all("test")}
    assert all(placed[1] == count for placed, count in found.values())
    return {chunking: placed for chunking, (placed, _) in found.items()}


async def spans(app: App, text: str, who: Principal = ANNA) -> set[tuple[str, int, int]]:
    result = await app.search(who, SearchRequest(query=text, limit=50))
    return {(one.payload.title, one.payload.start, one.payload.end) for one in result.hits}


async def everything(app: App) -> SearchResult:
    return await app.search(ANNA, SearchRequest(query=question(0), limit=200))


async def made_of_ratings(app: App) -> Candidate:
    await rated(app, range(6))
    return await app.tuning.make(CURATOR, "chunking", None)


async def promoted_of_ratings(app: App) -> Candidate:
    made = await made_of_ratings(app)
    await rated(app, range(6, 12))
    await promoted(app, made)
    return made


@pytest.mark.usefixtures("seen")
def test_cut_and_index_answer_together_and_are_taken_back_together(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        before = await spans(app, question(0))
        made = await made_of_ratings(app)
        assert made.name == "chunking-1"
        assert made.lineage["cut"] == {"size": 80, "overlap": 0}
        assert [one.name for one in await app.tuning.list(CURATOR, None)] == ["chunking-1"]
        assert await states(app) == LIVE_AND_BESIDE
        first = await held(app)
        assert first[None][0] == first[made.id][0] == PUMPS + 2
        assert first[None][1] > first[made.id][1]
        # Made is not promoted: nothing that people see has changed.
        assert await spans(app, question(0)) == before
        memory = await app.tuning.make(CURATOR, "memory", None)
        await rated(app, range(6, 12))
        await promoted(app, memory)
        said = await app.tuning.measure(CURATOR, made.name, None)
        # What was said of passages of the live cut measures the other one as well.
        of_people = [one for one in said.asked if not one.id.startswith("evals/")]
        assert len(of_people) == 6
        assert all(0 < one.after <= 1 for one in of_people)
        await promoted(app, made)
        after = await spans(app, question(0))
        assert len(after) < len(before)
        answer = await app.ask(ANNA, AskRequest(question=question(0)))
        trace = await app.trace(ANNA, answer.trace_id)
        # What orders passages of the other cut waits.
        assert (trace["memory_id"], trace["chunker_rev"].split(":")[1]) == (None, "80")
        live = app._parts.ledger.generations.live("test")
        assert live is not None
        domain, now = app._domains.get(None), utc_now()
        measuring = app.tuning._sides._measuring
        # What was rated before still measures; nothing is learned from it by ids.
        there = await measuring.earlier(domain, live, now, any_cut=True)
        assert sum(bool(one.wanted.passages) for one in there) == 12
        assert not any(one.wanted.passages for one in await measuring.earlier(domain, live, now))
        # A memory learns from it all the same: of what holds most of what it was said of.
        again = await app.tuning.make(CURATOR, "memory", None)
        assert again.figures["recut"] == 12
        now_there = {one.payload.chunk_id for one in (await everything(app)).hits}
        kept = Candidates(app._parts.ledger.database, utc_now)
        assert {one.chunk_id for one in kept.votes(again.id)} <= now_there
        # What is synced now is cut by what answers, and beside it by what may be gone back to.
        (tmp_path / "docs" / "new.txt").write_text(text_of(77))
        await app.sync(ANNA)
        [one] = [one for one in await app.documents(ANNA) if one.title == "new.txt"]
        counts = {
            other.chunking: app._parts.ledger.placements.chunks(other.id, one.id, 1)
            for other in app._parts.ledger.generations.all("test")
        }
        assert 0 < counts[made.id] < counts[None]
        whole = await held(app)
        await app.rebuild(ANNA)
        await app.sync(ANNA)
        assert (await states(app), await held(app)) == (LIVE_AND_BESIDE, whole)
        assert all(check.ok for check in await app.doctor() if check.name == "domain")
        # What is deleted answers from neither.
        (tmp_path / "docs" / "new.txt").unlink()
        (tmp_path / "docs" / "tx-1.txt").unlink()
        await app.sync(ANNA)
        assert not {"new.txt", "tx-1.txt"} & {one[0] for one in await spans(app, question(1))}
        back = await app.tuning.roll_back(CURATOR, None)
        assert (back.chunking, back.memory) == (None, memory.id)
        assert await spans(app, question(0)) == {one for one in before if one[0] != "tx-1.txt"}
        answer = await app.ask(ANNA, AskRequest(question=question(0)))
        assert (await app.trace(ANNA, answer.trace_id))["memory_id"] == memory.id
        assert (await app.tuning.roll_back(CURATOR, None, to=2)).chunking == made.id
        assert await spans(app, question(0)) == {one for one in after if one[0] != "tx-1.txt"}
        with pytest.raises(Conflict, match="an index of its own"):
            await app.candidate_trials.begin(CURATOR, made.name, 0.1, None)

    play(tmp_path, story)


@pytest.mark.usefixtures("seen")
def test_release_and_index_switch_in_one_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        made = await promoted_of_ratings(app)
        kept = app._parts.ledger.generations

        def killed(*_: object, **__: object) -> None:
            raise Unavailable("The disk is away.")

        with monkeypatch.context() as patch:
            patch.setattr(Releases, "_add", killed)
            with pytest.raises(Unavailable):
                await app.tuning.roll_back(CURATOR, None)
        live = kept.live("test")
        assert live is not None
        assert live.pair == Pair(None, made.id)
        assert [one.number for one in await app.tuning.releases(CURATOR, None)] == [1]
        await app.tuning.roll_back(CURATOR, None)
        live = kept.live("test")
        assert live is not None
        assert live.pair == Pair()

    play(tmp_path, story)


@pytest.mark.usefixtures("seen")
def test_an_index_that_was_left_behind_is_gone_back_to_once_it_was_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        await promoted_of_ratings(app)
        # As after a restart with other settings: that index is followed no longer.
        chunkers = app._parts.chunkers
        chunkers._configured = chunkers.cut(ChunkingSettings(size=32, overlap=0))
        (tmp_path / "docs" / "new.txt").write_text(text_of(77))
        (tmp_path / "docs" / "tx-1.txt").write_text(text_of(78))
        await app.sync(ANNA)
        with pytest.raises(Behind, match="does not have 2 documents") as told:
            await app.tuning.roll_back(CURATOR, None)
        assert "rag sync --rebuild" in str(told.value.hint)
        assert {"new.txt", "tx-1.txt"} <= {one[0] for one in await spans(app, question(7))}
        assert [one.number for one in await app.tuning.releases(CURATOR, None)] == [1]
        # Of what could not be searched nobody is answered, whoever forces it.
        embedder = app._parts.embedder
        with monkeypatch.context() as patch:
            patch.setattr(embedder, "fingerprint", "another:8")
            with pytest.raises(GenerationMismatch):
                await app.tuning.roll_back(CURATOR, None, force=True)
        await app.rebuild(ANNA)
        assert (await app.tuning.roll_back(CURATOR, None)).chunking is None
        assert {"new.txt", "tx-1.txt"} <= {one[0] for one in await spans(app, question(7))}
        assert (await app.sync(ANNA)).unchanged == PUMPS + 3

    play(tmp_path, story)


async def left_behind(app: App, root: Path, monkeypatch: pytest.MonkeyPatch) -> Candidate:
    """A promoted one, and a sync that broke off before the other index had what it read."""
    made = await promoted_of_ratings(app)
    (root / "docs" / "new.txt").write_text(text_of(77))
    (root / "docs" / "tx-1.txt").write_text(text_of(78))
    (root / "docs" / "tx-2.txt").unlink()
    await broken_off(app, "docs", monkeypatch)
    return made


async def broken_off(app: App, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync that nobody goes on with, once it has written the index that answers."""

    async def broken(*_: object, **__: object) -> None:
        raise Superseded("Somebody else does it now.")

    with monkeypatch.context() as patch:
        patch.setattr(Following, "follow", broken)
        with pytest.raises(RagError):
            await app.sync(ANNA, source=source)


async def versions(app: App, title: str) -> dict[str | None, int]:
    """Of a document in each generation, by its chunking."""
    kept = app._parts.ledger
    return {
        generation.chunking: version.version
        for generation in kept.generations.all("test")
        if generation.state in ("live", "beside")
        for version, _, _ in kept.live_versions(generation.id, lacking="")
        if version.title == title
    }


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize("rebuilt", [False, True])
def test_who_goes_back_all_the_same_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rebuilt: bool
) -> None:
    async def story(app: App) -> None:
        made = await left_behind(app, tmp_path, monkeypatch)
        with pytest.raises(Behind, match="does not have 2 documents") as told:
            await app.tuning.roll_back(CURATOR, None)
        assert "--force" in str(told.value.hint)
        back = await app.tuning.roll_back(CURATOR, None, force=True)
        assert back.chunking is None
        titles = {one[0] for one in await spans(app, question(7))}
        assert ("new.txt" in titles, "tx-2.txt" in titles) == (False, False)
        assert await versions(app, "tx-1.txt") == {None: 1, made.id: 2}
        # What its source does not name again is brought all the same: its text is kept.
        if rebuilt:
            await app.rebuild(ANNA)
        else:
            assert (await app.sync(ANNA)).unchanged == PUMPS + 2
        assert "new.txt" in {one[0] for one in await spans(app, question(7))}
        # The older version is brought to nobody.
        assert await versions(app, "tx-1.txt") == {None: 2, made.id: 2}
        assert await versions(app, "new.txt") == {None: 1, made.id: 1}
        await app.sync(ANNA)
        counts = await held(app)
        assert counts[None][0] == counts[made.id][0] == PUMPS + 2
        assert (await app.tuning.roll_back(CURATOR, None, to=1)).chunking == made.id

    play(tmp_path, story)


@pytest.mark.usefixtures("seen")
def test_no_index_is_let_go_of_that_has_what_the_live_one_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        made = await promoted_of_ratings(app)
        more = tmp_path / "more"
        more.mkdir()
        (more / "new.txt").write_text(text_of(77))
        await app.add_source(ANNA, connector="files", config={"path": str(more)}, name="more")
        await broken_off(app, "more", monkeypatch)
        await app.tuning.roll_back(CURATOR, None, force=True)
        # By the releases nobody goes back to the other index any more.
        let_through(app, await app.tuning.make(CURATOR, "memory", None))
        await app.sync(ANNA, source="docs")
        assert await states(app) == LIVE_AND_BESIDE
        assert await versions(app, "new.txt") == {made.id: 1}
        # As if its source had forgotten it: what was read is brought before the source is asked.
        with monkeypatch.context() as patch:

            async def away(*_: object) -> None:
                raise Unavailable("The source is away.")

            patch.setattr(Syncer, "sync", away)
            with pytest.raises(Unavailable):
                await app.sync(ANNA, source="more")
        assert (await versions(app, "new.txt"))[None] == 1
        assert "new.txt" in {one[0] for one in await spans(app, question(7))}
        await app.sync(ANNA, source="docs")
        assert await states(app) == ["live"]

    play(tmp_path, story)


@pytest.mark.usefixtures("seen")
def test_who_goes_back_while_the_index_is_made_anew_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        made = await left_behind(app, tmp_path, monkeypatch)
        real, gone = Rebuilder.rebuild, [False]

        async def meanwhile(self: Rebuilder, *given: Any, **more: Any) -> int:
            if not gone[0]:
                gone[0] = True
                await app.tuning.roll_back(CURATOR, None, force=True)
            return await real(self, *given, **more)

        with monkeypatch.context() as patch:
            patch.setattr(Rebuilder, "rebuild", meanwhile)
            await app.rebuild(ANNA)
        assert (await versions(app, "new.txt"))[made.id] == 1
        await app.sync(ANNA)
        assert await versions(app, "new.txt") == {None: 1, made.id: 1}
        assert await versions(app, "tx-1.txt") == {None: 2, made.id: 2}
        assert "new.txt" in {one[0] for one in await spans(app, question(7))}

    play(tmp_path, story)


@pytest.mark.usefixtures("seen")
def test_a_sync_that_breaks_off_after_another_index_answers_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        made = await promoted_of_ratings(app)
        real = Syncer.sync

        async def back_meanwhile(self: Syncer, *given: Any) -> Any:
            """Begun in the index that answered, which it goes on writing."""
            await app.tuning.roll_back(CURATOR, None)
            await real(self, *given)
            raise Unavailable("The listing broke off.")

        (tmp_path / "docs" / "new.txt").write_text(text_of(77))
        (tmp_path / "docs" / "tx-1.txt").write_text(text_of(78))
        with monkeypatch.context() as patch:
            patch.setattr(Syncer, "sync", back_meanwhile)
            with pytest.raises(RagError):
                await app.sync(ANNA)
        assert await versions(app, "tx-1.txt") == {None: 1, made.id: 2}
        await app.sync(ANNA)
        assert await versions(app, "tx-1.txt") == {None: 2, made.id: 2}
        assert "new.txt" in {one[0] for one in await spans(app, question(7))}

    play(tmp_path, story)


@pytest.mark.usefixtures("seen")
def test_no_candidate_has_passages_of_another_cut(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        await rated(app, range(6))
        kept = {one.title: one for one, _ in app._parts.ledger.kept()}
        for title in ("pay.txt", "pump.txt"):
            digest = kept[title].text_hash
            (app._parts.blobs.folder / digest[:2] / digest).unlink()
        with pytest.raises(Unavailable, match="kept text of 2 documents is damaged") as told:
            await app.tuning.make(CURATOR, "chunking", None)
        assert "rag sync" in str(told.value.hint)
        assert await app.tuning.list(CURATOR, None) == []
        failed = await app.documents(ANNA, failed=True)
        assert {one.title for one in failed} == {"pay.txt", "pump.txt"}
        await app.sync(ANNA)
        made = await app.tuning.make(CURATOR, "chunking", None)
        assert (await held(app))[made.id][0] == PUMPS + 2

    play(tmp_path, story)


@pytest.mark.usefixtures("seen")
def test_nothing_that_was_tried_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(app: App) -> None:
        folder = tmp_path / "data" / "scratch"
        within: list[int] = []
        real = Pool.measure

        async def measure(self: Pool, *given: Any) -> Any:
            within.append(len([one for one in folder.iterdir() if one.name != LOCK]))
            return await real(self, *given)

        monkeypatch.setattr(Pool, "measure", measure)
        await made_of_ratings(app)
        assert set(within) == {1}
        assert [one.name for one in folder.iterdir()] == [LOCK]
        # What somebody left behind who was killed goes with the next sweep.
        (folder / "left").mkdir()
        (folder / "left" / "opinions.db").write_text("what people said")
        await app.tuning.sweep()
        assert [one.name for one in folder.iterdir()] == [LOCK]

    play(tmp_path, story)


def test_a_later_one_takes_the_place_of_one_that_is_not_promoted(
    tmp_path: Path, seen: dict[str, Any]
) -> None:
    async def story(app: App) -> None:
        first = await made_of_ratings(app)
        seen["chosen"] = Cut(32, 0)
        second = await app.tuning.make(CURATOR, "chunking", None)
        counts = await held(app)
        assert counts.keys() == {None, second.id}
        assert counts[second.id][1] > counts[None][1]
        with pytest.raises(Conflict, match="not kept any more") as told:
            await app.tuning.measure(CURATOR, first.name, None)
        assert "rag tune chunking" in str(told.value.hint)
        await rated(app, range(6, 12))
        await promoted(app, second)
        # Searched from what answers now, with that among what is tried no more.
        seen["chosen"] = BIGGER
        third = await app.tuning.make(CURATOR, "chunking", None)
        assert third.lineage["before"] == {"size": 32, "overlap": 0}
        assert Cut(32, 0) not in seen["tried"]
        assert (await held(app)).keys() == {None, second.id, third.id}
        # Taken back, what it was made beside answers no more.
        await app.tuning.roll_back(CURATOR, None)
        await app.sync(ANNA)
        assert (await held(app)).keys() == {None, second.id, third.id}

    play(tmp_path, story)


@pytest.mark.usefixtures("seen")
def test_what_is_closed_is_closed_in_both_cuts(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        made = await made_of_ratings(app)
        docs = tmp_path / "docs"
        (docs / "tx-2.txt").rename(docs / "hr" / "tx-2.txt")
        (docs / "tx-3.txt").write_text(text_of(3).replace("40", "41"))
        await app.sync(ANNA)
        kept = app._parts.ledger.generations
        [live, beside] = [kept.of_pair("test", Pair(None, one)) for one in (None, made.id)]
        assert live is not None
        assert beside is not None
        assert (kept.lacking(live.id, beside.id), kept.lacking(beside.id, live.id)) == (0, 0)
        await rated(app, range(6, 8))
        await promoted(app, made)
        assert "tx-2.txt" in {one[0] for one in await spans(app, question(2))}
        assert "tx-2.txt" not in {one[0] for one in await spans(app, question(2), BOB)}

    play(tmp_path, story)


@pytest.mark.usefixtures("seen")
def test_an_index_that_was_cut_short_is_finished_by_whoever_does_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        await rated(app, range(6))
        monkeypatch.setattr("rag.ingest.rebuild.SLICE", 1)
        placed: list[str] = []
        whole: list[bool] = []
        real = Rebuilder._place

        async def place(self: Any, writer: Any, batch: Any) -> None:
            if len(placed) == 3 and not whole:
                raise Unavailable("The disk is away.")
            placed.extend(one.document_id for one in batch)
            await real(self, writer, batch)

        monkeypatch.setattr(Rebuilder, "_place", place)
        with pytest.raises(Unavailable, match="disk is away"):
            await app.tuning.make(CURATOR, "chunking", None)
        assert await app.tuning.list(CURATOR, None) == []
        assert await states(app) == ["filling", "live"]
        # Nobody asks for it any more.
        await app.sync(ANNA)
        assert await states(app) == ["live"]
        # Whoever searched is killed as the index is begun; the run stays.
        placed.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Candidates, "forget", lambda *_: None)
            with pytest.raises(Unavailable, match="disk is away"):
                await app.tuning.make(CURATOR, "chunking", None)
        [filling] = [
            one for one in app._parts.ledger.generations.all("test") if one.state == "filling"
        ]
        assert filling.chunking is not None
        placed.clear()
        whole.append(True)
        # What is deleted meanwhile is never placed.
        (tmp_path / "docs" / "tx-5.txt").unlink()
        await app.sync(ANNA)
        serving = asyncio.create_task(app._runs.worker.serve())
        job = {"chunking": filling.chunking}
        await app._runs.worker.complete(
            "rebuild", "test", None, "cora", lambda _: None, here=False, wanted=job
        )
        serving.cancel()
        assert len(placed) <= PUMPS + 2 - 3
        [made] = await app.tuning.list(CURATOR, None)
        assert (made.id, await states(app)) == (filling.chunking, LIVE_AND_BESIDE)
        counts = await held(app)
        assert counts[made.id][0] == counts[None][0] == PUMPS + 1

    play(tmp_path, story)


CASES = """cases:
{cases}"""
CASE = """- id: case-{n}
  group: group-{n}
  kind: single
  question: "{question}"
  as_user: {who}
  documents: ["{document}"]
  facts: [["{fact}"]]
"""


def test_cuts_are_tried_on_facts_that_whoever_asks_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: dict[str, Any]
) -> None:
    monkeypatch.setattr("rag.app.measuring.in_calibration_half", lambda case: True)

    async def story(app: App) -> None:
        cases = [
            ("bob", question(0), "tx-0.txt", "40 kg"),
            ("bob", "Which order number has the filter of TX-3?", "tx-3.txt", "903"),
            ("anna", "What is the salary of the director?", "hr/pay.txt", "9 crowns"),
            ("bob", "What is the salary of the director?", "hr/pay.txt", "9 crowns"),
        ]
        said = [
            CASE.format(n=n, who=who, question=text, document=document, fact=fact)
            for n, (who, text, document, fact) in enumerate(cases)
        ]
        evals = next((tmp_path / "pack").glob("evals*"))
        evals.write_text(CASES.format(cases="".join(said)))
        made = await app.tuning.make(CURATOR, "chunking", None, budget=5)
        # The director's salary is no business of Bob's.
        assert sorted(bool(one) for one in seen["before"]) == [False, True, True, True]
        assert all(0 <= one <= 1 for each in seen["tried"].values() for one in each)
        assert made.figures["tried"] == len(seen["tried"]) > 3
        assert Cut(40, 0) not in seen["tried"]
        assert made.figures["questions"] == 4
        assert 3 <= made.figures["documents"] <= PUMPS + 2
        assert made.searched_evals

    play(tmp_path, story)


def test_what_there_is_no_time_or_reason_for_is_said(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        with pytest.raises(InvalidInput, match="0 questions are too few"):
            await app.tuning.make(CURATOR, "chunking", None)
        await rated(app, range(6))
        with pytest.raises(InvalidInput, match="time was over before another cut"):
            await app.tuning.make(CURATOR, "chunking", None, budget=1e-6)
        with pytest.raises(InvalidInput, match="none is surely better"):
            await app.tuning.make(CURATOR, "chunking", None)
        with pytest.raises(InvalidInput, match="Only a chunking"):
            await app.tuning.make(CURATOR, "memory", None, budget=3)
        assert await states(app) == ["live"]
        assert await app.tuning.list(CURATOR, None) == []

    play(tmp_path, story)
