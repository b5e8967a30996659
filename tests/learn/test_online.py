"""Two releases compared while people ask: sure at every moment, or nothing is said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bench.online import told
from rag.candidates import CandidateTrial, Side, SideFigure, TrialMeasure
from rag.learn.gate import spent
from rag.learn.online import ALPHA, ENOUGH, POINTS, STOP, ending, weighed
from rag.store.candidate_trials import Seen

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
TRIAL = CandidateTrial(
    id="t", domain="pumps", candidate="memory-1", share=0.5, against=0, look=1, began_by="d",
    began_at=BEGAN,
)  # fmt: skip
LOOKS = 1_200


def answers(
    side: Side,
    people: int,
    useful: Sequence[bool | None],
    *,
    abstained: float = 0.0,
    fault: float = 0.0,
    ms: float = 1_000.0,
    cost: float = 0.001,
) -> list[Seen]:
    """So many people, each of whom says the same of their answers in another order."""
    found: list[Seen] = []
    for person in range(people):
        for n in range(len(useful)):
            said = useful[(n + person) % len(useful)]
            at = BEGAN + timedelta(minutes=len(found))
            found.append(
                Seen(
                    who=f"{side}{person}",
                    side=side,
                    at=at,
                    useful=said,
                    rated_at=at if said is not None else None,
                    abstained=(n + person) % 10 < abstained * 10,
                    fault=(n + person) % 10 < fault * 10,
                    ms=ms * (1 + 0.01 * (person % 7)),
                    cost=cost * (1 + 0.01 * (person % 5)),
                )
            )
    return found


def figure(found: Sequence[Seen], measure: TrialMeasure) -> SideFigure:
    return next(one for one in weighed(found, TRIAL).figures if one.measure == measure)


MOSTLY = (True, True, True, False)
HALF = (True, False, True, False)


@pytest.mark.parametrize(
    ("said", "outcome", "why"),
    [(HALF, "worse", "worse"), (MOSTLY, "open", None), ((True,) * 4, "better", None)],
)
def test_more_useful_answers_are_better_and_fewer_worse(
    said: Sequence[bool], outcome: str, why: str | None
) -> None:
    found = [*answers("champion", 200, MOSTLY), *answers("challenger", 100, said)]
    told = weighed(found, TRIAL)
    assert (told.outcome, ending(told)) == (outcome, why)
    assert told == weighed(found[::-1], TRIAL)
    useful = told.figures[0]
    assert (useful.people, useful.answers) == ((200, 100), (800, 400))
    assert useful.low is not None
    assert useful.high is not None
    assert useful.difference is not None
    assert useful.low < useful.difference < useful.high


def test_of_too_few_people_nothing_is_told_however_much_they_say() -> None:
    eager = answers("challenger", ENOUGH - 1, (False,) * 50)
    told = weighed([*answers("champion", 200, (True,)), *eager], TRIAL)
    assert (told.outcome, told.path) == ("open", ())
    assert {one.holds for one in told.figures} == {None}
    assert {one.difference for one in told.figures} == {None}
    assert weighed([], TRIAL).figures[0].people == (0, 0)


def test_one_who_rates_much_is_one() -> None:
    others = [*answers("champion", 40, MOSTLY), *answers("challenger", 40, MOSTLY)]
    eager = [one._replace(who="eager") for one in answers("challenger", 100, (False,) * 20)]
    quiet = [one._replace(who="eager") for one in answers("challenger", 1, (False,))]
    assert figure([*others, *eager], "useful").low == pytest.approx(
        figure([*others, *quiet], "useful").low
    )


@pytest.mark.parametrize(
    ("measure", "worse"),
    [
        ("abstained", {"abstained": 0.3}),
        ("faults", {"fault": 0.3}),
        ("latency", {"ms": 1_300.0}),
        ("cost", {"cost": 0.002}),
    ],
)
def test_what_is_bad_is_held_to_its_limit(measure: TrialMeasure, worse: dict[str, float]) -> None:
    said = (None,) * 10
    before = answers("champion", 100, said, abstained=0.1, fault=0.1)
    same = figure([*before, *answers("challenger", 100, said, abstained=0.1, fault=0.1)], measure)
    assert same.holds is not False
    assert same.low is not None
    assert same.high is not None
    assert same.low <= 0 <= same.high
    found = [*before, *answers("challenger", 100, said, **{"abstained": 0.1, "fault": 0.1} | worse)]
    told = figure(found, measure)
    assert told.holds is False
    assert told.low is not None
    assert told.low > told.limit
    assert ending(weighed(found, TRIAL)) == measure


def test_what_costs_nothing_is_not_compared_and_what_is_alike_holds() -> None:
    free = [*answers("champion", 30, MOSTLY, cost=0), *answers("challenger", 30, MOSTLY, cost=0)]
    assert figure(free, "cost").holds is None
    even = [one._replace(ms=500.0) for one in free]
    assert figure(even, "latency").holds is True


def test_faults_say_nothing_of_time_and_not_of_abstentions() -> None:
    found = [
        *answers("champion", 30, (None,) * 10),
        *answers("challenger", 30, (None,) * 10, fault=0.5),
    ]
    slow = [one._replace(ms=90_000.0, abstained=True) if one.fault else one for one in found]
    assert figure(slow, "latency") == figure(found, "latency")
    assert figure(slow, "abstained") == figure(found, "abstained")


def test_each_look_at_a_release_makes_the_next_one_stricter_but_for_what_is_worse() -> None:
    found = [*answers("champion", 100, MOSTLY), *answers("challenger", 100, HALF)]
    first, fourth = (
        weighed(found, TRIAL.model_copy(update={"look": look})).figures[0] for look in (1, 4)
    )
    assert first.low is not None
    assert fourth.low is not None
    assert fourth.low < first.low
    assert first.high == fourth.high
    assert spent(ALPHA, 1) == STOP


def test_the_path_ends_with_what_is_known_now() -> None:
    found = [*answers("champion", 60, MOSTLY), *answers("challenger", 60, HALF)]
    told = weighed(found, TRIAL)
    assert 0 < len(told.path) <= POINTS
    last, useful = told.path[-1], told.figures[0]
    assert (last.mean, last.low, last.high) == (useful.difference, useful.low, useful.high)
    assert last.ratings == 480
    assert [one.ratings for one in told.path] == sorted({one.ratings for one in told.path})


# --- looking after every single rating; see bench/online.py -------------------------------------


@pytest.mark.parametrize(("share", "useful", "apart"), [(0.5, 0.75, 0.2), (0.1, 0.9, 0.15)])
def test_the_same_against_itself_is_hardly_ever_stopped_and_hardly_ever_better(
    share: float, useful: float, apart: float
) -> None:
    worse, better = told(
        runs=600,
        people=300,
        ratings=LOOKS,
        share=share,
        useful=useful,
        apart=apart,
        gain=0.0,
        seed=1,
    )
    assert np.mean(worse > 0) <= STOP
    assert np.mean(better > 0) <= STOP


def test_what_is_ten_points_worse_is_stopped_and_never_better() -> None:
    worse, better = told(
        runs=200, people=600, ratings=4_000, share=0.5, useful=0.75, apart=0.15, gain=-0.1, seed=2
    )
    assert np.mean(worse > 0) >= 0.9
    assert np.mean(better > 0) == 0
