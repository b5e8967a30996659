"""An encoder is trained on what was said, with its index beside the live one: on a real model of a
few kilobytes, in a real process, in a real index."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.app import App, backups
from rag.backends.kept_questions import KeptQuestions
from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.candidates import Candidate
from rag.config import EmbeddingSettings
from rag.errors import Conflict, InvalidInput, Unavailable
from rag.feedback import OfChunk, Verdict
from rag.ingest.rebuild import Rebuilder
from rag.learn.encoding import teach
from rag.learn.teaching import Lessons, Taught
from rag.store.candidates import Candidates
from rag.store.generations import Pair
from rag.types import AskRequest, Principal, Progress, SearchRequest, utc_now
from tests.app.stages import CURATOR, agreed, passed, states
from tests.app.test_app import ANNA, BOB, open_app
from tests.backends.tiny_encoder import by_words, save_encoder
from tests.learn.test_teaching import ASKED, SAID, TOPICS

Story = Callable[[App], Coroutine[Any, Any, None]]
EACH = 3
LIVE_AND_BESIDE = ["beside", "live"]


@pytest.fixture(autouse=True)
def everything_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which clusters are held out is by chance; and there are few questions here, of four topics
    whose questions would all be in one fold."""
    monkeypatch.setattr("rag.learn.remembering.HELD_OUT", 0.0)
    monkeypatch.setattr("rag.app.trained.ENOUGH", 6)
    monkeypatch.setattr("rag.learn.encoding.EPOCHS", 8)
    monkeypatch.setattr("rag.learn.encoding.RATE", 0.01)


Known = dict[str, tuple[Path, Taught]]


@pytest.fixture(scope="module")
def known() -> Known:
    return {}


@pytest.fixture(autouse=True)
def learned_once(
    known: Known, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal lessons give an equal encoder (tests/learn/test_teaching.py), which takes a process and
    seconds: here they are learned the first time."""

    async def taught(given: Lessons, progress: Callable[[Progress], None]) -> Taught:
        what = sha256(given.model_dump_json(exclude={"base", "out"}).encode())
        what.update((given.base / "model.safetensors").read_bytes())
        if what.hexdigest() not in known:
            told = await teach(given, progress)
            kept = tmp_path_factory.mktemp("learned") / "encoder"
            known[what.hexdigest()] = shutil.copytree(given.out, kept), told
            return told
        kept, told = known[what.hexdigest()]
        shutil.copytree(kept, given.out, dirs_exist_ok=True)
        return told

    monkeypatch.setattr("rag.app.trained.teach", taught)


@pytest.fixture
def mixed_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.learn.encoding.groups_of", lambda some, _: np.arange(len(some)))
    monkeypatch.setattr("rag.learn.encoding.folded", lambda some, _: some // TOPICS % 3)


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Story], None]:
    """Plays a story in an app whose embedder is a small model, with documents of four topics."""
    model = by_words(save_encoder(tmp_path / "base"))
    monkeypatch.setenv("RAG_EMBEDDING__MODEL", str(model))

    def told(story: Story) -> None:
        async def whole() -> None:
            settings = EmbeddingSettings(model=str(model))
            embedder = KeptQuestions(SentenceTransformersEmbedder(settings, tmp_path / "cache"))
            app = open_app(tmp_path, embedder)  # pyright: ignore[reportArgumentType]
            for path in sorted((tmp_path / "docs").rglob("*.txt")):
                path.unlink()
            for n in range(TOPICS * EACH):
                write(tmp_path, f"{n:02}", SAID[n % TOPICS], 100 + n)
            async with aclosing(embedder), agreed(app, tmp_path):
                await story(app)

        asyncio.run(whole())

    return told


def write(root: Path, name: str, word: str, number: int) -> None:
    (root / "docs" / f"{name}.txt").write_text(f"{word.capitalize()} {number}.")


def question(n: int) -> str:
    return f"{ASKED[n % TOPICS]} {500 + n}"


async def found(app: App, text: str, who: Principal = ANNA) -> list[str]:
    """What is found, by its words."""
    result = await app.search(who, SearchRequest(query=text, limit=20))
    return [hit.payload.text for hit in result.hits]


def of_topic(texts: Sequence[str], n: int) -> int:
    """How many of the first are of the topic of a question."""
    return sum(SAID[n % TOPICS] in text.lower() for text in texts[:EACH])


async def rated(app: App, numbers: Sequence[int], who: Principal = ANNA) -> None:
    """Whoever asks finds what is of the topic useful."""
    for n in numbers:
        answer = await app.ask(who, AskRequest(question=question(n)))
        wanted = await app.search(who, SearchRequest(query=question(n), limit=20))
        for hit in wanted.hits:
            if SAID[n % TOPICS] not in hit.payload.text.lower():
                continue
            said = Verdict(target=OfChunk(chunk_id=hit.payload.chunk_id), value=1)
            made = await app.rate(who, answer.trace_id, said)
            await app.curation.review(CURATOR, [made.id], "accepted")


async def trained(app: App, numbers: Sequence[int] = range(12)) -> Candidate:
    await rated(app, numbers)
    return await app.tuning.make(CURATOR, "encoder", None)


async def held(app: App) -> dict[str | None, int]:
    """Points of each generation that is kept, by its encoder."""
    points = await app._parts.index.generations()
    known = app._parts.ledger.generations.all("test")
    return {one.encoder: points[one.id] for one in known if one.id in points}


async def promoted(app: App, made: Candidate) -> None:
    """Four topics have no questions that are novel, which the gate asks for."""
    said = await passed(app, made)
    assert said.report.after > said.report.before + 0.1
    await app.tuning.promote(CURATOR, made.name, None)


@pytest.mark.usefixtures("mixed_folds")
def test_encoder_and_index_answer_together_and_are_taken_back_together(
    tell: Callable[[Story], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        made = await trained(app)
        assert made.name == "encoder-1"
        assert made.figures["after"] > made.figures["before"]
        assert [one.name for one in await app.tuning.list(CURATOR, None)] == ["encoder-1"]
        folder = tmp_path / "data" / "candidates" / made.id
        assert (folder / "model.safetensors").is_file()
        assert await states(app) == LIVE_AND_BESIDE
        assert await held(app) == {None: 12, made.id: 12}
        # Made is not promoted: nothing that people see has changed.
        before = {n: await found(app, question(n)) for n in range(20, 24)}
        assert sum(of_topic(before[n], n) for n in before) < 2 * TOPICS
        await rated(app, range(24, 36))
        await promoted(app, made)
        after = {n: await found(app, question(n)) for n in before}
        assert sum(of_topic(after[n], n) for n in after) > 2 * TOPICS
        # Whoever answers in another process answers so from the next question on.
        another = await open_beside(tmp_path)
        try:
            assert {n: await found(another, question(n)) for n in before} == after
        finally:
            await another.aclose()
        answer = await app.ask(ANNA, AskRequest(question=question(20)))
        trace = await app.trace(ANNA, answer.trace_id)
        assert trace["embedder_rev"].startswith(f"{made.id}:")
        # Among each other questions are compared as before: what was rated is not lost.
        memory = await app.tuning.make(CURATOR, "memory", None)
        assert memory.figures["votes"] >= made.figures["votes"]
        with pytest.raises(InvalidInput, match="a trained encoder answers"):
            await app.tuning.make(CURATOR, "adapter", None)
        assert all(one.ok for one in await app.doctor() if one.name in ("embedder", "domain"))
        # A new document is embedded by what answers, and by what it may be gone back to.
        write(tmp_path, "new", SAID[0], 900)
        await app.sync(ANNA)
        assert await held(app) == {None: 13, made.id: 13}
        await app.rebuild(ANNA)
        await app.sync(ANNA)
        assert (await states(app), await held(app)) == (LIVE_AND_BESIDE, {None: 13, made.id: 13})
        assert await found(app, question(21)) != before[21]
        back = await app.tuning.roll_back(CURATOR, None)
        assert back.encoder is None
        (tmp_path / "docs" / "new.txt").unlink()
        await app.sync(ANNA)
        assert {n: await found(app, question(n)) for n in before} == before
        assert (await app.tuning.roll_back(CURATOR, None, to=1)).encoder == made.id
        assert {n: await found(app, question(n)) for n in before} == after

    tell(story)


async def open_beside(root: Path) -> App:
    """The same data folder in another process, as far as what is kept in memory goes."""
    model = EmbeddingSettings(model=str(root / "base" / "model"))
    embedder = KeptQuestions(SentenceTransformersEmbedder(model, root / "cache"))
    return open_app(root, embedder)  # pyright: ignore[reportArgumentType]


@pytest.mark.usefixtures("mixed_folds")
def test_what_is_synced_deleted_or_closed_reaches_both(
    tell: Callable[[Story], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        made = await trained(app)
        docs = tmp_path / "docs"
        (docs / "00.txt").unlink()
        write(tmp_path, "01", "warranty", 777)
        write(tmp_path, "new", "leaks", 888)
        (docs / "hr").mkdir(exist_ok=True)
        (docs / "02.txt").rename(docs / "hr" / "02.txt")
        await app.sync(ANNA)
        assert await held(app) == {None: 12, made.id: 12}
        kept = app._parts.ledger.generations
        [live, beside] = [kept.of_pair("test", Pair(one)) for one in (None, made.id)]
        assert live is not None
        assert beside is not None
        assert (kept.lacking(live.id, beside.id), kept.lacking(beside.id, live.id)) == (0, 0)
        await rated(app, range(24, 36))
        await promoted(app, made)
        texts = await found(app, question(0))
        assert {"Leaks 888.", "Warranty 777."} <= {*texts}
        assert not {"Leaks 100.", "Seal 101."} & {*texts}
        # Closed to Bob in one, it is closed in the other.
        assert "Warranty 102." in texts
        assert "Warranty 102." not in await found(app, question(0), BOB)
        # What is deleted is gone at once, also from what is gone back to.
        (docs / "new.txt").unlink()
        await app.sync(ANNA)
        await app.tuning.roll_back(CURATOR, None)
        assert "Leaks 888." not in await found(app, question(0))
        assert await held(app) == {None: 11, made.id: 11}

    tell(story)


@pytest.mark.usefixtures("mixed_folds")
def test_what_was_not_brought_along_is_not_promoted_and_opens_to_nobody(
    tell: Callable[[Story], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        docs = tmp_path / "docs"
        (docs / "hr").mkdir(exist_ok=True)
        (docs / "hr" / "secret.txt").write_text("Months 666.")
        await app.sync(ANNA)
        made = await trained(app)
        kept = app._parts.ledger.generations
        beside = kept.of_pair("test", Pair(made.id))
        assert beside is not None

        async def broken(*_: object, **__: object) -> int:
            raise Unavailable("The disk is away.")

        (docs / "hr" / "secret.txt").write_text("Months and nothing more.")
        source = await app.source(ANNA, "docs")
        open_to_all = [{"pattern": "hr/**", "allow": ["everyone"]}]
        with monkeypatch.context() as patch:
            patch.setattr(Rebuilder, "rebuild", broken)
            await app.change_source(ANNA, source.name, {"readers": open_to_all})
            # The source is read all the same.
            await app.sync(ANNA)
        assert "Months and nothing more." in await found(app, question(3), BOB)
        with pytest.raises(Conflict, match="does not have 1 document as"):
            await app.tuning.measure(CURATOR, made.name, None)
        # Its old text is open to whom the new one was opened, in neither.
        placed = kept.placed(beside.id)[0]
        assert placed == 12
        await app.sync(ANNA)
        write(tmp_path, "more", "leaks", 901)
        await app.sync(ANNA)
        live = kept.live("test")
        assert live is not None
        assert kept.lacking(live.id, beside.id) == 0

    tell(story)


@pytest.mark.usefixtures("mixed_folds")
def test_a_later_one_takes_the_place_and_what_nobody_needs_is_dropped(
    tell: Callable[[Story], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        first = await trained(app)
        second = await app.tuning.make(CURATOR, "encoder", None)
        assert second.name == "encoder-2"
        assert await held(app) == {None: 12, second.id: 12}
        # Without the weights a backup's index could not be made anew.
        kept_files = backups._weights(app.settings, app._parts.ledger.database)
        assert f"candidates/{second.id}/model.safetensors" in kept_files
        assert not any(first.id in name for name in kept_files)
        with pytest.raises(Conflict, match="not kept any more"):
            await app.tuning.measure(CURATOR, first.name, None)
        kept = Candidates(app._parts.ledger.database, utc_now)
        kept.settle(second.id, "refused")
        await app.sync(ANNA)
        # What is left to be promoted is the first, whose index is gone.
        assert await held(app) == {None: 12}
        kept.settle(first.id, "refused")
        await app.tuning.sweep()
        assert [*(tmp_path / "data" / "candidates").glob("*/modules.json")] == []

    tell(story)


def test_what_can_not_be_learned_is_said(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        with pytest.raises(InvalidInput, match="nothing was rated"):
            await app.tuning.make(CURATOR, "encoder", None)
        await rated(app, range(2))
        with pytest.raises(InvalidInput, match="2 questions with a useful passage are too few"):
            await app.tuning.make(CURATOR, "encoder", None)
        # Questions that share a passage are in one fold: of other topics nothing can be known.
        await rated(app, range(2, 12))
        with pytest.raises(InvalidInput, match="No encoder does better"):
            await app.tuning.make(CURATOR, "encoder", None)
        folder = app.settings.data / "candidates"
        assert [*folder.glob("*")] == []
        assert await states(app) == ["live"]
        endpoint = app.settings.embedding.model_copy(update={"provider": "openai_compatible"})
        monkeypatch.setitem(app.settings.__dict__, "embedding", endpoint)
        with pytest.raises(InvalidInput, match="its weights are not here"):
            await app.tuning.make(CURATOR, "encoder", None)

    tell(story)


@pytest.mark.usefixtures("mixed_folds")
def test_an_index_that_was_cut_short_answers_nothing_and_is_finished_by_whoever_does_runs(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        await rated(app, range(12))
        monkeypatch.setattr("rag.ingest.rebuild.SLICE", 1)
        placed: list[str] = []
        whole: list[bool] = []
        real = Rebuilder._place

        async def place(self: Any, writer: Any, batch: Any) -> None:
            if len(placed) == 5 and not whole:
                raise Unavailable("The disk is away.")
            placed.extend(one.document_id for one in batch)
            await real(self, writer, batch)

        with monkeypatch.context() as patch:
            patch.setattr(Rebuilder, "_place", place)
            with pytest.raises(Unavailable, match="disk is away"):
                await app.tuning.make(CURATOR, "encoder", None)
            assert await app.tuning.list(CURATOR, None) == []
            assert await states(app) == ["filling", "live"]
            # Nobody asks for it any more.
            await app.sync(ANNA)
            assert await states(app) == ["live"]
            await app.tuning.sweep()
            assert [*(app.settings.data / "candidates").glob("*/modules.json")] == []
        # Whoever trained is killed as the index is begun; the run stays.
        placed.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Candidates, "forget", lambda *_: None)
            patch.setattr(Rebuilder, "_place", place)
            with pytest.raises(Unavailable, match="disk is away"):
                await app.tuning.make(CURATOR, "encoder", None)
            assert await app.tuning.list(CURATOR, None) == []
        [encoder] = app._parts.ledger.generations.encoders()
        placed.clear()
        whole.append(True)
        with monkeypatch.context() as patch:
            patch.setattr(Rebuilder, "_place", place)
            serving = asyncio.create_task(app._runs.worker.serve())
            job = {"encoder": encoder}
            await app._runs.worker.complete(
                "rebuild", "test", None, "cora", lambda _: None, here=False, wanted=job
            )
            serving.cancel()
        # It goes on with what is not there yet.
        assert len(placed) == 12 - 5
        [made] = await app.tuning.list(CURATOR, None)
        assert (made.id, await states(app)) == (encoder, LIVE_AND_BESIDE)

    tell(story)


@pytest.mark.usefixtures("mixed_folds")
def test_one_that_learned_of_somebody_who_is_erased_is_named_and_not_promoted(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        await rated(app, range(6), BOB)
        made = await trained(app, range(6, 12))
        await rated(app, range(24, 36))
        await passed(app, made)
        # To make anew what a restore did not bring marks nothing.
        assert await app.tuning.renew() == []
        assert app.tuning.tainted() == []
        told = await app.privacy.erase(Principal(id="local"), "bob")
        assert f"test/{made.name}" in str(told)
        [left] = await app.tuning.list(CURATOR, None)
        assert left.figures["withdrawn"]
        assert left.figures["votes"] < made.figures["votes"]
        with pytest.raises(Conflict, match="is erased by now"):
            await app.tuning.promote(CURATOR, made.name, None)
        acts = [one.act for one in app._parts.audit.list(50)]
        assert "model learned what is erased" in acts
        await app.sync(ANNA)
        assert await states(app) == ["live"]

    tell(story)
