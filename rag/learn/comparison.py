"""Two sides of a trial compared: what differs, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rag.models.told import Comparison, Figure, Measure
from rag.store.choices import Trial
from rag.store.trials import Observed, Side

Array = NDArray[np.float64]
ENOUGH = 20
"""Conversations of each side, below which no difference is told."""
DRAWS = 1_000
SEED = 20_261_121
SIDES: tuple[Side, Side] = ("champion", "challenger")
Statistic = Callable[[Array, Array, Array], Array]
"""Of values, of what each counts and of weights, one row for each draw: a figure for each row."""


@dataclass(frozen=True)
class _Kind:
    of: Callable[[Observed], float | None]
    """The value of an answer; None leaves it out."""
    statistic: Statistic
    per: Callable[[Observed], float] = lambda _: 1.0
    """What it counts."""


def compared(
    found: Sequence[Observed],
    *,
    domain: str,
    trial: Trial,
    champion: str,
    since: datetime,
    running: bool,
    missing: int,
) -> Comparison:
    """The whole report. Equal observations give an equal report."""
    threads = {thread: n for n, thread in enumerate(sorted({one.thread for one in found}))}
    sides: dict[Side, list[Observed]] = {
        side: [one for one in found if one.side == side] for side in SIDES
    }
    made: dict[Side, list[Observed]] = {
        side: [one for one in ones if not one.fault] for side, ones in sides.items()
    }
    if trial.how != "canary":
        both = set[str].intersection(*({one.trace_id for one in made[side]} for side in SIDES))
        made = {side: [one for one in ones if one.trace_id in both] for side, ones in made.items()}
    weights = _weights(len(threads))
    figures = [
        _figure(measure, kind, sides if measure == "faults" else made, threads, weights)
        for measure, kind in _KINDS.items()
    ]
    return Comparison(
        domain=domain,
        trial=trial,
        running=running,
        champion=champion,
        since=since,
        answers=(len(sides["champion"]), len(sides["challenger"])),
        missing=missing,
        faults=Counter(one.fault for one in sides["challenger"] if one.fault),
        figures=tuple(figures),
    )


def _weights(threads: int) -> NDArray[np.uint8]:
    """How often each conversation is in each draw, as they are drawn with replacement.

    Whole conversations, because the answers of one are alike; the same draw for both sides, so that
    answers to the same question stay together. The first row is what was seen, each once.
    """
    weights = np.ones((DRAWS + 1, threads), dtype=np.uint8)
    rng = np.random.default_rng(SEED)
    for draw in range(DRAWS if threads else 0):
        drawn = rng.integers(0, threads, threads)
        weights[draw + 1] = np.bincount(drawn, minlength=threads)
    return weights


def _figure(
    measure: Measure,
    kind: _Kind,
    sides: Mapping[Side, Sequence[Observed]],
    threads: Mapping[str, int],
    weights: NDArray[np.uint8],
) -> Figure:
    seen: list[float | None] = []
    counts: list[int] = []
    draws: list[Array] = []
    enough = True
    for side in SIDES:
        valued = [(one, value) for one in sides[side] if (value := kind.of(one)) is not None]
        counts.append(len(valued))
        enough = enough and len({one.thread for one, _ in valued}) >= ENOUGH
        if not valued:
            seen.append(None)
            continue
        values = np.array([value for _, value in valued], dtype=np.float64)
        per = np.array([kind.per(one) for one, _ in valued], dtype=np.float64)
        places = [threads[one.thread] for one, _ in valued]
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = np.concatenate(
                [kind.statistic(values, per, part) for part in _parts(weights, places)]
            )
        draws.append(drawn[1:])
        seen.append(float(drawn[0]) if np.isfinite(drawn[0]) else None)
    champion, challenger = seen
    low = high = difference = None
    if enough and champion is not None and challenger is not None:
        differences = draws[1] - draws[0]
        if np.isfinite(differences).all():
            difference = challenger - champion
            low, high = (float(one) for one in np.quantile(differences, (0.025, 0.975)))
    return Figure(
        measure=measure,
        champion=champion,
        challenger=challenger,
        answers=(counts[0], counts[1]),
        difference=difference,
        low=low,
        high=high,
    )


def _parts(weights: NDArray[np.uint8], places: Sequence[int]) -> Iterable[Array]:
    """The weights of answers, by the places of their conversations; a few draws at once, as all of
    them would fill the memory."""
    for start in range(0, len(weights), 50):
        yield weights[start : start + 50, places].astype(np.float64)


def _mean(values: Array, per: Array, weights: Array) -> Array:
    return (weights @ values) / (weights @ per)


def _quantile(of: float) -> Statistic:
    """The least value that so many are not above."""

    def quantile(values: Array, per: Array, weights: Array) -> Array:
        order = np.argsort(values)
        below = np.cumsum(weights[:, order], axis=1)
        total = below[:, -1]
        found = values[order][(below >= of * total[:, None]).argmax(axis=1)]
        return np.where(total > 0, found, np.nan)

    return quantile


def _rated(one: Observed) -> float | None:
    return None if one.useful is None else float(one.useful)


_KINDS: Mapping[Measure, _Kind] = {
    "faults": _Kind(lambda one: float(bool(one.fault)), _mean),
    "abstained": _Kind(lambda one: float(one.abstained), _mean),
    "support": _Kind(lambda one: one.support, _mean),
    "ms_p50": _Kind(lambda one: one.ms, _quantile(0.5)),
    "ms_p95": _Kind(lambda one: one.ms, _quantile(0.95)),
    "tokens": _Kind(lambda one: float(one.tokens), _mean),
    "cost": _Kind(lambda one: one.cost, _mean),
    "preferred": _Kind(lambda one: one.preferred, _mean),
    "useful": _Kind(_rated, _mean),
    "cost_per_useful": _Kind(
        lambda one: None if one.useful is None else one.cost, _mean, lambda one: _rated(one) or 0.0
    ),
}
