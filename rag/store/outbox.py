"""What webhooks are still to be told: written with what happened, kept until it was taken.

Every delivery is tried at least once, by whichever process is first; what a receiver sees twice has
the same id.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from rag.store.database import Database
from rag.store.models import DeliveryRow
from rag.types import Data

FIRST_S = 5
FACTOR = 4
LONGEST_S = 6 * 3600
MAX_ATTEMPTS = 12
"""Then it is given up: about a day and a half after what it tells."""
LEASE = timedelta(seconds=60)
"""How long nobody else tries what one process is trying; longer than a try takes."""
KEEP = timedelta(days=30)


class Delivery(Data):
    """One event for one webhook; `body` is sent as it is."""

    id: str
    webhook: str
    body: str
    attempts: int


class Outbox:
    """Every method but `announce` is one transaction."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        subscribed: Mapping[str, Collection[str]],
        rng: random.Random | None = None,
    ) -> None:
        """`subscribed`: the events that each webhook is told."""
        self.database = database
        self.now = now
        self._subscribed = subscribed
        self._rng = rng or random.Random()

    def announce(self, session: Session, event: str, data: Mapping[str, Any]) -> None:
        """Tell every webhook that wants to know, if this transaction commits."""
        now = self.now()
        for webhook, events in self._subscribed.items():
            if event in events:
                body = {"type": event, "timestamp": now.isoformat(), "data": data}
                session.add(
                    DeliveryRow(
                        id=str(uuid4()),
                        webhook=webhook,
                        body=json.dumps(body, ensure_ascii=False),
                        created_at=now,
                        state="waiting",
                        attempts=0,
                        due_at=now,
                        told="",
                    )
                )

    def claim(self, limit: int) -> list[Delivery]:
        """What is due, for this process to try now."""
        now = self.now()
        due = (
            select(DeliveryRow)
            .where(
                DeliveryRow.state == "waiting",
                DeliveryRow.due_at <= now,
                DeliveryRow.webhook.in_(self._subscribed),
            )
            .order_by(DeliveryRow.due_at, DeliveryRow.id)
            .limit(limit)
        )
        with self.database.read() as session:
            if session.scalar(select(due.exists())) is not True:
                return []
        with self.database.write() as session:
            rows = session.scalars(due.with_for_update(skip_locked=True)).all()
            for row in rows:
                row.attempts, row.due_at = row.attempts + 1, now + LEASE
            return [
                Delivery(id=row.id, webhook=row.webhook, body=row.body, attempts=row.attempts)
                for row in rows
            ]

    def done(self, delivery: Delivery) -> None:
        """It was taken."""
        with self.database.write() as session:
            session.execute(update(DeliveryRow).where(*_tried(delivery)).values(state="delivered"))
            session.execute(delete(DeliveryRow).where(DeliveryRow.created_at < self.now() - KEEP))

    def failed(self, delivery: Delivery, told: str) -> bool:
        """It was not taken: tried again later, or given up, which is then true."""
        lost = delivery.attempts >= MAX_ATTEMPTS
        wait = min(FIRST_S * FACTOR ** (delivery.attempts - 1), LONGEST_S)
        # Not all at once, when a receiver is back for which many wait.
        later = self.now() + timedelta(seconds=wait * self._rng.uniform(0.8, 1.2))
        state = "failed" if lost else "waiting"
        with self.database.write() as session:
            session.execute(
                update(DeliveryRow)
                .where(*_tried(delivery))
                .values(state=state, due_at=later, told=told[:500])
            )
        return lost

    def counts(self) -> dict[str, dict[str, int]]:
        """How many deliveries of each webhook wait, were taken and were given up."""
        statement = select(DeliveryRow.webhook, DeliveryRow.state, func.count()).group_by(
            DeliveryRow.webhook, DeliveryRow.state
        )
        found: dict[str, dict[str, int]] = {name: {} for name in self._subscribed}
        with self.database.read() as session:
            for webhook, state, count in session.execute(statement):
                if webhook in found:
                    found[webhook][state] = count
        return found

    def last_failure(self, webhook: str) -> str:
        """Why the latest try that failed did."""
        statement = (
            select(DeliveryRow.told)
            .where(DeliveryRow.webhook == webhook, DeliveryRow.told != "")
            .order_by(DeliveryRow.due_at.desc())
            .limit(1)
        )
        with self.database.read() as session:
            return session.scalar(statement) or ""


def call_off(session: Session, told: str) -> None:
    """Nothing that waits is delivered any more."""
    session.execute(
        update(DeliveryRow).where(DeliveryRow.state == "waiting").values(state="failed", told=told)
    )


def _tried(delivery: Delivery) -> Sequence[Any]:
    """The delivery, unless another process has tried it since."""
    return (
        DeliveryRow.id == delivery.id,
        DeliveryRow.attempts == delivery.attempts,
        DeliveryRow.state == "waiting",
    )
