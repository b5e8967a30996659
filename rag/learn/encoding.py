"""What an encoder is trained further with: questions, passages that were useful, and those that
only looked so. The training itself runs in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.errors import Unavailable
from rag.learn.folding import folded, groups_of
from rag.learn.preflight.verifying import surroundings
from rag.learn.teaching import Lessons, Taught
from rag.types import Progress

SEED = 20_261_122
ENOUGH = 50
"""Questions with a useful passage below which nothing is trained."""
MOST = 2_000
"""Questions, the latest ones."""
POOL = 5_000
"""Passages beyond which only those of questions are kept apart from others."""
FOLDS = 3
EPOCHS = 2
RATE = 3e-5
AGAINST = 4
"""Passages that are not useful, for each question."""
NEARLY = 0.95
"""Of how near the best useful passage is: what is nearer and was not judged is useful itself more
often than not (Moreira et al., "NV-Retriever", 2024)."""


class Found(NamedTuple):
    """A passage that a search gave, or that was shown with an answer."""

    chunk_id: str
    document_id: str
    near: float
    """Its cosine with the question; 0 where that is not known, as it was not found."""


class Rated(NamedTuple):
    """A question, with what whoever asked it may read now."""

    text: str
    vector: NDArray[np.float32]
    useful: Mapping[str, float]
    disliked: Sequence[str]
    found: Sequence[Found]
    """What was shown, then what the index gives: useful passages may be among them."""


class Pairs(NamedTuple):
    """What there is to learn, by the ids of passages."""

    questions: Sequence[Rated]
    folds: Sequence[int]
    against: Sequence[Sequence[str]]

    @property
    def passages(self) -> list[str]:
        """What was useful, what it is told apart from, and others that were found, as far as there
        is room."""
        named: dict[str, None] = {}
        for one, against in zip(self.questions, self.against, strict=True):
            named.update(dict.fromkeys([*one.useful, *against]))
        others = {f.chunk_id: None for one in self.questions for f in one.found}
        left = [name for name in others if name not in named]
        return sorted([*named, *left[: max(0, POOL - len(named))]])


def mined(questions: Sequence[Rated]) -> Pairs:
    """Which passages each question is to be told apart from, and the fold of each.

    None that anybody said to be useful for a question near it, nor others of the same documents;
    what people said is not useful comes first.
    """
    vectors = np.stack([one.vector for one in questions])
    documents = {f.chunk_id: f.document_id for one in questions for f in one.found}
    names = sorted({name for one in questions for name in one.useful})
    at = {name: n for n, name in enumerate(names)}
    useful = np.zeros((len(questions), len(names)), dtype=np.bool_)
    for n, one in enumerate(questions):
        useful[n, [at[name] for name in one.useful]] = True
    together = groups_of(vectors, useful)
    folds = folded(together, FOLDS)
    of: dict[int, set[str]] = {}
    for group, one in zip(together, questions, strict=True):
        of.setdefault(int(group), set()).update(one.useful)
    against: list[list[str]] = []
    for group, one in zip(together, questions, strict=True):
        kept = of[int(group)]
        spoken = {documents[name] for name in kept if name in documents}
        best = max((f.near for f in one.found if f.chunk_id in one.useful), default=0.0)
        below = NEARLY * best if best > 0 else float("inf")
        looked = [f.chunk_id for f in one.found if f.document_id not in spoken and f.near < below]
        chosen = [*(name for name in one.disliked if name not in kept), *looked]
        against.append([name for name in dict.fromkeys(chosen) if name not in kept][:AGAINST])
    return Pairs(questions, [int(one) for one in folds], against)


def lessons(
    pairs: Pairs,
    texts: Mapping[str, str],
    prompts: tuple[str, str],
    base: Path,
    out: Path,
    *,
    max_tokens: int,
    threads: int,
) -> Lessons:
    """The same in words; `prompts` come before each question and each passage."""
    names = [name for name in pairs.passages if name in texts]
    at = {name: n for n, name in enumerate(names)}
    of_question, of_passage = prompts
    return Lessons(
        base=base,
        out=out,
        max_tokens=max_tokens,
        threads=threads,
        seed=SEED,
        epochs=EPOCHS,
        rate=RATE,
        questions=tuple(of_question + one.text for one in pairs.questions),
        folds=tuple(pairs.folds),
        passages=tuple(of_passage + texts[name] for name in names),
        useful=tuple({at[name]: value for name, value in one.useful.items()}
                     for one in pairs.questions),
        against=tuple(tuple(at[name] for name in some if name in at) for some in pairs.against),
    )  # fmt: skip


async def teach(given: Lessons, progress: Callable[[Progress], None]) -> Taught:
    """Have a process of its own learn them; it ends with whoever waits for it, however that ends.

    Raises Unavailable where it fails.
    """
    progress(Progress(phase="train", done=0))
    with TemporaryDirectory(prefix="ratchet-") as scratch:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-B", "-m", "rag.learn.teaching"),
            env=_surroundings(Path(scratch)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        why = "it ended without a word"
        try:
            child.stdin.write(given.model_dump_json().encode())
            await child.stdin.drain()
            child.stdin.close()
            async for line in child.stdout:
                told = json.loads(line)
                if "step" in told:
                    done, total = told["step"]
                    progress(Progress(phase="train", done=done, total=total))
                elif "taught" in told:
                    return Taught.model_validate(told["taught"])
                else:
                    why = str(told["failed"])
        except (BrokenPipeError, ConnectionResetError):
            why = "it ended before it was told what to learn"
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    raise Unavailable(f"The training failed: {why}.")


def _surroundings(work: Path) -> dict[str, str]:
    """Nothing of ours but where libraries are."""
    kept = ("LD_LIBRARY_PATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return surroundings(work) | {name: os.environ[name] for name in kept if name in os.environ}
