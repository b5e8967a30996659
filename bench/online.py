"""How sure a trial of a candidate is, and how soon: simulated people, a look after every rating.

    python -m bench.online

Each person finds a share of their answers useful that is their own; a few rate very much and many
hardly ever. What is looked at is what the product looks at (`rag.learn.online`), kept up rating by
rating instead of counted anew.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from rag.learn.gate import spent
from rag.learn.online import ALPHA, ENOUGH, STOP, of_shares, reach

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RUNS = 1_000


def told(
    *,
    runs: int,
    people: int,
    ratings: int,
    share: float,
    useful: float,
    apart: float,
    gain: float,
    seed: int,
    look: int = 1,
) -> tuple[Ints, Ints]:
    """After how many ratings each run was first told to be worse, and to be better; 0 for never.

    `useful` is what the live release's people find useful on average, `apart` the deviation between
    them, and `gain` what the candidate's find more.
    """
    rng = np.random.default_rng(seed)
    side = (rng.random((runs, people)) < share).astype(np.int64)
    likes = np.where(side, *(_people(rng, useful + more, apart, side.shape) for more in (gain, 0)))
    eager = rng.lognormal(0, 1.2, side.shape).cumsum(axis=1)
    eager /= eager[:, -1:]
    said, liked = np.zeros(side.shape), np.zeros(side.shape)
    count, sums, squares = (np.zeros((2, runs)) for _ in range(3))
    worse, better = np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=np.int64)
    every = np.arange(runs)
    for n in range(1, ratings + 1):
        who = (eager < rng.random(runs)[:, None]).sum(axis=1)
        on = side[every, who]
        before = liked[every, who] / np.maximum(said[every, who], 1)
        count[on, every] += said[every, who] == 0
        said[every, who] += 1
        liked[every, who] += rng.random(runs) < likes[every, who]
        after = liked[every, who] / said[every, who]
        sums[on, every] += after - before
        squares[on, every] += after**2 - before**2
        enough = (count >= ENOUGH).all(axis=0)
        if not enough.any():
            continue
        mean, variance = of_shares(count[:, enough], sums[:, enough], squares[:, enough])
        gained, spread = mean[1] - mean[0], variance.sum(axis=0)
        some = every[enough]
        worse[some[(gained + reach(spread, STOP) < 0) & (worse[some] == 0)]] = n
        better[some[(gained - reach(spread, spent(ALPHA, look)) > 0) & (better[some] == 0)]] = n
    return worse, better


def _people(
    rng: np.random.Generator, useful: float, apart: float, shape: tuple[int, ...]
) -> Floats:
    alike = useful * (1 - useful) / apart**2 - 1
    return rng.beta(useful * alike, (1 - useful) * alike, shape)


def main() -> None:
    """Both tables of bench/RESULTS.md."""
    _say("| useful | between people | share | told worse | told better |", "|---|---|---|---|---|")
    for useful, apart in ((0.5, 0.25), (0.75, 0.2), (0.9, 0.15), (0.95, 0.05)):
        for share in (0.1, 0.5):
            worse, better = told(
                runs=RUNS,
                people=400,
                ratings=2_000,
                share=share,
                useful=useful,
                apart=apart,
                gain=0.0,
                seed=3,
            )
            false = " | ".join(f"{np.mean(one > 0):.1%}" for one in (worse, better))
            _say(f"| {useful} | {apart} | {share} | {false} |")
    _say("", "| people | share | candidate | told | half of them after |", "|---|---|---|---|---|")
    for people in (100, 300, 1_000):
        for share in (0.1, 0.5):
            for gain in (-0.2, -0.1, -0.05, 0.1):
                found = told(
                    runs=200,
                    people=people,
                    ratings=people * 8,
                    share=share,
                    useful=0.75,
                    apart=0.15,
                    gain=gain,
                    seed=4,
                )
                sure = found[0] if gain < 0 else found[1]
                when = f"{np.median(sure[sure > 0]):.0f} ratings" if (sure > 0).any() else ""
                _say(f"| {people} | {share} | {gain:+.2f} | {np.mean(sure > 0):.0%} | {when} |")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
