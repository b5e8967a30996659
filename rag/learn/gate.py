"""The gate: whether a candidate measurably makes answers better, by rules that were set before.

Paired differences of nDCG@10 on the questions of a period after what was learned, by randomization
and bootstrap (Smucker, Allan and Carterette, "A comparison of statistical significance tests for
information retrieval evaluation", 2007). A condition that is not met for want of questions is not a
refusal: it says how many more there have to be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from rag.candidates import (
    STRATA,
    Asked,
    GateReport,
    Guarded,
    Interval,
    Outcome,
    Requirement,
    Rules,
    Stratum,
)

Floats = NDArray[np.float64]
DRAWS = 10_000
SEED = 20_261_122
AT_ONCE = 500
"""Draws whose numbers are in memory together."""
POWER = 0.8
GUARDS: tuple[Guarded, ...] = ("latency", "cost", "answered", "support")
BETTER_LOW: frozenset[Guarded] = frozenset({"latency", "cost"})
SAFE = 0.05
"""The chance of a mistake, to one side, in each condition that nothing got worse."""
USUAL = 0.115
"""The deviation of paired differences where too few questions tell it; measured on SciFact."""
PLENTY = 10
"""So many times the least, and a guard that does not hold will not."""
NDCG = "nDCG@10"
FEW = 30
"""Below so many questions their deviation says nothing."""


def judged(asked: Sequence[Asked], *, look: int, rules: Rules, measure: str = NDCG) -> GateReport:
    """The whole report; equal questions give an equal one. `look` counts from 1; `measure` is what
    the questions were measured by."""
    alpha = spent(rules.alpha, look)
    period = [one for one in asked if not one.held_out]
    parts: dict[Stratum, list[Asked]] = {
        stratum: [one for one in period if one.stratum == stratum] for stratum in STRATA
    }
    held_out = [one for one in asked if one.held_out]
    conditions = [
        _better(period, alpha, rules),
        _no_worse("novel", parts["novel"], rules.novel),
        *([_no_worse("held_out", held_out, rules.held_out)] if held_out else []),
        *_slices(period, rules),
        *_guards(period, rules),
    ]
    outcome, why = _outcome(conditions, measure)
    return GateReport(
        outcome=outcome,
        why=why,
        conditions=tuple(conditions),
        strata={stratum: interval(_differences(ones), SAFE / 2) for stratum, ones in parts.items()},
        look=look,
        alpha=alpha,
        before=_mean([one.before for one in period]),
        after=_mean([one.after for one in period]),
    )


def spent(alpha: float, look: int) -> float:
    """What a look may spend of alpha; ever so many looks never spend more than all of it."""
    return alpha / (look * (look + 1))


def needed(deviation: float, effect: float, alpha: float) -> int:
    """Questions for which a true effect is found in four of five tries; alpha is of one side."""
    normal = NormalDist()
    z = normal.inv_cdf(1 - alpha) + normal.inv_cdf(POWER)
    return ceil((z * deviation / effect) ** 2)


def interval(differences: Floats, alpha: float) -> Interval:
    """The mean and its bootstrap percentiles, alpha beyond either end."""
    count = len(differences)
    if not count:
        return Interval(questions=0)
    mean = float(differences.mean())
    if not differences.any():
        return Interval(questions=count)
    means = np.concatenate([differences[drawn].mean(axis=1) for drawn in _draws(count)])
    low, high = (float(one) for one in np.quantile(means, (alpha, 1 - alpha)))
    return Interval(questions=count, mean=mean, low=low, high=high, p=_by_chance(differences, mean))


def _better(period: Sequence[Asked], alpha: float, rules: Rules) -> Requirement:
    """The gain over the whole period is above nothing."""
    differences = _differences(period)
    found = interval(differences, alpha)
    enough = max(rules.least, needed(_deviation(differences), rules.effect, alpha))
    holds: bool | None = found.low > 0
    why = "" if holds else f"A gain is not told from chance with {found.questions} questions."
    if found.questions < rules.least or (
        not holds and found.questions < enough and found.high >= rules.effect
    ):
        holds = None
        why = f"{found.questions} questions are too few to tell a gain of {rules.effect:g}."
    missing = enough - found.questions if holds is None else 0
    return _requirement("overall", holds, found, 0.0, max(missing, 0), why)


def _no_worse(name: str, asked: Sequence[Asked], bound: float) -> Requirement:
    """Where the candidate learned nothing, or may have learned the wrong thing, it does no harm."""
    differences = _differences(asked)
    found = interval(differences, SAFE)
    enough = max(FEW, needed(_deviation(differences), -bound, SAFE))
    if found.questions >= FEW and found.low > bound:
        return _requirement(name, True, found, bound)
    if found.questions >= enough or (found.questions >= FEW and found.high < bound):
        return _requirement(name, False, found, bound, why="These questions may be answered worse.")
    why = f"{found.questions} questions are too few to tell a loss of {-bound:g}."
    return _requirement(name, None, found, bound, enough - found.questions, why)


def _slices(period: Sequence[Asked], rules: Rules) -> Iterator[Requirement]:
    slices: dict[str, list[Asked]] = defaultdict(list)
    for one in period:
        for name, value in one.slices.items():
            slices[f"{name} {value}"].append(one)
    for name, ones in sorted(slices.items()):
        found = interval(_differences(ones), SAFE / 2)
        few = found.questions < rules.slice_least
        holds = few or found.mean >= rules.slice
        why = "Too few to decide anything." if few else "" if holds else "A loss on this part."
        yield _requirement(name, holds, found, rules.slice, why=why)


def _guards(period: Sequence[Asked], rules: Rules) -> Iterator[Requirement]:
    """What else people notice, as a share of what it was; above 0 is better."""
    for guard in GUARDS:
        pairs = np.array([one.guards[guard] for one in period if guard in one.guards])
        if not len(pairs) or not pairs[:, 0].any():
            continue
        sign = -1.0 if guard in BETTER_LOW else 1.0
        # Whatever else the machine does now and then takes long: of time the middle counts.
        middle = np.median if guard == "latency" else np.mean
        # The differences are of pairs, so that what differs between questions is in none of them.
        sides = np.stack([pairs[:, 0], pairs[:, 1] - pairs[:, 0]], axis=1)
        before, more = (float(one) for one in middle(sides, axis=0))
        if not before:
            continue
        drawn = np.concatenate([middle(sides[places], axis=1) for places in _draws(len(sides))])
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = sign * drawn[:, 1] / drawn[:, 0]
        ratios = ratios[np.isfinite(ratios)]
        low, high = (float(one) for one in np.quantile(ratios, (SAFE, 1 - SAFE)))
        mean = sign * more / before
        found = Interval(questions=len(pairs), mean=mean, low=low, high=high)
        bound = -rules.guard
        few = len(pairs) < rules.least
        if low > bound and not few:
            yield _requirement(guard, True, found, bound)
        elif not few and (high < bound or len(pairs) >= PLENTY * rules.least):
            why = f"It is {-mean:.1%} worse, and may be {-low:.1%}."
            yield _requirement(guard, False, found, bound, why=why)
        else:
            why = f"With {len(pairs)} questions it may be {-low:.1%} worse."
            missing = rules.least - len(pairs) if few else len(pairs)
            yield _requirement(guard, None, found, bound, missing, why)


def _outcome(conditions: Sequence[Requirement], measure: str) -> tuple[Outcome, str]:
    if failed := [one for one in conditions if one.holds is False]:
        told = "; ".join(f"{one.name}: {one.why}" for one in failed)
        return "refused", told
    if open_ := [one for one in conditions if one.holds is None]:
        missing = max(one.needed for one in open_)
        told = "; ".join(f"{one.name}: {one.why}" for one in open_)
        return "insufficient", f"Insufficient evidence: {missing} more needed. {told}"
    gain = conditions[0].interval
    return "passed", (
        f"{measure} {gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] "
        f"on {gain.questions} later questions, and nothing else got worse."
    )


def _requirement(
    name: str,
    holds: bool | None,
    found: Interval,
    bound: float,
    missing: int = 0,
    why: str = "",
) -> Requirement:
    return Requirement(name=name, holds=holds, interval=found, bound=bound, needed=missing, why=why)


def _differences(asked: Iterable[Asked]) -> Floats:
    return np.array([one.after - one.before for one in asked], dtype=np.float64)


def _deviation(differences: Floats) -> float:
    return float(differences.std(ddof=1)) if len(differences) >= FEW else USUAL


def _draws(count: int) -> Iterator[NDArray[np.int64]]:
    """Which questions are in each draw, with replacement, the same for equal counts."""
    rng = np.random.default_rng(SEED)
    for start in range(0, DRAWS, AT_ONCE):
        yield rng.integers(0, count, (min(AT_ONCE, DRAWS - start), count))


def _by_chance(differences: Floats, mean: float) -> float:
    """How often the mean is at least this large with the sign of each by a coin, two-sided."""
    rng = np.random.default_rng(SEED)
    changed = differences[differences != 0]
    least = abs(mean) * len(differences) - 1e-12
    count = 0
    for start in range(0, DRAWS, AT_ONCE):
        coins = rng.integers(0, 2, (min(AT_ONCE, DRAWS - start), len(changed))) * 2 - 1
        count += int((np.abs(coins @ changed) >= least).sum())
    return (count + 1) / (DRAWS + 1)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
