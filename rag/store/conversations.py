"""Conversations: whose they are, what they are called, what was asked in them and who may look.

What was answered is in the traces, whose `thread_id` is the conversation's id. A conversation that
is deleted takes them along, but for those that somebody rated: a verdict needs what it is about.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session

from rag.conversations import LONGEST_TITLE, Conversation
from rag.errors import InvalidInput, NotFound
from rag.store.accounts import TOKEN_BYTES, digest
from rag.store.database import Database, says
from rag.store.erasures import record
from rag.store.models import ConversationRow, FeedbackRow, TraceRow, TurnRow
from rag.types import Data

BATCH = 500
TITLE = 80
"""Characters that a title takes from the first question."""
_CURSOR = re.compile(r"(\d{1,18})-([0-9a-f-]{36})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Turn(Data):
    """A question asked in a conversation, and the trace that tells, or will, what came of it."""

    n: int
    trace_id: str
    question: str
    asked_at: datetime


class Shared(Data):
    """A conversation that a link leads to, and whose it is."""

    conversation: Conversation
    owner: str


class Conversations:
    """Every method is one transaction. Another's conversation is NotFound, as if it never was."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database = database
        self.now = now

    def begin(self, owner: str, domain: str, title: str = "") -> Conversation:
        """An empty one; without a title its first question gives it one. Raises InvalidInput."""
        now = self.now()
        row = ConversationRow(
            id=str(uuid4()),
            owner=owner,
            domain=domain,
            title=checked_title(title) if title else "",
            created_at=now,
            updated_at=now,
        )
        with self.database.write() as session:
            session.add(row)
        return _conversation(row, 0)

    def page(
        self, owner: str, domain: str, *, search: str = "", limit: int, after: str | None = None
    ) -> list[Conversation]:
        """One's own in a domain, the one used last first; those after the one with that cursor.

        `search` is found in titles and questions, as it is written but for small and big letters.
        Raises InvalidInput for what is no cursor.
        """
        row = ConversationRow
        statement = _counted().where(row.owner == owner, row.domain == domain)
        if after is not None:
            statement = statement.where(tuple_(row.updated_at, row.id) < _place(after))
        if search:
            asked = exists().where(
                TurnRow.conversation_id == row.id, says(TurnRow.question, search)
            )
            statement = statement.where(or_(says(row.title, search), asked))
        statement = statement.order_by(row.updated_at.desc(), row.id.desc()).limit(limit)
        with self.database.read() as session:
            return [_conversation(*found) for found in session.execute(statement).tuples()]

    def get(self, owner: str, conversation_id: str) -> Conversation:
        """Raises NotFound."""
        with self.database.read() as session:
            found = (
                session.execute(
                    _counted().where(
                        ConversationRow.id == conversation_id, ConversationRow.owner == owner
                    )
                )
                .tuples()
                .first()
            )
        if found is None:
            raise _none(conversation_id)
        return _conversation(*found)

    def turns(self, conversation_id: str, *, after: int = 0, limit: int) -> list[Turn]:
        """In order, those after the one with that number."""
        return self._turns(
            select(TurnRow)
            .where(TurnRow.conversation_id == conversation_id, TurnRow.n > after)
            .order_by(TurnRow.n)
            .limit(limit)
        )

    def latest(self, conversation_id: str, limit: int, before: int | None = None) -> list[Turn]:
        """The last ones, in order; the last `before` the one with that number."""
        statement = select(TurnRow).where(TurnRow.conversation_id == conversation_id)
        if before is not None:
            statement = statement.where(TurnRow.n < before)
        return self._turns(statement.order_by(TurnRow.n.desc()).limit(limit))[::-1]

    def ask(self, owner: str, conversation_id: str, question: str, trace_id: str) -> int:
        """Note that something is asked now, before it is answered. Returns its number.

        Whatever is asked at once is numbered one after the other. Raises NotFound.
        """
        with self.database.write() as session:
            row = _own(session, owner, conversation_id)
            last = session.scalar(
                select(func.max(TurnRow.n)).where(TurnRow.conversation_id == conversation_id)
            )
            n, now = (last or 0) + 1, self.now()
            session.add(
                TurnRow(
                    conversation_id=conversation_id,
                    n=n,
                    trace_id=trace_id,
                    question=question,
                    asked_at=now,
                )
            )
            row.title = row.title or title_of(question)
            # Clocks of two machines differ; a conversation does not become older by a question.
            row.updated_at = max(now, row.updated_at)
            return n

    def choose(self, owner: str, conversation_id: str, n: int, trace_id: str) -> None:
        """Let a turn have the other of two answers to it. Raises NotFound."""
        with self.database.write() as session:
            _own(session, owner, conversation_id)
            turn = session.get(TurnRow, (conversation_id, n))
            two = session.scalars(
                select(TraceRow).where(
                    TraceRow.thread_id == conversation_id,
                    TraceRow.id.in_([trace_id, turn.trace_id if turn else ""]),
                )
            ).all()
            siblings = {one.id for one in two} & {other for one in two for other in one.sibling_ids}
            if turn is None or (trace_id != turn.trace_id and not (len(two) == 2 and siblings)):
                raise NotFound("The question has no such second answer.")
            turn.trace_id = trace_id

    def rename(self, owner: str, conversation_id: str, title: str) -> Conversation:
        """Raises NotFound, InvalidInput."""
        checked = checked_title(title)
        with self.database.write() as session:
            _own(session, owner, conversation_id).title = checked
        return self.get(owner, conversation_id)

    def delete(self, owner: str, conversation_id: str) -> None:
        """Gone for the next request, whoever has its link. Raises NotFound."""
        with self.database.write() as session:
            _own(session, owner, conversation_id)
            forget(session, ConversationRow.id == conversation_id, self.now())

    # --- sharing ---

    def share(self, owner: str, conversation_id: str) -> str:
        """The token of its link; the link before, if there is one, leads nowhere from now on."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self.database.write() as session:
            row = _own(session, owner, conversation_id)
            row.share_digest, row.shared_at = digest(token), self.now()
        return token

    def unshare(self, owner: str, conversation_id: str) -> bool:
        """The link leads nowhere from now on; whether there was one. Raises NotFound."""
        with self.database.write() as session:
            row = _own(session, owner, conversation_id)
            was = row.share_digest is not None
            row.share_digest = row.shared_at = None
        return was

    def shared(self, token: str) -> Shared:
        """What a link leads to. Raises NotFound."""
        with self.database.read() as session:
            found = (
                session.execute(_counted().where(ConversationRow.share_digest == digest(token)))
                .tuples()
                .first()
            )
        if found is None:
            raise NotFound("This link leads to no conversation.", hint="Ask for a new one.")
        row, turns = found
        return Shared(conversation=_conversation(row, turns), owner=row.owner)

    def _turns(self, statement: Select[tuple[TurnRow]]) -> list[Turn]:
        with self.database.read() as session:
            return [
                Turn(n=row.n, trace_id=row.trace_id, question=row.question, asked_at=row.asked_at)
                for row in session.scalars(statement)
            ]


# --- forgetting -----------------------------------------------------------------------------------


def unused_since(at: datetime) -> ColumnElement[bool]:
    """Every conversation in which nothing was asked since then, to be forgotten."""
    return ConversationRow.updated_at < at


def forget(session: Session, which: ColumnElement[bool], at: datetime) -> int:
    """Delete conversations with what was answered in them and nobody rated. Returns how many.

    Listed among the erasures, so that a restored backup forgets them too.
    """
    ids = session.scalars(select(ConversationRow.id).where(which)).all()
    record(session, "conversation", ids, at)
    drop(session, ids)
    return len(ids)


def drop(session: Session, ids: Sequence[str]) -> None:
    """Delete them without a word of it."""
    rated = exists().where(
        or_(FeedbackRow.trace_id == TraceRow.id, FeedbackRow.other_trace_id == TraceRow.id)
    )
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        # First the conversation: an answer that is being saved to it is waited for.
        session.execute(delete(ConversationRow).where(ConversationRow.id.in_(some)))
        session.execute(delete(TraceRow).where(TraceRow.thread_id.in_(some), ~rated))


# --- words --------------------------------------------------------------------------------------


def checked_title(title: str) -> str:
    """The title, if it can be one: a line that shows something. Raises InvalidInput."""
    title = title.strip()
    if not title or not title.isprintable() or len(title) > LONGEST_TITLE:
        raise InvalidInput(
            f"{title[:60]!r} cannot be a title.",
            hint=f"A title is one line of at most {LONGEST_TITLE} characters.",
        )
    return title


def title_of(question: str) -> str:
    """The beginning of a question, in one line."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in question).split())
    return line if len(line) <= TITLE else f"{line[: TITLE - 1].rstrip()}…"


def cursor(conversation: Conversation) -> str:
    """Where a list went to, for `page` to go on after."""
    micros = (conversation.updated_at - _EPOCH) // timedelta(microseconds=1)
    return f"{micros}-{conversation.id}"


def _place(cursor: str) -> tuple[datetime, str]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidInput("This is no cursor of a list of conversations.")
    try:
        return _EPOCH + timedelta(microseconds=int(match[1])), match[2]
    except OverflowError as error:
        raise InvalidInput("This is no cursor of a list of conversations.") from error


def _counted() -> Select[tuple[ConversationRow, int]]:
    """Conversations, each with how much was asked in it."""
    turns = (
        select(func.count())
        .select_from(TurnRow)
        .where(TurnRow.conversation_id == ConversationRow.id)
        .scalar_subquery()
    )
    return select(ConversationRow, turns)


def _own(session: Session, owner: str, conversation_id: str) -> ConversationRow:
    """Locked until the transaction ends, so that those who change it take turns."""
    row = session.get(ConversationRow, conversation_id, with_for_update=True)
    if row is None or row.owner != owner:
        raise _none(conversation_id)
    return row


def _conversation(row: ConversationRow, turns: int) -> Conversation:
    return Conversation(
        id=row.id,
        domain=row.domain,
        title=row.title,
        created_at=row.created_at,
        updated_at=row.updated_at,
        turns=turns,
        shared_at=row.shared_at,
    )


def _none(conversation_id: str) -> NotFound:
    return NotFound(f"There is no conversation '{conversation_id}'.")
