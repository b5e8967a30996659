"""A reranker from ratings, on real parts: grown, promoted, told why, forgotten, taken back."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from rag.app import App
from rag.app.backups import back_up
from rag.app.explaining import ExplainRequest
from rag.candidates import Candidate, GateReport
from rag.errors import Conflict, InvalidInput
from rag.feedback import OfChunk, Verdict
from rag.store.candidates import Candidates
from rag.types import AskRequest, Hit, Principal, Progress, SearchRequest, utc_now
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
def test_trees_whose_file_is_gone_are_grown_again(tell: Story, tmp_path: Path) -> None:
    """As after a restore, which has what people said and no files of candidates."""

    async def story(app: App) -> None:
        made = await learned(app)
        shutil.rmtree(tmp_path / "data" / "candidates" / made.id)
        assert await first(app, TOPICS[0]) == f"{TOPICS[0]}-note.txt"
        assert await app.tuning.renew() == []
        assert await first(app, TOPICS[0]) == f"{TOPICS[0]}-manual.txt"
        # Where somebody is erased, nothing is left to forget, and nobody else waits for that.
        shutil.rmtree(tmp_path / "data" / "candidates" / made.id)
        await app.privacy.erase(Principal(id="local"), "bob")
        [left] = await app.tuning.list(CURATOR, None)
        assert left.figures["votes"] == 0

    tell(story)


@pytest.mark.usefixtures("topics")
def test_a_file_that_cannot_be_read_orders_nothing(tell: Story, tmp_path: Path) -> None:
    async def story(app: App) -> None:
        made = await learned(app)
        (tmp_path / "data" / "candidates" / made.id / "reranker.json").write_text("{}")
        assert await first(app, TOPICS[0]) == f"{TOPICS[0]}-note.txt"

    tell(story)


# --- cross-encoders ---


def save_base(folder: Path) -> None:
    """A genuine cross-encoder, tiny and untrained, of the words that these documents have."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir(parents=True)
    texts = re.sub(r"[.,]", " ", f"{MANUAL} the ask somebody {WORDS}".lower())
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(texts.split())]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(7)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        num_labels=1,
    )
    BertForSequenceClassification(config).save_pretrained(folder)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, topics: None) -> None:
    monkeypatch.setattr("rag.learn.crossing.RATE", 1e-2)
    monkeypatch.setattr("rag.learn.crossing.EPOCHS", 6)
    monkeypatch.setattr("rag.learn.crossing.MAX_LENGTH", 64)
    save_base(tmp_path / "bases" / "tiny")


def declare(app: App, root: Path) -> None:
    app._parts.settings.tuning.bases["tiny"] = root / "bases" / "tiny"


@pytest.mark.usefixtures("base")
def test_a_cross_encoder_is_trained_answers_and_is_withdrawn(tell: Story, tmp_path: Path) -> None:
    new = TOPICS[-1]

    async def story(app: App) -> None:
        declare(app, tmp_path)
        for topic in TOPICS[:-1]:
            await rates(app, BOB, topic)
        with pytest.raises(InvalidInput, match="No base is called 'tny'"):
            await app.tuning.make(CURATOR, "reranker", None, base="tny")
        with pytest.raises(InvalidInput, match="Only a reranker"):
            await app.tuning.make(CURATOR, "memory", None, base="tiny")
        seen: list[Progress] = []
        made = await live(app, "reranker", progress=seen.append, base="tiny")
        assert seen[-1].phase == "train"
        assert seen[-1].done > 0
        assert (made.lineage["method"], made.lineage["base"]) == ("cross-encoder", "tiny")
        assert made.figures["after"] > made.figures["before"]
        # Also for a question that nobody rated.
        found = await app.search(ANNA, SearchRequest(query=question(new), limit=50))
        titles = [hit.payload.title for hit in found.hits]
        assert titles.index(f"{new}-manual.txt") < titles.index(f"{new}-note.txt")
        best = (await hits(app, new))[0].scores[-1]
        assert best.stage == "rerank"
        assert best.why.startswith(f"{made.id}:")
        explained = await app.explain(ANNA, ExplainRequest(query=question(new)))
        assert (explained.reranker, explained.reasons) == (best.why, {})
        # What is made again of ratings leaves it as it is, or says that it cannot be made.
        folder = tmp_path / "data" / "candidates" / made.id
        assert await app.tuning.renew() == []
        folder.rename(folder.with_name("away"))
        [failed] = await app.tuning.renew()
        assert "are gone" in failed
        folder.with_name("away").rename(folder)
        # Nothing gives its weights back, so that they are in a backup.
        manifest, _ = await asyncio.to_thread(
            back_up, app.settings, tmp_path / "backup", keys=False, progress=lambda *_: None
        )
        trained = {one for one in manifest.files if one.startswith(f"candidates/{made.id}/")}
        assert {f"candidates/{made.id}/{one}" for one in ("config.json", "model.safetensors")} <= (
            trained
        )
        done = await app.privacy.erase(Principal(id="local"), "bob")
        assert done.models == ("test/reranker-1",)
        [left] = await app.tuning.list(CURATOR, None)
        assert left.figures["withdrawn"]
        report = GateReport(
            outcome="passed",
            why="",
            conditions=(),
            strata={},
            look=1,
            alpha=0.05,
            before=0,
            after=0,
        )
        kept = Candidates(app._parts.ledger.database, utc_now)
        kept.report(made.id, 1, report, (), "cora")
        with pytest.raises(Conflict, match="learned what is erased"):
            await app.tuning.promote(CURATOR, made.name, None)

    tell(story)


@pytest.mark.usefixtures("base")
def test_of_a_training_that_was_killed_nothing_is_left(
    tell: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.learn.crossing.EPOCHS", 100_000)
    monkeypatch.setattr("rag.learn.crossing.RATE", 0.0)

    async def story(app: App) -> None:
        declare(app, tmp_path)
        for topic in TOPICS[:-1]:
            await rates(app, BOB, topic)
        begun = asyncio.Event()

        def told(progress: Progress) -> None:
            if progress.phase == "train" and progress.done:
                begun.set()

        making = asyncio.create_task(app.tuning.make(CURATOR, "reranker", None, told, base="tiny"))
        # Or it ended without being killed, which is said by what it raises.
        await asyncio.wait(
            [making, asyncio.create_task(begun.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        with pytest.raises(Conflict, match="Another model"):
            await app.tuning.make(CURATOR, "reranker", None, base="tiny")
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
        assert await app.tuning.list(CURATOR, None) == []
        assert list((tmp_path / "data" / "candidates").glob("*/*")) == []
        # Whole, and never listed: what somebody trained is not kept for nobody.
        whole = tmp_path / "data" / "candidates" / "whole"
        whole.mkdir()
        (whole / "config.json").write_text("{}")
        await app.tuning.sweep()
        assert not whole.exists()

    tell(story)
