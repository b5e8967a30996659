"""Two releases compared by what the people say who are answered by one or the other.

Whose side somebody is on was drawn for each person, so a person is what counts, once: by the mean
of all that they rated. An interval of the difference holds at every moment at once, however often
anybody looks: the normal mixture of Robbins, with the variance that is seen ("time-uniform central
limit theory", Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, 2021). That is of many people, and
not exact: below twenty on either side nothing is told, and a spread is taken as if two more people
were there, of whom one found everything useful and one nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rag.candidates import (
    CandidateComparison,
    CandidateTrial,
    Ending,
    Side,
    SideFigure,
    TrialMeasure,
    TrialPoint,
)
from rag.learn.gate import spent
from rag.store.candidate_trials import Seen

Floats = NDArray[np.float64]
ALPHA = 0.05
"""The chance of ever stopping what is no worse; and, over all looks at a release together, of ever
saying that one is better which is not."""
STOP = ALPHA / 2
"""Of it, what ratings may spend; the guards share the rest."""
GUARDS: Mapping[TrialMeasure, float] = {
    "abstained": 0.05,
    "faults": 0.05,
    "latency": 0.05,
    "cost": 0.05,
}
"""How much more of each is too much: points of shares, shares of time and money."""
ENOUGH = 20
"""People on each side, below which nothing is told."""
TIGHTEST = 126.0
"""An interval is narrowest, for how often it may be looked at, about where it tells ten points."""
POINTS = 40
SIDES: tuple[Side, Side] = ("champion", "challenger")


def weighed(found: Sequence[Seen], trial: CandidateTrial) -> CandidateComparison:
    """Everything that is known of both sides. Equal answers give an equal comparison."""
    whole = [one for one in found if not one.fault]
    figures = (
        _useful(found, trial),
        _guard("abstained", [(one.who, one.side, float(one.abstained)) for one in whole]),
        _guard("faults", [(one.who, one.side, float(one.fault)) for one in found]),
        _latency([(one.who, one.side, one.ms) for one in whole if one.ms > 0]),
        _cost([(one.who, one.side, one.cost) for one in whole]),
    )
    worse = any(one.holds is False for one in figures)
    better = figures[0].holds
    return CandidateComparison(
        trial=trial,
        outcome="worse" if worse else "better" if better else "open",
        figures=figures,
        path=_path(found, trial),
    )


def ending(found: CandidateComparison) -> Ending | None:
    """Why it has to stop, if it has to."""
    for one in found.figures:
        if one.holds is False:
            return "worse" if one.measure == "useful" else one.measure
    return None


def reach(variance: Floats, alpha: float) -> Floats:
    """How far a mean of that variance may be off to one side, at any moment ever, but for alpha."""
    k = TIGHTEST * variance
    return np.sqrt(variance * (1 + k) * np.log((1 + k) / (k * 4 * alpha * alpha)))


def of_shares(people: Floats, sums: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """The mean over people of a share from 0 to 1, and its variance; by how many there are, and the
    sums of their shares and of these squared."""
    mean = sums / people
    around = np.maximum(squares - people * mean * mean, 0.0)
    return mean, (around + mean**2 + (1 - mean) ** 2) / (people * (people + 1))


# --- the measures ---

Valued = tuple[str, Side, float]


def _useful(found: Sequence[Seen], trial: CandidateTrial) -> SideFigure:
    rated: list[Valued] = [
        (one.who, one.side, float(one.useful)) for one in found if one.useful is not None
    ]
    sides = _people(rated, _mean)
    figure = _told("useful", 0.0, rated, sides, _mean)
    if not _enough(sides):
        return figure
    mean, low, high = _shares(sides, spent(ALPHA, trial.look), STOP)
    holds = True if low > 0 else False if high < 0 else None
    return figure.model_copy(update={"difference": mean, "low": low, "high": high, "holds": holds})


def _guard(measure: TrialMeasure, valued: Sequence[Valued]) -> SideFigure:
    sides = _people(valued, _mean)
    figure, each = _told(measure, GUARDS[measure], valued, sides, _mean), STOP / len(GUARDS)
    return _held(figure, *_shares(sides, each, each)) if _enough(sides) else figure


def _latency(valued: Sequence[Valued]) -> SideFigure:
    """By the middle of what each person waited; people differ by factors, so by its logarithm."""
    sides = _people(valued, _middle)
    figure = _told("latency", GUARDS["latency"], valued, sides, _middle)
    if not _enough(sides):
        return figure
    return _held(figure, *np.expm1(_means([np.log(side) for side in sides])))


def _cost(valued: Sequence[Valued]) -> SideFigure:
    sides = _people(valued, _mean)
    figure = _told("cost", GUARDS["cost"], valued, sides, _mean)
    if not _enough(sides) or not figure.champion:
        return figure
    return _held(figure, *_means([side / figure.champion for side in sides]))


def _held(figure: SideFigure, difference: float, low: float, high: float) -> SideFigure:
    holds = False if low > figure.limit else True if high < figure.limit else None
    found = {"difference": float(difference), "low": float(low), "high": float(high)}
    return figure.model_copy(update={**found, "holds": holds})


def _shares(sides: Sequence[Floats], below: float, above: float) -> tuple[float, float, float]:
    """The difference of two means of shares, and its ends by what either may spend of alpha."""
    people, sums = (np.array([of(side) for side in sides], dtype=float) for of in (len, np.sum))
    means, variances = of_shares(people, sums, np.array([float((side**2).sum()) for side in sides]))
    mean, variance = float(means[1] - means[0]), variances.sum(keepdims=True)
    down, up = (float(reach(variance, alpha)[0]) for alpha in (below, above))
    # No two shares are farther apart.
    return mean, max(-1.0, mean - down), min(1.0, mean + up)


def _means(sides: Sequence[Floats]) -> tuple[float, float, float]:
    """The same of what may be anything."""
    mean = float(sides[1].mean() - sides[0].mean())
    variance = np.array([sum(float(side.var(ddof=1)) / side.size for side in sides)])
    far = float(reach(variance, STOP / len(GUARDS))[0]) if variance[0] else 0.0
    return mean, mean - far, mean + far


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _middle(values: Sequence[float]) -> float:
    return float(np.median(values))


def _people(
    valued: Iterable[Valued], of: Callable[[Sequence[float]], float]
) -> tuple[Floats, Floats]:
    """One number for each person, on either side."""
    said: Mapping[Side, dict[str, list[float]]] = {side: defaultdict(list) for side in SIDES}
    for who, side, value in valued:
        said[side][who].append(value)
    champion, challenger = (
        np.array([of(said[side][who]) for who in sorted(said[side])], dtype=np.float64)
        for side in SIDES
    )
    return champion, challenger


def _told(
    measure: TrialMeasure,
    limit: float,
    valued: Sequence[Valued],
    sides: tuple[Floats, Floats],
    of: Callable[[Sequence[float]], float],
) -> SideFigure:
    """What either side is alone."""
    champion, challenger = (of(side.tolist()) if side.size else None for side in sides)
    ours = sum(one[1] == "champion" for one in valued)
    return SideFigure(
        measure=measure,
        limit=limit,
        champion=champion,
        challenger=challenger,
        people=(sides[0].size, sides[1].size),
        answers=(ours, len(valued) - ours),
    )


def _enough(sides: Sequence[Floats]) -> bool:
    return all(side.size >= ENOUGH for side in sides)


def _path(found: Sequence[Seen], trial: CandidateTrial) -> tuple[TrialPoint, ...]:
    """What was known of useful answers after so many ratings, up to now."""
    rated: list[tuple[datetime, Valued]] = [
        (one.rated_at, (one.who, one.side, float(one.useful)))
        for one in found
        if one.useful is not None and one.rated_at is not None
    ]
    rated.sort()
    points: list[TrialPoint] = []
    for count in sorted({round(len(rated) * n / POINTS) for n in range(1, POINTS + 1)} - {0}):
        sides = _people((one for _, one in rated[:count]), _mean)
        if _enough(sides):
            mean, low, high = _shares(sides, spent(ALPHA, trial.look), STOP)
            at = rated[count - 1][0]
            points.append(TrialPoint(at=at, ratings=count, mean=mean, low=low, high=high))
    return tuple(points)
