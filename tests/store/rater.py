"""Rates until it is killed: `python -m tests.store.rater URL NAME`, a line per acknowledgement."""

from __future__ import annotations

import sys

from rag.feedback import Feedback, Rated, Verdict
from rag.store.database import Database
from rag.store.feedback import Draft, FeedbackLog
from rag.types import utc_now

TRACE = "trace"


def add(log: FeedbackLog, actor: str, part: int, value: int, key: str | None = None) -> Feedback:
    """A thumb for one citation of one answer."""
    draft = Draft(
        trace_id=TRACE,
        domain="test",
        subject=f"{TRACE} citation {part}",
        surface="api",
        rater="user",
        target=Rated(kind="citation", n=part),
        verdict=Verdict(value=value),
    )
    digest = f"{part} {value}"
    return log.add(actor, draft, key=key, digest=digest, per_minute=10**9)


def main(url: str, name: str) -> None:
    log = FeedbackLog(Database(url), utc_now)
    for n in range(100_000):
        made = add(log, "anna", n % 3 + 1, 1 if n % 2 else -1, f"{name} {n}")
        sys.stdout.write(f"{made.id}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
