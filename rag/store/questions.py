"""Which questions ask much the same: each falls into a cluster when it is asked, and stays there.

Two are near where the cosine of their vectors is above `NEAR`. Close ones are found by signatures,
a bit for each of 256 planes that says on which side of it a vector is (Charikar, "Similarity
estimation techniques from rounding algorithms", 2002), 32 bytes of memory for each question; the
vectors of the few that look close are then compared as they are.

Vectors of two encoders cannot be compared. What was asked before the encoder changed is seen again
by the new one, in batches, and stays in the cluster it was in; until then equal words find it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, exists, func, insert, select, text
from sqlalchemy.orm import Session

from rag.store.database import Database
from rag.store.learning import QuestionLinkRow, QuestionRow, QuestionVectorRow
from rag.store.models import TraceRow, table_of

NEAR = 0.8
BITS = 256
FURTHEST = 78
"""Bits in which two questions may differ that are compared at all. At cosine .8 they differ in 52.5
on average with a standard deviation of 6.5, so that one pair of 25,000 is missed."""
MOST_COMPARED = 256
"""Of those that look close, the closest."""
TAKING_TURNS = 0x7A7C4E73

_QUESTIONS = table_of(QuestionRow)
_AGAIN = table_of(QuestionVectorRow)
_LINKS = table_of(QuestionLinkRow)
_TRACES = table_of(TraceRow)
SEEN_AT_ONCE = 100
Floats = NDArray[np.float32]


class Asked(NamedTuple):
    """A question that was asked when there was another encoder."""

    n: int
    trace_id: str
    cluster: str
    digest: str
    text: str


class Questions:
    """The clusters of every domain. Signatures are kept in memory, in the order of asking."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._lock = Lock()
        self._known: dict[tuple[str, str, str], _Signatures] = {}

    def assign(
        self,
        session: Session,
        *,
        trace_id: str,
        domain: str,
        embedder: str,
        question: str,
        vector: Sequence[float],
        at: datetime,
    ) -> str:
        """The cluster of a question that was just asked, within the caller's transaction.

        It is that of the oldest question that has the same words or is near; where several clusters
        are near they are linked from now on. Otherwise it begins one, named as its trace.
        """
        self._take_turns(session, domain)
        digest = _digest(question)
        unit = normalized(np.asarray(vector, dtype=np.float32))
        found = {
            *session.scalars(
                select(_QUESTIONS.c.cluster_id)
                .where(_QUESTIONS.c.domain == domain, _QUESTIONS.c.digest == digest)
                .distinct()
            ),
            *self._near(session, _QUESTIONS, domain, embedder, unit),
            *self._near(session, _AGAIN, domain, embedder, unit),
        }
        clusters = _by_age(session, found)
        cluster = clusters[0] if clusters else trace_id
        self._link(session, domain, clusters, at)
        session.execute(
            insert(_QUESTIONS).values(
                trace_id=trace_id,
                domain=domain,
                cluster_id=cluster,
                embedder_rev=embedder,
                digest=digest,
                signature=signed(unit).tobytes(),
                vector=unit.astype(np.float16).tobytes(),
            )
        )
        return cluster

    # --- another encoder ---

    def domains(self) -> list[str]:
        """Those in which something was asked."""
        with self.database.read() as session:
            return list(session.scalars(select(_QUESTIONS.c.domain).distinct().order_by("domain")))

    def unseen(self, domain: str, embedder: str, after: int = 0) -> list[Asked]:
        """Some of the questions that this encoder has not seen, one of each wording, from old to
        new; those after one of them."""
        q = _QUESTIONS
        statement = (
            select(q.c.n, q.c.trace_id, q.c.cluster_id, q.c.digest, _TRACES.c.query_standalone)
            .join(_TRACES, _TRACES.c.id == q.c.trace_id)
            .where(q.c.domain == domain, q.c.embedder_rev != embedder, q.c.n > after)
            .order_by(q.c.n)
            .limit(SEEN_AT_ONCE)
        )
        for table in (_QUESTIONS, _AGAIN):
            seen = table.alias()
            of = (seen.c.domain == domain, seen.c.digest == q.c.digest)
            statement = statement.where(~exists().where(*of, seen.c.embedder_rev == embedder))
        with self.database.read() as session:
            found = [Asked(*row) for row in session.execute(statement)]
        return [*{one.digest: one for one in reversed(found)}.values()][::-1]

    def see(
        self,
        domain: str,
        embedder: str,
        seen: Sequence[tuple[Asked, Sequence[float]]],
        at: datetime,
    ) -> None:
        """Keep how this encoder sees questions. They stay in their clusters, and clusters that
        began since and are near to theirs are linked to these: they would have been one."""
        with self.database.write() as session:
            self._take_turns(session, domain)
            for asked, vector in seen:
                # Of a text that is not what was asked, as after an erasure, nothing can be told.
                kept = session.scalar(
                    select(_TRACES.c.query_standalone).where(_TRACES.c.id == asked.trace_id)
                )
                if kept is None or _digest(kept) != asked.digest:
                    continue
                unit = normalized(np.asarray(vector, dtype=np.float32))
                near = self._near(session, _QUESTIONS, domain, embedder, unit)
                since = {one for one in near if _began_with(session, one, embedder)}
                self._link(session, domain, _by_age(session, {asked.cluster, *since}), at)
                session.execute(
                    insert(_AGAIN).values(
                        trace_id=asked.trace_id,
                        domain=domain,
                        cluster_id=asked.cluster,
                        embedder_rev=embedder,
                        digest=asked.digest,
                        signature=signed(unit).tobytes(),
                        vector=unit.astype(np.float16).tobytes(),
                    )
                )

    def _near(
        self, session: Session, table: Table, domain: str, embedder: str, unit: Floats
    ) -> set[str]:
        """The clusters of the questions whose vectors are near; one that is gone is in none."""
        with self._lock:
            known = self._known.setdefault((table.name, domain, embedder), _Signatures(table))
            known.read(session, domain, embedder)
            close = known.close(signed(unit))
        if not close:
            return set()
        rows = session.execute(
            select(table.c.cluster_id, table.c.vector).where(table.c.n.in_(close))
        ).all()
        return {cluster for cluster, vector in rows if float(unfolded(vector) @ unit) > NEAR}

    def _take_turns(self, session: Session, domain: str) -> None:
        """Equal questions at the same moment fall into one cluster; on SQLite writers queue."""
        if not self.database.sqlite:
            session.execute(
                text("SELECT pg_advisory_xact_lock(:turns, hashtext(:domain))"),
                {"turns": TAKING_TURNS, "domain": domain},
            )

    def _link(self, session: Session, domain: str, clusters: Sequence[str], at: datetime) -> None:
        if len(clusters) < 2:
            return
        older, *newer = clusters
        linked = {
            *session.scalars(select(_LINKS.c.newer).where(_LINKS.c.older == older)),
        }
        if fresh := [one for one in newer if one not in linked]:
            session.execute(
                insert(_LINKS),
                [{"older": older, "newer": one, "domain": domain, "at": at} for one in fresh],
            )


class _Signatures:
    """The signatures of one domain's questions by one embedder, read as far as they are kept."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._numbers: NDArray[np.int64] = np.zeros(64, dtype=np.int64)
        self._bits: NDArray[np.uint64] = np.zeros((64, BITS // 64), dtype=np.uint64)
        self._count = 0

    def read(self, session: Session, domain: str, embedder: str) -> None:
        """What was asked since, here or in another process."""
        last = int(self._numbers[self._count - 1]) if self._count else 0
        of = self._table.c
        statement = (
            select(of.n, of.signature)
            .where(of.domain == domain, of.embedder_rev == embedder, of.n > last)
            .order_by(of.n)
        )
        for n, signature in session.execute(statement).tuples():
            if self._count == len(self._numbers):
                self._numbers.resize(2 * self._count, refcheck=False)
                self._bits.resize((2 * self._count, BITS // 64), refcheck=False)
            self._numbers[self._count] = n
            self._bits[self._count] = np.frombuffer(signature, dtype=np.uint64)
            self._count += 1

    def close(self, signature: NDArray[np.uint64]) -> list[int]:
        """The numbers of those that may be near, the closest first."""
        differing = np.bitwise_count(self._bits[: self._count] ^ signature).sum(axis=1)
        found = np.flatnonzero(differing <= FURTHEST)
        order = np.argsort(differing[found], kind="stable")[:MOST_COMPARED]
        return [int(one) for one in self._numbers[: self._count][found[order]]]


def _began_with(session: Session, cluster: str, embedder: str) -> bool:
    """Whether the first question that is kept of a cluster was seen by this encoder when asked."""
    first = (
        select(_QUESTIONS.c.embedder_rev)
        .where(_QUESTIONS.c.cluster_id == cluster)
        .order_by(_QUESTIONS.c.n)
        .limit(1)
    )
    return session.scalar(first) == embedder


def _digest(question: str) -> str:
    """Equal for equal words, whatever their case."""
    folded = " ".join(question.casefold().split())
    return hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest()


def _by_age(session: Session, clusters: Iterable[str]) -> list[str]:
    """The clusters by the first question that is kept of each."""
    rows = session.execute(
        select(_QUESTIONS.c.cluster_id, func.min(_QUESTIONS.c.n))
        .where(_QUESTIONS.c.cluster_id.in_(clusters))
        .group_by(_QUESTIONS.c.cluster_id)
    )
    return [cluster for cluster, _ in sorted(rows.tuples(), key=lambda one: one[1])]


def normalized(vector: Floats) -> Floats:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def unfolded(kept: bytes) -> Floats:
    """A unit vector as it was kept."""
    return normalized(np.frombuffer(kept, dtype=np.float16).astype(np.float32))


def signed(unit: Floats) -> NDArray[np.uint64]:
    """The signature of a vector, four words."""
    above = unit @ _planes(len(unit)) > 0
    return np.packbits(above).view(np.uint64)


@cache
def _planes(dimension: int) -> Any:
    """Fixed for ever, as signatures are kept. As good as normally distributed: 32 coins each."""
    drawn = hashlib.shake_256(f"ratchet questions {dimension}".encode()).digest(
        dimension * BITS * 4
    )
    coins = np.bitwise_count(np.frombuffer(drawn, dtype=np.uint32)).reshape(dimension, BITS)
    return coins.astype(np.float32) - 16
