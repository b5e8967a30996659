"""What looks odd about a verdict, noted when it is given: many at once, one text again and again,
one question again and again, one person against all. A flag is a hint for reviewers and changes
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import BindParameter, bindparam, delete, exists, insert, select
from sqlalchemy.orm import Session

from rag.store.database import Columns, fetched_all
from rag.store.learning import FlagRow, QuestionRow
from rag.store.models import FeedbackRow, table_of
from rag.types import Data

FlagKind = Literal["burst", "alike", "again", "against"]
BURST = 20
"""Verdicts of one person within `AROUND` that are a burst."""
AROUND = timedelta(minutes=5)
ALIKE = 5
"""Comments of one person that say nearly the same."""
AGAIN = 5
"""Answers to much the same question that one person judged."""
OTHERS = 3
"""People who say of an answer the opposite of what one does."""
RECENT = 100
"""A person's last verdicts, which a new one is compared with."""
MOST_VOTES = 200
"""The last verdicts on one answer, which are compared."""
SAME = 0.8
"""Share of the words of two comments that both have."""
FEWEST_WORDS = 3
"""What is shorter says the same by chance."""


class Flag(Data):
    """Why a verdict looks odd, and at least how many there are of what makes it so."""

    kind: FlagKind
    count: int


_F, _Q, _G = table_of(FeedbackRow), table_of(QuestionRow), table_of(FlagRow)
_LATER = _F.alias("later")
_ACTOR: BindParameter[str] = bindparam("actor")
_RECENT = (
    select(_F.c.id, _F.c.at, _F.c.comment, _F.c.trace_id)
    .where(_F.c.actor_pseudonym == _ACTOR, _F.c.explicit, _F.c.signal != "retract")
    .order_by(_F.c.at.desc())
    .limit(RECENT)
)
_VOTES = (
    select(_F.c.id, _F.c.actor_pseudonym, _F.c.value)
    .where(
        _F.c.unit == bindparam("unit"),
        _F.c.value.is_not(None),
        _F.c.value != 0,
        ~exists().where(
            _LATER.c.actor_pseudonym == _F.c.actor_pseudonym,
            _LATER.c.subject == _F.c.subject,
            _LATER.c.revision > _F.c.revision,
        ),
    )
    .order_by(_F.c.at.desc(), _F.c.id)
    .limit(MOST_VOTES)
)
_KNOWN = select(_G.c.feedback_id).where(
    _G.c.kind == bindparam("kind"), _G.c.feedback_id.in_(bindparam("ids", expanding=True))
)
_PLACES = select(_F.c.id, _F.c.at).where(_F.c.id.in_(bindparam("ids", expanding=True)))
_FORGET = delete(_G).where(
    _G.c.kind == "against", _G.c.feedback_id.in_(bindparam("ids", expanding=True))
)
_ADD = insert(_G)


def flag(session: Session, event: Mapping[str, Any], cluster: str | None) -> None:
    """Note what looks odd about an event that was just added, within the caller's transaction."""
    recent = fetched_all(session, _RECENT, actor=event["actor_pseudonym"])
    domain = event["domain"]
    burst = [row["id"] for row in recent if row["at"] > event["at"] - AROUND]
    _note(session, domain, "burst", burst, BURST)
    said = words(event["comment"])
    if len(said) >= FEWEST_WORDS:
        like = [row["id"] for row in recent if alike(said, words(row["comment"]))]
        _note(session, domain, "alike", like, ALIKE)
    if cluster is not None:
        again = _same_question(session, cluster, recent)
        if len({row["trace_id"] for row in again}) >= AGAIN:
            _note(session, domain, "again", [row["id"] for row in again], AGAIN)
    if event["unit"] and event["value"]:
        _compare(session, domain, event["unit"])


def _same_question(session: Session, cluster: str, recent: Sequence[Columns]) -> Sequence[Columns]:
    statement = select(_Q.c.trace_id).where(
        _Q.c.cluster_id == cluster, _Q.c.trace_id.in_({row["trace_id"] for row in recent})
    )
    same = set(session.scalars(statement))
    return [row for row in recent if row["trace_id"] in same]


def _compare(session: Session, domain: str, unit: str) -> None:
    """Who is alone with an opinion is known of all its verdicts, or of none."""
    votes = fetched_all(session, _VOTES, unit=unit)
    # The last that each said of it.
    sides = {row["actor_pseudonym"]: row["value"] > 0 for row in reversed(votes)}
    alone: list[str] = []
    for side in (True, False):
        mine = [actor for actor, said in sides.items() if said is side]
        if len(mine) == 1 and len(sides) - 1 >= OTHERS:
            alone = [row["id"] for row in votes if row["actor_pseudonym"] == mine[0]]
    if others := [row["id"] for row in votes if row["id"] not in alone]:
        session.execute(_FORGET, {"ids": others})
    _note(session, domain, "against", alone, 1, len(sides) - 1)


def _note(
    session: Session,
    domain: str,
    kind: FlagKind,
    ids: Collection[str],
    least: int,
    count: int | None = None,
) -> None:
    """Flag these, if they are enough; one that is flagged stays as it was."""
    if len(ids) < least:
        return
    known = set(session.scalars(_KNOWN, {"kind": kind, "ids": list(ids)}))
    fresh = [one for one in ids if one not in known]
    if not fresh:
        return
    places = fetched_all(session, _PLACES, ids=fresh)
    counted = len(ids) if count is None else count
    more = {"kind": kind, "domain": domain, "count": counted}
    session.execute(_ADD, [{**more, "feedback_id": row["id"], "at": row["at"]} for row in places])


def words(comment: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", comment.casefold()))


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two comments have most of their words in common."""
    return bool(other) and len(one & other) >= SAME * len(one | other)


def flags_of(session: Session, feedback_ids: Collection[str]) -> dict[str, tuple[Flag, ...]]:
    """Of those that have any."""
    statement = (
        select(FlagRow.feedback_id, FlagRow.kind, FlagRow.count)
        .where(FlagRow.feedback_id.in_(feedback_ids))
        .order_by(FlagRow.feedback_id, FlagRow.kind)
    )
    found: dict[str, tuple[Flag, ...]] = {}
    for feedback_id, kind, count in session.execute(statement).tuples():
        one = Flag.model_validate({"kind": kind, "count": count})
        found[feedback_id] = (*found.get(feedback_id, ()), one)
    return found
