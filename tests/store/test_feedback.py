"""Whatever is said and taken back, by many at once, killed anywhere: the last word counts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import Conflict, NotFound
from rag.feedback import Consent, Feedback
from rag.store.database import Database
from rag.store.feedback import FeedbackLog
from rag.types import utc_now
from tests.store.rater import TRACE, add

REPO = Path(__file__).parents[2]


@pytest.fixture
def log(database_url: str):
    database = Database(database_url)
    database.migrate()
    yield FeedbackLog(database, utc_now)
    database.close()


ACTIONS = st.one_of(
    st.tuples(st.just("rate"), st.integers(1, 3), st.sampled_from((-1, 1)), st.none()),
    st.tuples(st.just("rate"), st.integers(1, 2), st.sampled_from((-1, 1)), st.sampled_from("ab")),
    st.tuples(st.just("retract"), st.integers(0, 30), st.just(0), st.none()),
)


def test_the_last_word_on_each_target_counts_and_the_history_is_complete(log: FeedbackLog) -> None:
    @given(st.lists(ACTIONS, max_size=12))
    @settings(
        max_examples=40, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    def holds(actions: list[tuple[str, int, int, str | None]]) -> None:
        actor = uuid4().hex
        chains: dict[int, list[Feedback]] = {1: [], 2: [], 3: []}
        keys: dict[str, tuple[str, str]] = {}
        for action, part, value, key in actions:
            if action == "rate":
                chain = chains[part]
                said = f"{part} {value}"
                if key in keys and keys[key][0] != said:
                    with pytest.raises(Conflict):
                        add(log, actor, part, value, key)
                    continue
                came = add(log, actor, part, value, key)
                if key in keys:
                    assert came.id == keys[key][1]
                    assert came.effective == (chain[-1].id == came.id)
                    continue
                if not (chain and (chain[-1].signal, chain[-1].value) == ("thumb", value)):
                    assert came.supersedes == (chain[-1].id if chain else None)
                    chain.append(came)
                assert came == chain[-1]
                if key:
                    keys[key] = said, came.id
            elif made := [one for chain in chains.values() for one in chain]:
                one = made[part % len(made)]
                chain = next(chain for chain in chains.values() if one in chain)
                last = chain[-1]
                if last.id == one.id and one.signal == "thumb":
                    chain.append(log.retract(actor, TRACE, one.id))
                    assert (chain[-1].signal, chain[-1].supersedes) == ("retract", one.id)
                elif last.signal == "retract" and one.id in (last.id, last.supersedes):
                    assert log.retract(actor, TRACE, one.id) == last
                else:
                    with pytest.raises(Conflict):
                        log.retract(actor, TRACE, one.id)
        kept = log.list(actor, TRACE)
        assert [one.id for one in kept] == [one.id for part in (1, 2, 3) for one in chains[part]], (
            "every event, in order"
        )
        lasts = [chain[-1] for chain in chains.values() if chain]
        assert [one.id for one in kept if one.effective] == [
            one.id for one in lasts if one.signal == "thumb"
        ]

    holds()


def test_many_writers_at_once_lose_and_double_nothing(log: FeedbackLog) -> None:
    """Eight at once for one person on two targets, with every request sent twice."""
    requests = [(n % 2 + 1, 1 if n % 3 else -1, f"k{n}") for n in range(60)] * 2

    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(lambda one: add(log, "anna", *one), requests))
        list(pool.map(lambda n: add(log, f"person {n}", 1, 1), range(40)))
    for first, second in zip(came[:60], came[60:], strict=True):
        assert first.id == second.id, "a key is one verdict"
    kept = log.list("anna", TRACE)
    assert {one.id for one in came} == {one.id for one in kept}, "nothing acknowledged is lost"
    for part in (1, 2):
        chain = [one for one in kept if one.target.n == part]
        assert [one.supersedes for one in chain] == [None, *(one.id for one in chain[:-1])]
        assert [one.effective for one in chain] == [False] * (len(chain) - 1) + [True]
        assert all(one.value != other.value for one, other in pairwise(chain)), (
            "saying the same again adds nothing"
        )
    for n in range(40):
        assert len(log.list(f"person {n}", TRACE)) == 1


def test_two_people_who_say_the_same_at_once_are_two(log: FeedbackLog) -> None:
    one, other = add(log, "anna", 1, 1, "k"), add(log, "bob", 1, 1, "k")
    assert one.id != other.id
    with pytest.raises(NotFound):
        log.retract("bob", TRACE, one.id)
    with pytest.raises(NotFound):
        log.retract("anna", "another trace", one.id)


def test_what_was_acknowledged_survives_being_killed(log: FeedbackLog, database_url: str) -> None:
    """Two rate the same parts for the same person when both are killed."""
    raters = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.store.rater", database_url, name],
            cwd=REPO,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "other")
    ]
    acknowledged: list[str] = []
    for rater in raters:
        assert rater.stdout is not None
        acknowledged += [rater.stdout.readline().strip() for _ in range(5)]
    for rater in raters:
        rater.kill()
        acknowledged += rater.communicate()[0].split("\n")[:-1]
        assert rater.returncode == -signal.SIGKILL
    kept = log.list("anna", TRACE)
    assert len(acknowledged) >= 10
    assert set(acknowledged) <= {one.id for one in kept}
    assert len(kept) == len({one.id for one in kept})
    for part in (1, 2, 3):
        chain = [one for one in kept if one.target.n == part]
        assert [one.supersedes for one in chain] == [None, *(one.id for one in chain[:-1])]
    assert add(log, "anna", 1, 1, "after").effective, "and goes on"


def test_consent_is_the_last_that_was_said(log: FeedbackLog) -> None:
    said = [Consent(purposes=("training",), version=n) for n in range(1, 9)]
    for one in said:
        log.agree("anna", one)
    assert log.consent("anna") == said[-1]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: log.agree("bob", one), said))
    assert log.consent("bob") in said
    log.agree("bob", Consent(version=9))
    assert log.consent("bob") == add(log, "bob", 1, 1).consent == Consent(version=9)
