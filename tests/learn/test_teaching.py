"""Encoders that are trained further: a real model of a few kilobytes learns, in its own process."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.config import EmbeddingSettings
from rag.errors import Unavailable
from rag.learn import encoding
from rag.learn.encoding import AGAINST, Found, Rated, lessons, mined, teach
from rag.learn.teaching import Lessons
from rag.types import Progress
from tests.backends.tiny_encoder import by_words, save_encoder

TOPICS = 4
ASKED = ("the", "at", "query", "pump")
SAID = ("leaks", "seal", "warranty", "months")


def toy(base: Path, out: Path, *, learnable: bool = True) -> Lessons:
    """Questions of each topic are in one word, and their passages in another: only who learned of
    other questions of the topic knows which."""
    out.mkdir()
    count = 24
    topic = [n % TOPICS for n in range(count)]
    passages = [" ".join([SAID[n % TOPICS]] * (1 + n // TOPICS)) for n in range(4 * TOPICS)]
    dice = np.random.default_rng(1)
    wanted = topic if learnable else [int(n) for n in dice.integers(0, TOPICS, count)]
    return Lessons(
        base=base,
        out=out,
        max_tokens=32,
        threads=1,
        seed=5,
        epochs=8,
        rate=0.01,
        questions=tuple(" ".join([ASKED[one]] * (1 + n // TOPICS)) for n, one in enumerate(topic)),
        folds=tuple(n // TOPICS % 3 for n in range(count)),
        passages=tuple(passages),
        useful=tuple({n: 1.0 for n in range(len(passages)) if n % TOPICS == one} for one in wanted),
        against=tuple(((one + 1) % TOPICS, (one + 2) % TOPICS) for one in wanted),
    )


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_a_model_learns_and_learns_the_same_again(tmp_path: Path) -> None:
    base = by_words(save_encoder(tmp_path / "base"))
    before = digest(base)
    told: list[Progress] = []
    first = asyncio.run(teach(toy(base, tmp_path / "one"), told.append))
    assert first.after > first.before + 0.1, first
    assert first.epochs >= 1
    assert len(first.losses) == first.epochs
    assert told[-1].total >= told[-1].done > 10
    again = asyncio.run(teach(toy(base, tmp_path / "two"), lambda _: None))
    assert (again.after, digest(tmp_path / "two")) == (first.after, digest(tmp_path / "one"))
    assert digest(base) == before != digest(tmp_path / "one")
    # It is a model like any other, as wide and as long as the one that it was.
    from rag.backends.sentence_transformers import SentenceTransformersEmbedder

    made = SentenceTransformersEmbedder(EmbeddingSettings(model=str(tmp_path / "one")), tmp_path)
    was = SentenceTransformersEmbedder(EmbeddingSettings(model=str(base)), tmp_path)
    assert (made.dimension, made.max_tokens) == (was.dimension, was.max_tokens)
    assert made.fingerprint != was.fingerprint
    assert not [*(tmp_path / "one").rglob("*.bin")]


def test_what_does_no_better_is_not_written(tmp_path: Path) -> None:
    base = by_words(save_encoder(tmp_path / "base"))
    found = asyncio.run(teach(toy(base, tmp_path / "out", learnable=False), lambda _: None))
    assert (found.epochs, found.mix, found.after) == (0, 0.0, found.before)
    assert [*(tmp_path / "out").iterdir()] == []


def test_a_training_that_fails_says_why_and_one_that_is_left_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(Unavailable, match="The training failed"):
        asyncio.run(teach(toy(tmp_path / "none", tmp_path / "one"), lambda _: None))
    base = by_words(save_encoder(tmp_path / "base"))
    children: list[Any] = []
    real = asyncio.create_subprocess_exec

    async def noted(*args: Any, **more: Any) -> Any:
        children.append(await real(*args, **more))
        return children[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)

    async def left() -> None:
        begun = asyncio.Event()
        task = asyncio.create_task(
            teach(toy(base, tmp_path / "two"), lambda one: begun.set() if one.done else None)
        )
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(left())
    assert children[-1].returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(children[-1].pid, 0)


def asked(text: str, axis: int, useful: dict[str, float], found: list[Found], *no: str) -> Rated:
    vector = np.zeros(8, dtype=np.float32)
    vector[axis] = 1.0
    return Rated(text, vector, useful, no, found)


def test_nothing_that_was_useful_is_told_to_be_wrong() -> None:
    found = [
        Found("good", "a", 0.8),
        Found("good-too", "b", 0.7),
        Found("same-document", "a", 0.5),
        Found("too-near", "c", 0.79),
        Found("wrong", "d", 0.6),
        Found("shown", "e", 0.0),
    ]
    first = asked("one", 0, {"good": 1.0}, found, "bad", "good-too")
    # In other words the same: what is useful to it is useful to the first.
    second = asked("uno", 0, {"good-too": 1.0}, found)
    third = asked("other", 1, {"far": 1.0}, [*found, Found("far", "f", 0.4)])
    pairs = mined([first, second, third])
    # What people said comes first; unjudged and as near as what is useful is left alone.
    assert [*pairs.against[0]] == ["bad", "wrong", "shown"]
    assert not {"good", "good-too", "same-document"} & {*pairs.against[1]}
    assert [*pairs.against[2]] == ["shown"]
    assert pairs.folds[0] == pairs.folds[1] != pairs.folds[2]
    many = [Found(f"x{n}", f"x{n}", 0.1) for n in range(9)]
    assert len(mined([asked("one", 0, {"good": 1.0}, many)]).against[0]) == AGAINST


def test_what_is_not_read_any_more_is_not_learned(tmp_path: Path) -> None:
    found = [Found("good", "a", 0.8), Found("gone", "b", 0.3), Found("wrong", "c", 0.2)]
    pairs = mined([asked("one", 0, {"good": 2.0}, found)])
    texts = {"good": "The seal leaks.", "wrong": "The warranty."}
    given = lessons(pairs, texts, ("query: ", ""), tmp_path, tmp_path, max_tokens=32, threads=1)
    assert given.questions == ("query: one",)
    assert given.passages == ("The seal leaks.", "The warranty.")
    assert (given.useful, given.against) == (({0: 2.0},), ((1,),))
    assert (given.seed, given.epochs) == (encoding.SEED, encoding.EPOCHS)
