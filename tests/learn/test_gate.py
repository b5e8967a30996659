"""The gate: what it lets through, what it refuses, and when it says that it cannot tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.candidates import STRATA, Asked, GateReport, Requirement, Rules
from rag.learn.gate import interval, judged, needed, spent

RULES = Rules()


def asked(
    gains: Sequence[float], *, novel: float = 0.0, count: int = 400, held_out: bool = False
) -> list[Asked]:
    """Questions of all strata in turn, whose gains are as often above these as below."""
    found: list[Asked] = []
    for n in range(count):
        stratum = STRATA[n % 3]
        mean = novel if stratum == "novel" else gains[n % len(gains)]
        found.append(
            Asked(
                id=f"{held_out}{n}",
                stratum=stratum,
                before=0.5,
                after=0.5 + mean + (0.05 if (n // 3) % 2 else -0.05),
                held_out=held_out,
                slices={"language": "en"},
                guards={"latency": (50.0, 51.0), "answered": (1.0, 1.0)},
            )
        )
    return found


def condition(report: GateReport, name: str) -> Requirement:
    return next(one for one in report.conditions if one.name == name)


def test_needed_questions_are_those_that_were_worked_out_by_hand() -> None:
    assert needed(0.115, 0.02, 0.025) == 260
    assert abs(needed(0.115, 0.01, 0.025) - 1_037) <= 3
    assert (needed(0.115, 0.02, 0.05), needed(0.08, 0.02, 0.05)) == (205, 99)


def test_looks_never_spend_more_than_all() -> None:
    assert spent(0.05, 1) == pytest.approx(0.025)
    assert sum(spent(0.05, look) for look in range(1, 10_000)) < 0.05


def test_a_gain_that_harms_nothing_passes_and_the_same_questions_say_the_same() -> None:
    questions = asked([0.08])
    report = judged(questions, look=1, rules=RULES)
    assert report.outcome == "passed", report.why
    assert report == judged(questions, look=1, rules=RULES)
    overall = condition(report, "overall").interval
    assert overall.low < overall.mean < overall.high
    assert overall.p < 0.01
    assert report.after - report.before == pytest.approx(overall.mean)
    assert {name: one.questions for name, one in report.strata.items()} == {
        "repeat": 134, "near_duplicate": 133, "novel": 133,
    }  # fmt: skip


def test_a_leak_that_gains_much_and_harms_what_is_new_is_refused() -> None:
    report = judged(asked([0.3], novel=-0.06), look=1, rules=RULES)
    assert condition(report, "overall").holds is True
    assert report.outcome == "refused"
    assert condition(report, "novel").holds is False
    assert "novel" in report.why


def test_harm_to_held_out_clusters_is_refused() -> None:
    questions = [*asked([0.08]), *asked([-0.06], novel=-0.06, held_out=True)]
    report = judged(questions, look=1, rules=RULES)
    assert (report.outcome, condition(report, "held_out").holds) == ("refused", False)


def test_too_few_questions_are_told_with_how_many_more_it_takes() -> None:
    report = judged(asked([0.3], count=60), look=1, rules=RULES)
    assert report.outcome == "insufficient"
    overall = condition(report, "overall")
    assert overall.holds is None
    assert overall.needed >= RULES.least - 60
    missing = max(one.needed for one in report.conditions)
    assert f"{missing} more needed" in report.why
    assert judged([], look=1, rules=RULES).outcome == "insufficient"


def test_no_gain_on_many_questions_is_refused_rather_than_asked_for_more() -> None:
    report = judged(asked([0.0], count=900), look=1, rules=RULES)
    assert (report.outcome, condition(report, "overall").holds) == ("refused", False)


def test_a_later_look_asks_for_more() -> None:
    questions = asked([0.02])
    first, tenth = (judged(questions, look=look, rules=RULES) for look in (1, 10))
    assert condition(tenth, "overall").interval.low < condition(first, "overall").interval.low


@pytest.mark.parametrize(
    ("guard", "pair"),
    [("latency", (50.0, 60.0)), ("cost", (1.0, 1.2)), ("answered", (1.0, 0.8)),
     ("support", (1.0, 0.8))],
)  # fmt: skip
def test_what_else_people_notice_may_not_get_worse(guard: str, pair: tuple[float, float]) -> None:
    questions = [
        Asked.model_validate({**one.model_dump(), "guards": {guard: pair}}) for one in asked([0.08])
    ]
    report = judged(questions, look=1, rules=RULES)
    assert (report.outcome, condition(report, guard).holds) == ("refused", False)
    better = [
        Asked.model_validate({**one.model_dump(), "guards": {guard: (pair[1], pair[0])}})
        for one in questions
    ]
    assert judged(better, look=1, rules=RULES).outcome == "passed"


def test_one_language_may_not_pay_for_the_others() -> None:
    worse = [
        one.model_copy(update={"after": one.before - 0.2, "slices": {"language": "de"}})
        for one in asked([0.0], count=30)
    ]
    questions = [*asked([0.08], novel=0.08), *worse]
    report = judged(questions, look=1, rules=RULES)
    assert condition(report, "language de").holds is False
    assert condition(report, "language en").holds is True
    assert report.outcome == "refused"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=50))
def test_an_interval_holds_its_mean(differences: list[float]) -> None:
    found = interval(np.array(differences), 0.025)
    assert found.low - 1e-9 <= found.mean <= found.high + 1e-9
    assert 0 < found.p <= 1
