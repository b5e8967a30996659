"""What is live in a domain, and what was: releases follow each other and are never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from rag.candidates import KINDS, Kind, Release
from rag.errors import Conflict, NotFound
from rag.store.candidate_trials import overtaken
from rag.store.database import Database
from rag.store.generations import TO_CATCH_UP, Pair, point, require_whole
from rag.store.tuning import CandidateRow, ReleaseRow

LISTED = 200
ALL_THE_SAME = "To go back all the same: --force."


class Releases:
    """Every method is one transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def live(self, domain: str) -> Release | None:
        """What answers use; None before anything was promoted."""
        with self.database.read() as session:
            return _last(session, domain)

    def alike(self, domain: str, pointers: Mapping[Kind, str]) -> set[int]:
        """The numbers of all releases that use the same; to take one back is not a new start."""
        statement = select(ReleaseRow).where(ReleaseRow.domain == domain)
        with self.database.read() as session:
            found = {
                row.number
                for row in session.scalars(statement)
                if _release(row).pointers == pointers
            }
        return found if pointers else found | {0}

    def list(self, domain: str) -> list[Release]:
        """The latest releases, newest first."""
        statement = (
            select(ReleaseRow)
            .where(ReleaseRow.domain == domain)
            .order_by(ReleaseRow.number.desc())
            .limit(LISTED)
        )
        with self.database.read() as session:
            return [_release(row) for row in session.scalars(statement)]

    def promote(
        self, domain: str, against: int, candidate: str, report: str, by: str, why: str
    ) -> Release:
        """The next release, with the candidate in the place of what was of its kind; with an
        encoder or a chunking, its generation answers from the same moment on.

        Raises Conflict where another one is live than it was measured against, Behind where the
        generation is not up to date.
        """
        with self.database.write() as session:
            live = _last(session, domain)
            if (live.number if live else 0) != against:
                raise Conflict(
                    "Something else was promoted since it was measured.", hint="Measure it again."
                )
            kind = cast("Kind", session.get_one(CandidateRow, candidate).kind)
            session.get_one(CandidateRow, candidate).state = "promoted"
            if kind in Pair._fields:
                pair = _pair(live)._replace(**{kind: candidate})
                require_whole(session, domain, pair)
                point(session, domain, pair, self.now())
            return self._add(
                session,
                domain,
                live,
                by,
                why,
                {kind: candidate},
                candidate=candidate,
                report=report,
            )

    def roll_back(
        self, domain: str, to: int | None, by: str, why: str, *, force: bool = False
    ) -> Release:
        """The next release, with the pointers of an earlier one: of the one before unless named.

        Raises NotFound; Conflict where there is nothing before, or its index is not kept; Behind
        where that lacks documents, but not with `force`: the next sync brings them.
        """
        with self.database.write() as session:
            live, target, pointers = _back(session, domain, to)
            pair = Pair(pointers["encoder"], pointers["chunking"])
            if pair != _pair(live):
                if not force:
                    require_whole(session, domain, pair, f"{TO_CATCH_UP} {ALL_THE_SAME}")
                point(session, domain, pair, self.now())
            return self._add(session, domain, live, by, why, pointers, back_to=target)

    def back(self, domain: str, to: int | None) -> Pair | None:
        """Of which encoder and chunking the index is that a rollback leads to; raises as that. None
        where it is the one that answers."""
        with self.database.read() as session:
            live, _, pointers = _back(session, domain, to)
            pair = Pair(pointers["encoder"], pointers["chunking"])
            return pair if pair != _pair(live) else None

    def pairs(self, domain: str) -> tuple[Pair, set[Pair]]:
        """Encoder and chunking of the live release; and those, of the one that it is gone back to
        from, and of what answered before it, which is another where it was gone back to."""
        with self.database.read() as session:
            live = _last(session, domain)
            if live is None:
                return Pair(), {Pair()}
            before = {_standing(session, live) - 1, live.number - 1}
            rows = session.execute(
                select(ReleaseRow.number, ReleaseRow.encoder, ReleaseRow.chunking).where(
                    ReleaseRow.domain == domain, ReleaseRow.number.in_(before)
                )
            )
            known = {number: Pair(encoder, chunking) for number, encoder, chunking in rows}
            # Before the first one there was none.
            return _pair(live), {_pair(live), *(known.get(one, Pair()) for one in before)}

    def _add(
        self,
        session: Session,
        domain: str,
        live: Release | None,
        by: str,
        why: str,
        pointers: Mapping[Kind, str | None],
        **more: Any,
    ) -> Release:
        standing = live.pointers if live else {}
        row = ReleaseRow(
            id=str(uuid4()),
            domain=domain,
            number=(live.number if live else 0) + 1,
            made_by=by,
            made_at=self.now(),
            why=why,
            **{**standing, **pointers},
            **more,
        )
        session.add(row)
        session.flush()
        # What is tried was held against what was live until now.
        overtaken(session, domain, row.candidate, by, row.made_at)
        return _release(row)


def _pair(release: Release | None) -> Pair:
    return Pair(release.encoder, release.chunking) if release is not None else Pair()


def _back(
    session: Session, domain: str, to: int | None
) -> tuple[Release, int, dict[Kind, str | None]]:
    """What is live, the number that is gone back to, and what that used."""
    live = _last(session, domain)
    if live is None:
        raise Conflict("Nothing was promoted yet, so there is nothing to go back to.")
    target = to if to is not None else _standing(session, live) - 1
    if target < 0:
        raise Conflict("Answers use what they did before anything was promoted.")
    row = session.scalar(
        select(ReleaseRow).where(ReleaseRow.domain == domain, ReleaseRow.number == target)
    )
    if row is None and target != 0:
        raise NotFound(f"There is no release {target} in '{domain}'.")
    return live, target, {kind: getattr(row, kind) if row else None for kind in KINDS}


def _standing(session: Session, live: Release) -> int:
    """The number of the release that the live one repeats; its own where it repeats none.

    To go back twice is to go back further, never to what was gone back from.
    """
    number, back_to = live.number, live.back_to
    while back_to is not None:
        number = back_to
        back_to = session.scalar(
            select(ReleaseRow.back_to).where(
                ReleaseRow.domain == live.domain, ReleaseRow.number == number
            )
        )
    return number


def _last(session: Session, domain: str) -> Release | None:
    row = session.scalar(
        select(ReleaseRow)
        .where(ReleaseRow.domain == domain)
        .order_by(ReleaseRow.number.desc())
        .limit(1)
    )
    return _release(row) if row is not None else None


def _release(row: ReleaseRow) -> Release:
    return Release.model_validate({name: getattr(row, name) for name in Release.model_fields})
