"""Runs: asked for, claimed by one worker at a time, kept with what came of them.

A run holds its slot (a source, or a domain's index) from when it is asked for until it has ended.
Whoever claims it gets a higher fence; `guard` makes every other write of the run depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, update
from sqlalchemy.orm import Session, object_session

from rag.errors import Conflict, InvalidInput, NotFound, Superseded
from rag.store.database import Announce, Database, Guard, announce_nothing
from rag.store.models import GenerationRow, RunRow, SourceRow
from rag.types import Data, Run, RunError, RunProgress, Schedule, SourceInfo

CLAIMING = 0x7A7C4E71
GUARDED = 0x7A7C4E72
"""With a number made of a run's id: what every guarded transaction of that run has locked."""
MAX_LOST = 5
"""Workers that may die of a run before it is given up."""
KEEP_DAYS = 90
SCHEDULE = "schedule"
"""Who asked for a run that nobody asked for."""
Kind = Literal["sync", "rebuild", "change", "build", "verify"]
_OF_THE_INDEX = RunRow.kind.in_(("sync", "rebuild", "change"))
Word = Literal["go on", "stop", "lost"]
Due = Callable[[Schedule, datetime], datetime | None]

_ACTIVE = RunRow.state.in_(("queued", "running"))
_END_SESSIONS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND objsubid = 2 AND classid = :space AND objid::bigint = hashtext(:run)::bigint & 4294967295"
)


class Held(Data):
    """A run that some worker holds, as seen from outside."""

    id: str
    fence: int
    worker: str
    beats: int


class Job(Data):
    """What a run is to do that is about no source and no index."""

    kind: Kind
    slot: str
    """What only one at a time works on."""
    wanted: Mapping[str, Any]


class Runs:
    """Every method is one transaction; those that give a slot away take turns."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        announce: Announce = announce_nothing,
    ) -> None:
        self.database = database
        self.now = now
        self._announce = announce

    # --- asking ---

    def request(
        self, kind: Kind, domain: str, source: SourceInfo | None, by: str
    ) -> tuple[Run, bool]:
        """A run that waits for a worker, and whether it is new.

        One that waits already will see whatever this one would. Raises Conflict, naming the run,
        while one is under way.
        """
        made = self._new(kind, domain, source, by)
        with self.database.read() as session:
            other = self._active(session, made.slot)
            if other is not None and other.state == "running":
                raise _busy(other)
        with self.database.write() as session:
            self._take_turns(session)
            other = self._active(session, made.slot)
            if other is None:
                session.add(made)
                return _run(made), True
            if other.state == "running" or other.wanted:
                # What waits was asked for something else.
                raise _busy(other)
            return _run(other), False

    def request_job(self, domain: str, job: Job, by: str) -> Run:
        """The same for a job. Raises Conflict also where what waits was asked for something else.

        One that waits is done as whoever asked first.
        """
        made = self._new(job.kind, domain, None, by, job)
        with self.database.write() as session:
            self._take_turns(session)
            other = self._active(session, made.slot)
            if other is None:
                session.add(made)
                return _run(made)
            same = (other.wanted, other.requested_by) == (made.wanted, by)
            if other.state == "running" or not same:
                raise _busy(other)
            return _run(other)

    def begin(
        self, kind: Kind, domain: str, source: SourceInfo | None, by: str, worker: str
    ) -> Run:
        """A run that the caller does at once. Raises Conflict while the source is worked on."""
        with self.database.write() as session:
            self._take_turns(session)
            row = self._new(kind, domain, source, by)
            other = self._active(session, row.slot) or self._active(session, slot_of(domain))
            if other is not None:
                raise _busy(other)
            self._start(row, worker)
            session.add(row)
            return _run(row)

    def cancel(self, run_id: str) -> Run:
        """Let it end soon: at once when nobody works on it. One that has ended stays as it is."""
        with self.database.write() as session:
            self._take_turns(session)
            row = self._get(session, run_id, lock=True)
            if row.state == "queued":
                self._end(row, "cancelled")
            elif row.state == "running":
                row.cancelling = True
            return _run(row)

    # --- looking ---

    def get(self, run_id: str) -> Run:
        with self.database.read() as session:
            return _run(self._get(session, run_id))

    def history(
        self,
        domain: str,
        source_id: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> list[Run]:
        """The latest runs of a domain or of a source, newest first; those after the one named.

        Raises InvalidInput where that one is none of the domain's, or is no longer kept.
        """
        statement = select(RunRow).where(RunRow.domain == domain)
        if source_id is not None:
            statement = statement.where(RunRow.source_id == source_id)
        statement = statement.order_by(RunRow.requested_at.desc(), RunRow.id).limit(limit)
        with self.database.read() as session:
            if after is not None:
                last = session.get(RunRow, after)
                if last is None or last.domain != domain:
                    raise InvalidInput(f"The list has no run '{after}' to go on after.")
                same = and_(RunRow.requested_at == last.requested_at, RunRow.id > last.id)
                statement = statement.where(or_(RunRow.requested_at < last.requested_at, same))
            return [_run(row) for row in session.scalars(statement)]

    def jobs(self, domain: str, kind: Kind, limit: int = 20, slots: str = "") -> list[Run]:
        """The latest of one kind, newest first; with `slots`, of slots that begin like that."""
        statement = (
            select(RunRow)
            .where(RunRow.domain == domain, RunRow.kind == kind)
            .where(RunRow.slot.startswith(slots, autoescape=True))
            .order_by(RunRow.requested_at.desc(), RunRow.id)
            .limit(limit)
        )
        with self.database.read() as session:
            return [_run(row) for row in session.scalars(statement)]

    def held(self) -> list[Held]:
        """Every run that a worker holds."""
        with self.database.read() as session:
            rows = session.scalars(select(RunRow).where(RunRow.state == "running"))
            return [Held(id=r.id, fence=r.fence, worker=r.worker, beats=r.beats) for r in rows]

    # --- working ---

    def claim(self, worker: str, run_id: str | None = None) -> Run | None:
        """The run that has waited longest and may start now, or that one; None if there is none."""
        wanted = [RunRow.state == "queued"] if run_id is None else [RunRow.id == run_id]
        statement = select(RunRow).where(*wanted).order_by(RunRow.requested_at, RunRow.id)
        with self.database.read() as session:
            if session.scalar(select(statement.exists())) is not True:
                return None
        with self.database.write() as session:
            self._take_turns(session)
            for row in session.scalars(statement).all():
                if row.state == "queued" and self._may_start(session, row):
                    self._start(row, worker)
                    return _run(row)
        return None

    def beat(self, run: Run, progress: RunProgress) -> Word:
        """Tell that the work goes on, and hear whether it should."""
        with self.database.write() as session:
            row = session.scalar(
                update(RunRow)
                .where(*_mine(run))
                .values(
                    beats=RunRow.beats + 1, heartbeat_at=self.now(), progress=progress.model_dump()
                )
                .returning(RunRow.cancelling)
            )
            return "lost" if row is None else "stop" if row else "go on"

    def finish(
        self,
        run: Run,
        state: Literal["succeeded", "failed", "cancelled"],
        *,
        progress: RunProgress,
        report: Mapping[str, Any] | None = None,
        error: RunError | None = None,
    ) -> bool:
        """The work has stopped: the slot is free. Nothing happens, and it is not true, where
        another took the run."""
        with self.database.write() as session:
            row = session.scalar(select(RunRow).where(*_mine(run)).with_for_update())
            if row is not None:
                row.progress, row.report = progress.model_dump(), dict(report or {})
                self._end(row, state, error)
            old = self.now() - timedelta(days=KEEP_DAYS)
            session.execute(delete(RunRow).where(RunRow.ended_at < old))
            return row is not None

    def give_back(self, run: Run) -> bool:
        """Its worker ends in good order: another goes on with it, if it can. As `finish`."""
        with self.database.write() as session:
            row = session.scalar(select(RunRow).where(*_mine(run)).with_for_update())
            if row is not None:
                self._again(row)
            return row is not None

    def take_back(self, held: Held) -> None:
        """Its worker is gone: another goes on with it, unless too many died of it.

        If the worker is not gone after all, it writes nothing from now on.
        """
        lost = select(RunRow).where(*_mine(held), RunRow.beats == held.beats)
        with self.database.write() as session:
            self._take_turns(session)
            if not self.database.sqlite and session.scalar(select(lost.exists())):
                # Put to sleep while it was sending, it counts as busy: no time limit ends that.
                session.execute(_END_SESSIONS, {"space": GUARDED, "run": held.id})
            row = session.scalar(lost.with_for_update())
            if row is None:
                return
            row.lost += 1
            if row.lost < MAX_LOST:
                self._again(row)
                return
            why = f"{row.lost} workers were lost over it, the last was {row.worker}."
            self._end(
                row, "failed", RunError(code="lost", message=why, hint="See what they logged.")
            )

    def end_all(self, why: RunError) -> None:
        """Nothing that was under way goes on; for when no worker can be at it."""
        with self.database.write() as session:
            self._take_turns(session)
            for row in session.scalars(select(RunRow).where(_ACTIVE)):
                self._end(row, "cancelled", why)

    def guard(self, run: Run) -> Guard:
        """Refuses a transaction with Superseded unless the run is still this worker's.

        Until the transaction ends the run cannot be ended or taken over.
        """
        statement = select(RunRow.id).where(*_mine(run)).with_for_update(read=True)
        if not self.database.sqlite:
            statement = statement.add_columns(
                func.pg_advisory_xact_lock_shared(GUARDED, func.hashtext(run.id))
            )

        def check(session: Session) -> None:
            if session.scalar(statement) is None:
                raise Superseded(f"The run {run.id} is no longer this worker's.")

        return check

    # --- schedules ---

    def plan(self, due: Due) -> None:
        """Ask for a run of every source whose schedule says so, and set when the next is due.

        However long nobody looked, one is asked for; none while the one before goes on.
        """
        statement = select(SourceRow).where(
            SourceRow.due_at <= self.now(), SourceRow.removed_at.is_(None)
        )
        with self.database.read() as session:
            if session.scalar(select(statement.exists())) is not True:
                return
        with self.database.write() as session:
            self._take_turns(session)
            for row in session.scalars(statement.with_for_update()).all():
                schedule = Schedule.model_validate(row.schedule)
                row.due_at = due(schedule, self.now())
                made = self._new("sync", row.domain, row, SCHEDULE)
                if not row.paused and self._active(session, made.slot) is None:
                    session.add(made)

    # --- rows ---

    def _take_turns(self, session: Session) -> None:
        """Who gets a slot is decided by one transaction at a time; on SQLite all writes are so."""
        if not self.database.sqlite:
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CLAIMING})

    def _get(self, session: Session, run_id: str, *, lock: bool = False) -> RunRow:
        row = session.get(RunRow, run_id, with_for_update=lock or None)
        if row is None:
            raise NotFound("There is no such run.", hint="See: rag runs.")
        return row

    def _active(self, session: Session, slot: str) -> RunRow | None:
        """The run that holds a slot."""
        return session.scalar(select(RunRow).where(RunRow.slot == slot, _ACTIVE))

    def _may_start(self, session: Session, row: RunRow) -> bool:
        """A domain is rebuilt alone, and the first sync makes the generation for the others; one
        library at a time takes in an export, as a trainer fills a machine.

        What has become pointless while it waited ends here.
        """
        going = select(RunRow.id).where(RunRow.state == "running").limit(1)
        if row.kind == "build":
            return True
        if row.kind == "verify":
            return session.scalar(going.where(RunRow.kind == "verify")) is None
        running = session.scalar(going.where(RunRow.domain == row.domain, _OF_THE_INDEX))
        if row.source_id is None:
            return running is None
        source = session.get_one(SourceRow, row.source_id)
        if source.removed_at is not None:
            why = RunError(code=NotFound.code, message=f"The source '{row.source}' was removed.")
            self._end(row, "cancelled", why)
            return False
        if source.paused:
            why = RunError(code=Conflict.code, message=f"The source '{row.source}' is paused.")
            self._end(row, "cancelled", why)
            return False
        if self._active(session, slot_of(row.domain)) is not None:
            return False
        live = select(GenerationRow.id).where(
            GenerationRow.domain == row.domain, GenerationRow.state == "live"
        )
        return running is None or session.scalar(live.limit(1)) is not None

    def _new(
        self,
        kind: Kind,
        domain: str,
        source: SourceInfo | SourceRow | None,
        by: str,
        job: Job | None = None,
    ) -> RunRow:
        return RunRow(
            id=str(uuid4()),
            kind=kind,
            slot=job.slot if job else slot_of(domain, source.id if source else None),
            wanted=dict(job.wanted) if job else {},
            domain=domain,
            source=source.name if source else "",
            source_id=source.id if source else None,
            state="queued",
            cancelling=False,
            requested_by=by,
            requested_at=self.now(),
            started_at=None,
            ended_at=None,
            worker="",
            heartbeat_at=None,
            beats=0,
            fence=0,
            lost=0,
            progress={},
            report={},
            error=None,
        )

    def _start(self, row: RunRow, worker: str) -> None:
        now = self.now()
        row.state, row.worker, row.fence = "running", worker, row.fence + 1
        row.started_at, row.heartbeat_at = row.started_at or now, now

    def _again(self, row: RunRow) -> None:
        """Let another worker begin it anew; only its caller knows how to do a change."""
        if row.cancelling:
            self._end(row, "cancelled")
        elif row.kind == "change":
            why = f"The worker of run {row.id} was lost, or left before it was done."
            self._end(
                row,
                "cancelled",
                RunError(code=Superseded.code, message=why, hint="Ask for it again."),
            )
        else:
            row.state, row.worker, row.beats = "queued", "", 0

    def _end(self, row: RunRow, state: str, error: RunError | None = None) -> None:
        row.state, row.cancelling, row.ended_at = state, False, self.now()
        row.error = error.model_dump() if error else None
        session = object_session(row)
        if row.kind == "sync" and session is not None:
            told = _run(row).model_dump(
                mode="json",
                include={
                    "id",
                    "domain",
                    "source",
                    "source_id",
                    "state",
                    "ended_at",
                    "report",
                    "error",
                },
            )
            self._announce(session, "sync.done", told)


def slot_of(domain: str, source_id: str | None = None) -> str:
    """What only one run at a time works on: a source, or the index of a domain."""
    return f"source:{source_id}" if source_id else f"domain:{domain}"


def _mine(run: Run | Held) -> tuple[ColumnElement[bool], ...]:
    """The run in the hands of whoever claimed it with this fence."""
    return RunRow.id == run.id, RunRow.fence == run.fence, RunRow.state == "running"


def _busy(row: RunRow) -> Conflict:
    named = row.source or row.wanted.get("dataset")
    what = f"'{named}'" if named else f"The domain '{row.domain}'"
    return Conflict(
        f"{what} is being worked on by run {row.id} ({row.kind}, {row.state}).",
        hint=f"Wait for its end, or stop it: rag run cancel {row.id}.",
    )


def _run(row: RunRow) -> Run:
    return Run(
        id=row.id,
        kind=row.kind,  # pyright: ignore[reportArgumentType]
        domain=row.domain,
        source=row.source,
        source_id=row.source_id,
        state=row.state,  # pyright: ignore[reportArgumentType]
        cancelling=row.cancelling,
        wanted=row.wanted,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        worker=row.worker,
        heartbeat_at=row.heartbeat_at,
        fence=row.fence,
        progress=RunProgress.model_validate(row.progress),
        report=row.report,
        error=RunError.model_validate(row.error) if row.error else None,
    )
