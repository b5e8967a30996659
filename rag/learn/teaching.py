"""Trains a sentence-transformers model further, in a process of its own: what is to be learned is
read from standard input, and a line on standard output tells each step and what came of it.

How many epochs, and how much of what was learned is mixed into the base, is what does best on
questions that each fold did not learn from; often that is none at all. It ends with whoever asked
for it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rag.config import BACKGROUND_NICENESS
from rag.learn.adapting import worth

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 16
"""Questions; each comes with a useful passage and with some that are not."""
WARM = 0.1
"""The share of all steps in which the rate rises."""
HEAT = 0.05
"""What cosines are divided by."""
MIXES = (0.5, 1.0)
AT_ONCE = 32

Floats = NDArray[np.float32]


class Lessons(BaseModel):
    """What is to be learned, as the child process is told it."""

    model_config = ConfigDict(frozen=True)

    base: Path
    out: Path
    """An empty folder: filled only where something does better."""
    max_tokens: int
    threads: int
    seed: int
    epochs: int
    rate: float
    """The longest step."""
    questions: tuple[str, ...]
    """As they are embedded, prompts included; and so are passages."""
    folds: tuple[int, ...]
    """Of each question; one fold is never learned from where it is measured on."""
    passages: tuple[str, ...]
    useful: tuple[Mapping[int, float], ...]
    """Of each question: places of passages, each with how useful it is."""
    against: tuple[tuple[int, ...], ...]
    """Of each question: passages that are not useful and look as if they were."""


class Taught(BaseModel):
    """What came of it, on questions that each fold did not learn from."""

    model_config = ConfigDict(frozen=True)

    before: float
    """Mean nDCG@10 of the base, among all these passages by vectors alone."""
    after: float
    epochs: int
    """0 where nothing does better than the base; then nothing was written."""
    mix: float
    losses: tuple[float, ...]
    """The mean of each epoch, of what was written."""
    seconds: float
    versions: Mapping[str, str]


class _Pupil:
    """The model, with its weights as they were."""

    def __init__(self, lessons: Lessons) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        self.lessons = lessons
        torch.set_num_threads(lessons.threads)
        torch.use_deterministic_algorithms(True)
        self.model: Any = SentenceTransformer(
            str(lessons.base), device="cpu", local_files_only=True
        )
        self.model.to(torch.float32)
        self.model.max_seq_length = lessons.max_tokens
        self.base = {name: one.clone() for name, one in self.model.state_dict().items()}

    def vectors(self, texts: Sequence[str]) -> Tensor:
        import torch

        given = self.model.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.lessons.max_tokens,
            return_tensors="pt",
        )
        kept = {name: given[name] for name in ("input_ids", "attention_mask")}
        return torch.nn.functional.normalize(self.model(kept)["sentence_embedding"], dim=1)

    def all_vectors(self, texts: Sequence[str]) -> Floats:
        """Of many texts, learning nothing."""
        import torch

        self.model.eval()
        order = sorted(range(len(texts)), key=lambda n: -len(texts[n]))
        found: list[Floats] = [np.empty(0, np.float32)] * len(texts)
        with torch.inference_mode():
            for start in range(0, len(order), AT_ONCE):
                some = order[start : start + AT_ONCE]
                for n, row in zip(some, self.vectors([texts[n] for n in some]), strict=True):
                    found[n] = row.numpy()
        return np.stack(found)

    def worth(self, places: Sequence[int], pool: Floats) -> NDArray[np.float64]:
        """nDCG@10 of these questions."""
        lessons = self.lessons
        useful = np.zeros((len(places), len(lessons.passages)), np.float32)
        for row, place in enumerate(places):
            for passage, value in lessons.useful[place].items():
                useful[row, passage] = value
        questions = self.all_vectors([lessons.questions[place] for place in places])
        return worth(questions, pool, useful)

    def mixed(self, learned: Mapping[str, Any], mix: float) -> None:
        """Be what was learned, mixed into the base."""
        self.model.load_state_dict(
            {
                name: was + mix * (learned[name] - was) if was.is_floating_point() else was
                for name, was in self.base.items()
            }
        )

    def epochs(self, places: Sequence[int], step: Callable[[], None]) -> Iterator[float]:
        """Learn these questions anew from the base; the mean loss after each epoch."""
        import torch

        lessons = self.lessons
        torch.manual_seed(lessons.seed)  # pyright: ignore[reportUnknownMemberType]
        dice = np.random.default_rng(lessons.seed)
        self.model.load_state_dict(self.base)
        weights = [one for one in self.model.parameters() if one.requires_grad]
        adam = torch.optim.AdamW(weights, lr=lessons.rate, weight_decay=0.01)
        steps = lessons.epochs * -(-len(places) // BATCH)
        done = 0
        for _ in range(lessons.epochs):
            self.model.train()
            losses: list[float] = []
            order = dice.permutation(np.asarray(places))
            for start in range(0, len(order), BATCH):
                rate = (
                    lessons.rate
                    * min(1.0, (done + 1) / max(1.0, WARM * steps))
                    * (1 - done / steps)
                )
                for group in adam.param_groups:
                    group["lr"] = rate
                loss = self._loss([int(n) for n in order[start : start + BATCH]], dice)
                adam.zero_grad()
                loss.backward()  # pyright: ignore[reportUnknownMemberType]
                torch.nn.utils.clip_grad_norm_(weights, 1.0)
                adam.step()  # pyright: ignore[reportUnknownMemberType]
                losses.append(float(loss.detach()))
                done += 1
                step()
            yield sum(losses) / len(losses)

    def _loss(self, places: Sequence[int], dice: np.random.Generator) -> Tensor:
        """A softmax over every passage of the batch, but for others that are useful as well
        (MultipleNegativesRankingLoss with hard negatives)."""
        import torch

        lessons = self.lessons
        chosen: list[int] = []
        for place in places:
            said = lessons.useful[place]
            shares = np.array([*said.values()])
            chosen.append(int(dice.choice([*said], p=shares / shares.sum())))
        pool = [*dict.fromkeys([*chosen, *(n for place in places for n in lessons.against[place])])]
        at = {passage: column for column, passage in enumerate(pool)}
        scores = self.vectors([lessons.questions[place] for place in places])
        scores = scores @ self.vectors([lessons.passages[n] for n in pool]).T / HEAT
        aside = torch.zeros(scores.shape, dtype=torch.bool)
        for row, (place, mine) in enumerate(zip(places, chosen, strict=True)):
            for passage in lessons.useful[place]:
                if passage != mine and passage in at:
                    aside[row, at[passage]] = True
        wanted = torch.tensor([at[mine] for mine in chosen])
        return torch.nn.functional.cross_entropy(scores.masked_fill(aside, -1e4), wanted)


def taught(lessons: Lessons, step: Callable[[int, int], None]) -> Taught:
    """Fill `out` with what does better than the base, if anything does; `step` is told how many
    steps of how many are done. On one machine equal lessons give equal weights."""
    import sentence_transformers
    import torch
    import transformers

    since = time.monotonic()
    pupil = _Pupil(lessons)
    folds = [*dict.fromkeys(sorted(lessons.folds))]
    every = range(len(lessons.questions))
    apart = {fold: [n for n in every if lessons.folds[n] == fold] for fold in folds}
    others = {fold: [n for n in every if lessons.folds[n] != fold] for fold in folds}
    total = lessons.epochs * sum(-(-len(some) // BATCH) for some in [*others.values(), every])
    done = 0

    def stepped() -> None:
        nonlocal done
        done += 1
        step(done, total)

    pool = pupil.all_vectors(lessons.passages)
    before = pupil.worth(every, pool)
    gains = np.zeros((lessons.epochs, len(MIXES), len(every)))
    for fold in folds:
        if not others[fold]:
            # All belong together, so nothing can be told.
            continue
        for epoch, _ in enumerate(pupil.epochs(others[fold], stepped)):
            learned = {name: one.clone() for name, one in pupil.model.state_dict().items()}
            for n, mix in enumerate(MIXES):
                pupil.mixed(learned, mix)
                found = pupil.worth(apart[fold], pupil.all_vectors(lessons.passages))
                gains[epoch, n, apart[fold]] = found - before[apart[fold]]
            pupil.model.load_state_dict(learned)
    surely = gains.mean(axis=2) - gains.std(axis=2) / np.sqrt(len(every))
    epoch, n = (int(one) for one in np.unravel_index(int(surely.argmax()), surely.shape))
    better = surely[epoch, n] > 0
    losses: list[float] = []
    if better:
        for loss, _ in zip(pupil.epochs(every, stepped), range(epoch + 1), strict=False):
            losses.append(loss)
            if len(losses) > epoch:
                break
        pupil.mixed({name: one.clone() for name, one in pupil.model.state_dict().items()}, MIXES[n])
        pupil.model.eval().save(str(lessons.out), create_model_card=False)
    told = float(before.mean())
    return Taught(
        before=told,
        after=told + float(gains[epoch, n].mean()) if better else told,
        epochs=epoch + 1 if better else 0,
        mix=MIXES[n] if better else 0.0,
        losses=tuple(losses),
        seconds=round(time.monotonic() - since, 1),
        versions={
            "sentence-transformers": sentence_transformers.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    )


def main() -> None:
    """Read the lessons, and tell each step and the end."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    os.nice(BACKGROUND_NICENESS)
    lessons = Lessons.model_validate_json(sys.stdin.buffer.read())
    # Libraries may print whatever they like, but not between these lines.
    told = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    def tell(name: str, value: object) -> None:
        told.write(json.dumps({name: value}) + "\n")

    try:
        found = taught(lessons, lambda done, total: tell("step", [done, total]))
        tell("taught", found.model_dump(mode="json"))
    except Exception as error:  # noqa: BLE001 - whatever the libraries raise is the result
        tell("failed", " ".join(f"{type(error).__name__}: {error}".split())[:2_000])


def _end_with(parent: int) -> None:
    """Whoever asked was killed: nobody waits for this any more."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    main()
