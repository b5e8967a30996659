"""Trials of candidates on either database: one at a time, ended once, told once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rag.candidates import Candidate
from rag.errors import Conflict
from rag.store.candidate_trials import CandidateTrials
from rag.store.candidates import Candidates
from rag.store.database import Database
from rag.store.models import TraceRow, UtcDateTime
from rag.store.releases import Releases

AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def database(database_url: str):
    made = Database(database_url)
    made.migrate()
    yield made
    made.close()


def candidate(database: Database, id: str, domain: str = "pumps") -> Candidate:
    return Candidates(database, lambda: AT).add(id, domain, "memory", {}, {}, "dora")


def test_one_at_a_time_ends_once_and_is_told_once(database: Database) -> None:
    told: list[Mapping[str, Any]] = []
    kept = CandidateTrials(database, lambda: AT, lambda _, __, data: told.append(data))
    one, other = candidate(database, "m1"), candidate(database, "m2", "valves")
    begun = kept.begin(one, 0.1, 0, 1, "dora")
    with pytest.raises(Conflict, match="tried already"):
        kept.begin(one, 0.2, 0, 2, "dora")
    kept.begin(other, 0.2, 0, 1, "dora")
    assert kept.running("pumps") == [begun]
    assert len(kept.running()) == 2
    assert (kept.won(begun.id), kept.won(begun.id)) == (True, False)
    assert kept.end(begun.id, "worse", "system", told=True)
    assert not kept.end(begun.id, "stopped", "dora")
    assert not kept.won(begun.id)
    assert [one["said"] for one in told] == ["better", "worse"]
    assert (told[0]["candidate"], told[0]["domain"]) == ("memory-1", "pumps")
    last = kept.last("pumps")
    assert last is not None
    assert (last.ended, last.ended_by, last.won, last.lost) == ("worse", "system", False, True)
    assert kept.last("pumps", "m2") is None
    assert (kept.count("pumps", {0}), kept.count("pumps", {1})) == (1, 0)


def test_another_release_ends_it(database: Database) -> None:
    kept, releases = CandidateTrials(database, lambda: AT), Releases(database, lambda: AT)
    one, other = candidate(database, "m1"), candidate(database, "m2")
    kept.begin(one, 0.1, 0, 1, "dora")
    releases.promote("pumps", 0, other.id, "", "eve", "")
    last = kept.last("pumps")
    assert last is not None
    assert (last.ended, last.ended_by) == ("released", "eve")


def test_answers_of_a_trial_are_seen_and_no_others(database: Database) -> None:
    now = AT
    kept = CandidateTrials(database, lambda: now)
    begun = kept.begin(candidate(database, "m1"), 0.5, 0, 1, "dora")
    of = {"trial": begun.id, "side": "challenger"}
    rows = [
        ("a", {"candidate": of}, "stop", 1),
        ("b", {"candidate": of | {"side": "champion"}}, "error", 2),
        ("c", {"candidate": of}, "cancelled", 3),
        ("d", {"candidate": of | {"trial": "another"}}, "stop", 4),
        ("e", {"trial": {"id": begun.id, "side": "champion"}}, "stop", 5),
        ("f", {"candidate": of}, "stop", 9),
    ]
    with database.write() as session:
        for id, route, finish, minutes in rows:
            session.add(trace(id, route, finish, AT + timedelta(minutes=minutes)))
    assert [(one.who, one.side, one.fault) for one in kept.seen(begun)] == [
        ("pa", "challenger", False),
        ("pb", "champion", True),
        ("pf", "challenger", False),
    ]
    now = AT + timedelta(minutes=8)
    kept.end(begun.id, "stopped", "dora")
    ended = kept.last("pumps")
    assert ended is not None
    # What was being made when it ended says nothing of it any more.
    assert [one.who for one in kept.seen(ended)] == ["pa", "pb"]


def trace(id: str, route: dict[str, Any], finish: str, at: datetime) -> TraceRow:
    """One of somebody of its own."""
    plain: dict[type, Any] = {str: "", int: 0, float: 0.0, bool: False, dict: {}, list: []}
    filled = {
        column.name: at if isinstance(column.type, UtcDateTime) else plain[column.type.python_type]
        for column in TraceRow.__table__.columns
        if not column.nullable
    }
    own = {"id": id, "domain": "pumps", "principal_id": id, "actor_pseudonym": f"p{id}"}
    more = {"route": route, "finish_reason": finish, "ts": at}
    return TraceRow(**filled | own | more)
