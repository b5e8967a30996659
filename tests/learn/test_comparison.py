"""Two sides of a trial compared: differences that are there are seen, others are not claimed."""

import random
from datetime import UTC, datetime

import pytest

from rag.learn.comparison import compared
from rag.models.told import Comparison, Figure
from rag.store.choices import Trial
from rag.store.trials import Observed

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def one(n: int, side, **more) -> Observed:
    fields = {
        "trace_id": f"{n}", "thread": f"thread {n}", "side": side, "fault": "", "abstained": False,
        "support": 0.8, "ms": 1000.0, "tokens": 100, "cost": 0.01, "useful": None,
    }  # fmt: skip
    return Observed(**{**fields, **more})


def report(found, how="canary") -> Comparison:
    return compared(
        found, domain="test", trial=Trial(id="t", model="new", how=how, share=0.5), champion="old",
        since=NOW, running=True, missing=0,
    )  # fmt: skip


def figure(found, measure: str, how="canary") -> Figure:
    return next(each for each in report(found, how).figures if each.measure == measure)


def noisy(rng: random.Random, base: float) -> list[Observed]:
    """Questions are hard or easy for both; the challenger is better by .05 on each."""
    found = []
    for n in range(120):
        hard = rng.random() * 0.4
        found.append(one(n, "champion", support=base - hard + rng.gauss(0, 0.02)))
        found.append(one(n, "challenger", support=base - hard + 0.05 + rng.gauss(0, 0.02)))
    return found


def test_pairs_show_what_hides_among_different_questions() -> None:
    found = noisy(random.Random(1), 0.8)
    paired = figure(found, "support", "shadow")
    assert paired.low is not None
    assert paired.high is not None
    assert 0.03 < paired.low < paired.difference < paired.high < 0.07
    apart = [
        each._replace(thread=f"{each.side} {each.thread}", trace_id=f"{each.side} {each.trace_id}")
        for each in found
    ]
    unpaired = figure(apart, "support")
    assert unpaired.low is not None
    assert unpaired.high is not None
    assert unpaired.high - unpaired.low > 3 * (paired.high - paired.low)


def test_equal_sides_are_seldom_told_apart() -> None:
    apart = 0
    for seed in range(40):
        rng = random.Random(seed)
        found = [one(n, ("champion", "challenger")[n % 2], support=rng.random()) for n in range(80)]
        seen = figure(found, "support")
        assert seen.low is not None
        assert seen.high is not None
        apart += not seen.low <= 0 <= seen.high
    # 2 are expected; more than 8 come once in some thousand times.
    assert apart <= 8


def test_answers_of_one_conversation_are_one_sample() -> None:
    many = [
        one(n, side, thread=f"{side} {n % 5}", support=n % 5 / 5)
        for side in ("champion", "challenger") for n in range(200)
    ]  # fmt: skip
    seen = figure(many, "support")
    assert (seen.answers, seen.low) == ((200, 200), None), "five conversations are not enough"
    by_thread = [
        each._replace(thread=f"{each.side} {n % 25}", support=n % 25 / 25)
        for n, each in enumerate(many)
    ]
    alone = [each._replace(thread=f"{n}") for n, each in enumerate(by_thread)]
    wide, narrow = figure(by_thread, "support"), figure(alone, "support")
    assert wide.low is not None
    assert wide.high is not None
    assert narrow.low is not None
    assert narrow.high is not None
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_below_twenty_nothing_is_claimed_and_with_twenty_something() -> None:
    for count in (0, 1, 19, 20):
        found = [one(n, "champion") for n in range(30)]
        found += [one(100 + n, "challenger", ms=2000.0) for n in range(count)]
        told = report(found)
        assert told.answers == (30, count)
        for each in told.figures:
            people = each.measure in ("preferred", "useful", "cost_per_useful")
            enough = count == 20 and not people
            assert (each.difference is not None) == enough, each.measure
        middle = next(each for each in told.figures if each.measure == "ms_p50")
        if count == 20:
            assert (middle.difference, middle.low, middle.high) == (1000.0, 1000.0, 1000.0)


def test_what_the_other_side_had_to_answer_is_a_fault_and_nothing_else() -> None:
    found = [one(n, "champion", ms=float(n)) for n in range(1, 101)]
    found += [
        one(n, "challenger", fault="model_busy" if n % 4 == 0 else "", ms=1e9, cost=0.02)
        if n % 4 == 0 else one(n, "challenger", ms=float(n), cost=0.02)
        for n in range(101, 201)
    ]  # fmt: skip
    told = {each.measure: each for each in report(found).figures}
    assert (told["faults"].champion, told["faults"].challenger) == (0, 0.25)
    assert told["ms_p95"].champion == 95
    assert told["ms_p95"].challenger is not None
    assert told["ms_p95"].challenger < 1e6
    assert told["cost"].difference == pytest.approx(0.01)
    assert report(found).faults == {"model_busy": 25}


def test_cost_per_answer_rated_useful() -> None:
    found = [one(n, "champion", cost=0.02, useful=n % 2 == 0) for n in range(40)]
    found += [one(100 + n, "challenger", cost=0.03, useful=True) for n in range(40)]
    found += [one(200 + n, "challenger", cost=9.0) for n in range(40)]
    told = {each.measure: each for each in report(found).figures}
    assert (told["useful"].champion, told["useful"].challenger) == (0.5, 1.0)
    per = told["cost_per_useful"]
    assert per.champion == pytest.approx(0.04)
    assert per.challenger == pytest.approx(0.03)
    assert per.high is not None
    assert per.high < 0, "the dearer model is the cheaper one"
    none = [each._replace(useful=False) for each in found]
    useless = figure(none, "cost_per_useful")
    assert (useless.champion, useless.difference) == (None, None)


def test_the_same_answers_give_the_same_report() -> None:
    found = noisy(random.Random(2), 0.7)
    assert report(found) == report(found)
    assert report([]).answers == (0, 0)
