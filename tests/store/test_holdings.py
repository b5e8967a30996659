"""The table of what every column holds is whole, and erasure and export do as it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import JSON, Boolean, DateTime, Float, Integer, LargeBinary, String, insert, select
from sqlalchemy.types import TypeDecorator

from rag.errors import Conflict, NotFound
from rag.store.database import Database
from rag.store.erasures import unknown_to
from rag.store.exporting import theirs, told
from rag.store.forgetting import PREFIX, People, forget_again
from rag.store.holdings import HOLDINGS, Holding, Holds
from rag.store.models import AccountRow, AuditRow, Base, SpendingRow, TraceRow
from rag.store.spending import NOBODY
from rag.store.traces import Traces
from rag.types import Principal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA, BOB = "ada-Ünïque", "bob"
CANARY = "zyxcanaryxyz"


def plain_kind(column: Any) -> Any:
    kind = column.type
    return kind.impl if isinstance(kind, TypeDecorator) else kind


def test_every_column_of_text_is_in_the_table_and_nothing_else_is() -> None:
    assert {one.row for one in HOLDINGS} == {one.class_ for one in Base.registry.mappers}
    for one in HOLDINGS:
        texts = {
            column.name
            for column in one.table.columns
            if isinstance(plain_kind(column), String | JSON)
        }
        listed = one.columns(*Holds)
        assert sorted(listed) == sorted(texts), one.name
        # Whoever a row belongs to, erasure finds it by a column that names them.
        if one.through:
            assert next(iter(one.column(one.of).foreign_keys)).column.table is one.through.__table__
        elif one.of:
            assert one.of in one.columns(Holds.PERSON, Holds.PSEUDONYM)
        else:
            assert not one.columns(Holds.PERSON, Holds.PSEUDONYM), "whose row is it?"


def value(one: Holding, column: Any, name: str, pseudonym: str, number: int) -> Any:
    """What a row of this person's would have there, words of theirs with the canary in them."""
    kind, word = plain_kind(column), f"{CANARY} {name} {number}"
    holds = next((holds for holds in Holds if column.name in one.columns(holds)), None)
    if holds in (Holds.PERSON, Holds.ACTOR):
        return name
    if holds is Holds.PSEUDONYM:
        return pseudonym
    if holds is Holds.NAMES:
        named: dict[str, Any] = {
            "object": name, "details": {"who": [name, "x"]}, "readers": [f"user:{name}", "user:x"],
        }  # fmt: skip
        return named[column.name]
    if isinstance(kind, JSON):
        if column.name == "roles":
            return ["admin"]
        return [word] if holds in (Holds.WORDS, Holds.PASSAGES) and one.of else []
    if isinstance(kind, DateTime):
        return NOW + timedelta(seconds=number)
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Integer | Float):
        return number
    if isinstance(kind, LargeBinary):
        return word.encode()
    assert isinstance(kind, String)
    if kind.length == 36:
        return str(UUID(int=number))
    if column.table.name == "erasures" and column.name == "kind":
        return "document"
    if one.row is SpendingRow:
        return "2026-01-01" if column.name == "day" else "same"
    said = word if holds in (Holds.WORDS, Holds.PASSAGES) and one.of else f"plain {number}"
    return said[: kind.length]


def plant(opened: Database, traces: Traces, name: str) -> None:
    """A row of theirs in every table that can have one, and one that names them in the others."""
    pseudonym = traces.pseudonym(Principal(id=name))
    made: dict[Any, Any] = {}
    with opened.write() as session:
        for table in Base.metadata.sorted_tables:
            one = next(held for held in HOLDINGS if held.table is table)
            row = {
                column.name: value(one, column, name, pseudonym, len(name))
                for column in table.columns
            }
            for column in table.columns:
                for key in column.foreign_keys:
                    row[column.name] = made[key.column]
            session.execute(insert(table).values(row))
            made |= {column: row[column.name] for column in table.columns}


def dumped(opened: Database) -> dict[str, list[Any]]:
    with opened.read() as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table))]
            for table in Base.metadata.sorted_tables
        }


@pytest.fixture
def kept(tmp_path: Path, database_url: str) -> Iterator[tuple[Database, Traces]]:
    opened = Database(database_url)
    opened.migrate()
    traces = Traces(opened, tmp_path)
    for name in (ADA, BOB):
        plant(opened, traces, name)
    yield opened, traces
    opened.close()


def test_no_byte_of_a_person_is_left_and_everything_of_another(
    tmp_path: Path, kept: tuple[Database, Traces]
) -> None:
    opened, traces = kept
    before = dumped(opened)
    people = People(opened, traces.pseudonym, lambda: NOW)
    done = people.erase(ADA, "root")
    after = dumped(opened)
    mine = traces.pseudonym(Principal(id=ADA))
    assert done.pseudonym == f"{PREFIX}{mine[:12]}"
    written = repr(after)
    for trace in (ADA, json.dumps(ADA)[1:-1], f"{CANARY} {ADA}"):
        assert trace not in written
    for one in HOLDINGS:
        rows = before[one.name]
        bobs = [row for row in rows if BOB in row or traces.pseudonym(Principal(id=BOB)) in row]
        assert all(row in after[one.name] for row in bobs), one.name
        if one.of:
            assert done.deleted[one.name] == 1
        elif one.columns(Holds.ACTOR):
            assert done.renamed[one.name] >= 1
        extra = {"erasures": 1, "audit": 1, "spending": 0}.get(one.name, -1 if one.of else 0)
        assert len(after[one.name]) == len(rows) + extra, one.name
    with opened.read() as session:
        sums = session.scalars(select(SpendingRow).where(SpendingRow.principal_id == NOBODY)).one()
        assert sums.cost == sums.prompt_tokens == len(ADA)
        acts = session.scalars(select(AuditRow)).all()
    assert {(act.actor, act.object) for act in acts} == {
        (done.pseudonym, done.pseudonym), (BOB, BOB), ("root", done.pseudonym),
    }  # fmt: skip
    assert [act.details for act in acts if act.actor == done.pseudonym] == [
        {"who": [done.pseudonym, "x"]}
    ]
    if opened.sqlite:
        opened.close()
        bytes_left = b"".join(path.read_bytes() for path in tmp_path.glob("ratchet.db*"))
        assert f"{CANARY} {ADA}".encode() not in bytes_left
        assert ADA.encode() not in bytes_left
        assert f"{CANARY} {BOB}".encode() in bytes_left
    with pytest.raises(NotFound):
        people.erase("nobody", "root")


def test_what_is_spent_by_two_who_were_erased_is_one_sum(kept: tuple[Database, Traces]) -> None:
    opened, traces = kept
    with opened.write() as session:
        session.execute(insert(AccountRow).values(**account("root")))
    for name in (ADA, BOB):
        People(opened, traces.pseudonym, lambda: NOW).erase(name, "root")
    with opened.read() as session:
        costs = {row.principal_id: row.cost for row in session.scalars(select(SpendingRow))}
    assert sum(costs.values()) == len(ADA) + len(BOB)
    assert set(costs) == {NOBODY}


def account(name: str) -> dict[str, Any]:
    return {
        "id": name, "password": "", "roles": ["admin"], "groups": [], "suspended": False,
        "created_at": NOW, "created_by": "x",
    }  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_only_admin_stays_whole(kept: tuple[Database, Traces]) -> None:
    opened, traces = kept
    people = People(opened, traces.pseudonym, lambda: NOW)
    people.erase(BOB, ADA)
    before = dumped(opened)
    with pytest.raises(Conflict, match="only admin"):
        people.erase(ADA, ADA)
    assert dumped(opened) == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_killed_on_the_way_it_is_wholly_not_done(
    kept: tuple[Database, Traces], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, traces = kept
    before = dumped(opened)

    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.store.compacting.mark", ended)
    with pytest.raises(KeyboardInterrupt):
        People(opened, traces.pseudonym, lambda: NOW).erase(ADA, "root")
    assert dumped(opened) == before


def test_a_list_of_erasures_knows_people_by_pseudonym_alone(kept: tuple[Database, Traces]) -> None:
    opened, traces = kept
    before = dumped(opened)
    People(opened, traces.pseudonym, lambda: NOW).erase(ADA, ADA)
    with opened.snapshot() as connection:
        listed = [one.target for one in unknown_to(connection, set()) if one.kind == "person"]
    assert listed == [traces.pseudonym(Principal(id=ADA))]
    after = dumped(opened)
    with opened.write() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
        for table in Base.metadata.sorted_tables:
            for row in before[table.name]:
                session.execute(insert(table).values(row))
        forget_again(session, [*listed, "f" * 32], traces.pseudonym)
    again = dumped(opened)
    told_since = {"erasures", "audit", "model_revision"}
    assert {name: rows for name, rows in again.items() if name not in told_since} == {
        name: rows for name, rows in after.items() if name not in told_since
    }
    assert ADA not in repr(again)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_being_answered_meanwhile_is_not_kept(kept: tuple[Database, Traces]) -> None:
    opened, traces = kept
    with opened.read() as session:
        row = session.scalars(select(TraceRow).where(TraceRow.principal_id == BOB)).one()
        bobs = {column.key: getattr(row, column.key) for column in TraceRow.__table__.columns}
    priced = {
        **bobs,
        "hits": [],
        "citations": [],
        "conflicts": [],
        "route": {"price": "known"},
        "latency_ms": 5_000.0,
        "cost": 3.0,
    }
    clock = NOW + timedelta(hours=1)
    People(opened, traces.pseudonym, lambda: clock).erase(BOB, "root")
    for seconds, expected in ((4, 0), (6, 1)):
        ended = clock + timedelta(seconds=seconds)
        traces.save({**priced, "id": str(UUID(int=seconds)), "ts": ended, "model": "m"})
        with opened.read() as session:
            found = session.scalars(select(TraceRow).where(TraceRow.principal_id == BOB)).all()
            costs = session.scalars(
                select(SpendingRow.principal_id).where(SpendingRow.model == "m")
            ).all()
        assert len(found) == expected
        assert NOBODY in costs, "what it cost is counted"


def test_an_export_has_all_that_is_theirs_and_no_secret(kept: tuple[Database, Traces]) -> None:
    opened, traces = kept
    mine = traces.pseudonym(Principal(id=ADA))
    rows = {
        one.name: [told(one, row, ADA) for row in page] for one, page in theirs(opened, ADA, mine)
    }
    expected = {one.name for one in HOLDINGS if one.of or one.columns(Holds.ACTOR)}
    assert set(rows) == expected
    for one in HOLDINGS:
        if one.name in rows:
            (row,) = rows[one.name]
            assert not row.keys() & {*one.columns(Holds.SECRET, Holds.PSEUDONYM)}
            kept_here = {at.name for at in one.table.columns} - row.keys()
            hidden = [Holds.SECRET, Holds.PSEUDONYM]
            hidden += [] if one.of else [Holds.PASSAGES, Holds.READERS]
            vectors = {at.name for at in one.table.columns if isinstance(at.type, LargeBinary)}
            assert kept_here == {*one.columns(*hidden)} | vectors, one.name
    written = repr(rows)
    assert BOB not in written
    assert mine not in written
    assert list(theirs(opened, "ada", "0" * 32)) == [], "a part of a name is nobody's"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_export_of_many_pages_misses_nothing(kept: tuple[Database, Traces]) -> None:
    opened, traces = kept
    mine = traces.pseudonym(Principal(id=ADA))
    with opened.write() as session:
        for number in range(250):
            session.add(AuditRow(ts=NOW, actor=ADA, act="x", object=f"o{number}", details={}))
            session.add(AuditRow(ts=NOW, actor="x", act="x", object=f"{ADA}{number}", details={}))
    found = [
        row["object"] for one, page in theirs(opened, ADA, mine) for row in page
        if one.row is AuditRow and row["object"] != ADA
    ]  # fmt: skip
    assert found == [f"o{number}" for number in range(250)]
