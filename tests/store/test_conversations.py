"""Conversations on both databases: whose they are, in which order, and how they are forgotten."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Boolean, Float, Integer, String, Text, select

from rag.errors import InvalidInput, NotFound
from rag.store.conversations import (
    Conversations,
    cursor,
    title_of,
)
from rag.store.database import Database
from rag.store.erasures import unknown_to
from rag.store.models import FeedbackRow, TraceRow
from rag.store.traces import Traces
from rag.types import LOCAL, Principal

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def kept(database_url: str) -> Iterator[Conversations]:
    database = Database(database_url)
    database.migrate()
    yield Conversations(database, Clock())
    database.close()


def ask(kept: Conversations, owner: str, talk: str, question: str) -> str:
    trace_id = str(uuid4())
    kept.ask(owner, talk, question, trace_id)
    return trace_id


def answer(
    folder: Path, kept: Conversations, talk: str, trace_id: str, owner: str = "anna"
) -> None:
    """A trace with as little in it as its columns allow."""
    empty = {String: "", Text: "", Integer: 0, Float: 0.0, Boolean: False, JSON: []}
    columns = [column for column in TraceRow.__table__.columns if not column.nullable]
    fields = {column.key: empty.get(type(column.type)) for column in columns}
    fields |= {"id": trace_id, "thread_id": talk, "ts": NOW, "principal_id": owner}
    fields |= {"actor_pseudonym": owner, "answer": "Forty.", "route": {"price": None}, "told": []}
    Traces(kept.database, folder).save(fields, talk)


def traces(kept: Conversations) -> set[str]:
    with kept.database.read() as session:
        return set(session.scalars(select(TraceRow.id)))


def test_the_first_question_names_it_until_somebody_does(kept: Conversations) -> None:
    talk = kept.begin("anna", "d")
    assert (talk.title, talk.turns, talk.shared_at) == ("", 0, None)
    ask(kept, "anna", talk.id, "How heavy\n is it?")
    ask(kept, "anna", talk.id, "And why?")
    found = kept.get("anna", talk.id)
    assert (found.title, found.turns) == ("How heavy is it?", 2)
    assert found.updated_at > talk.updated_at
    named = kept.rename("anna", talk.id, " Weights ")
    assert (named.title, named.updated_at) == ("Weights", found.updated_at)
    own = kept.begin("anna", "d", "Mine")
    ask(kept, "anna", own.id, "What?")
    assert kept.get("anna", own.id).title == "Mine"
    for title in ("", " ", "a\nb", "\u202e", "x" * 201):
        with pytest.raises(InvalidInput):
            kept.rename("anna", talk.id, title)


def test_a_title_is_one_line() -> None:
    assert title_of("a\x00\u202eb\n\tc") == "a b c"
    assert len(title_of("word " * 100)) <= 80
    assert title_of("\x07") == ""


def test_what_is_anothers_is_not_there(kept: Conversations) -> None:
    talk = kept.begin("anna", "d")
    missing = str(uuid4())
    for owner, name in (("bob", talk.id), ("anna", missing)):
        for act, *more in (
            (kept.get,),
            (kept.ask, "?", str(uuid4())),
            (kept.rename, "Title"),
            (kept.delete,),
            (kept.share,),
            (kept.unshare,),
        ):
            with pytest.raises(NotFound, match=name):
                act(owner, name, *more)
    assert kept.page("bob", "d", limit=10) == kept.page("anna", "e", limit=10) == []
    assert kept.get("anna", talk.id) == talk


def test_questions_at_once_are_numbered_one_after_the_other(kept: Conversations) -> None:
    talk = kept.begin("anna", "d").id
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda n: kept.ask("anna", talk, f"{n}?", str(uuid4())), range(24)))
    assert sorted(given) == list(range(1, 25))
    shown = kept.turns(talk, limit=100)
    assert [turn.n for turn in shown] == sorted(given)
    assert kept.turns(talk, after=3, limit=2) == shown[3:5]
    assert kept.latest(talk, 3) == shown[-3:]
    assert kept.get("anna", talk).title == shown[0].question


def test_what_is_searched_is_what_is_written(kept: Conversations) -> None:
    words = ("ab", "a%b", "a_b", "a\\b", "a b", "axb", "%", "__", "\\%")
    for word in words:
        ask(kept, "anna", kept.begin("anna", "d", "Title").id, f"<{word}>")

    @given(st.text(st.sampled_from("aB%_\\ x"), min_size=1, max_size=4))
    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    def holds(text: str) -> None:
        found = kept.page("anna", "d", search=text, limit=100)
        asked = {kept.turns(one.id, limit=1)[0].question for one in found}
        assert asked == {f"<{word}>" for word in words if text.lower() in word.lower()}

    holds()


def test_a_search_looks_into_titles_and_questions_of_ones_own(kept: Conversations) -> None:
    first = kept.begin("anna", "d", "Pumps of 100% steel")
    second = kept.begin("anna", "d", "Other")
    ask(kept, "anna", second.id, "What about PUMPS?")
    ask(kept, "anna", second.id, "And Pumps again?")
    third = kept.begin("bob", "d", "Pumps")
    ask(kept, "bob", third.id, "pumps?")
    assert [one.id for one in kept.page("anna", "d", search="pumps", limit=9)] == [
        second.id,
        first.id,
    ]
    assert [one.id for one in kept.page("anna", "d", search="0%", limit=9)] == [first.id]
    assert kept.page("anna", "d", search="_", limit=9) == []
    if kept.database.sqlite:
        grand = kept.begin("anna", "d", "Über Größe")
        assert [one.id for one in kept.page("anna", "d", search="ÜBER grÖß", limit=9)] == [grand.id]


def test_pages_follow_each_other(kept: Conversations) -> None:
    made = [kept.begin("anna", "d", f"{n}").id for n in range(7)]
    ask(kept, "anna", made[2], "The last one?")
    seen: list[str] = []
    after = None
    while page := kept.page("anna", "d", limit=3, after=after):
        seen += [one.id for one in page]
        after = cursor(page[-1])
    assert seen == [made[2], *(one for one in made[::-1] if one != made[2])]
    for wrong in ("x", "1-2", f"{10**17}9-{uuid4()}", f"-1-{uuid4()}"):
        with pytest.raises(InvalidInput):
            kept.page("anna", "d", limit=3, after=wrong)


def test_a_link_leads_there_until_it_is_ended_or_replaced(kept: Conversations) -> None:
    talk = kept.begin("anna", "d").id
    first = kept.share("anna", talk)
    assert kept.shared(first).owner == "anna"
    assert kept.get("anna", talk).shared_at is not None
    second = kept.share("anna", talk)
    with pytest.raises(NotFound):
        kept.shared(first)
    assert kept.shared(second).conversation.id == talk
    assert [kept.unshare("anna", talk), kept.unshare("anna", talk)] == [True, False]
    third = kept.share("anna", talk)
    kept.delete("anna", talk)
    for token in (second, third, "", talk):
        with pytest.raises(NotFound):
            kept.shared(token)


def test_a_deleted_one_takes_its_answers_along_but_the_rated(
    kept: Conversations, tmp_path: Path
) -> None:
    talk, other = kept.begin("anna", "d").id, kept.begin("anna", "d").id
    gone, rated, compared, elsewhere = (
        ask(kept, "anna", name, "?") for name in (talk, talk, talk, other)
    )
    late = ask(kept, "anna", talk, "Still being answered?")
    for trace_id in (gone, rated, compared):
        answer(tmp_path, kept, talk, trace_id)
    answer(tmp_path, kept, other, elsewhere)
    with kept.database.write() as session:
        session.add(
            FeedbackRow(
                id="f", actor_pseudonym="a", subject="s", revision=1, trace_id=rated,
                other_trace_id=compared, domain="d", at=NOW, surface="api", rater="user",
                target={}, signal="pairwise", explicit=True, reasons=[], comment="",
                consent={}, schema_version=1,
            )
        )  # fmt: skip
    kept.delete("anna", talk)
    answer(tmp_path, kept, talk, late)
    assert traces(kept) == {rated, compared, elsewhere}
    assert kept.turns(talk, limit=9) == []
    with kept.database.snapshot() as connection:
        (listed,) = unknown_to(connection, set())
    assert (listed.kind, listed.target) == ("conversation", talk)


def test_what_the_single_user_talked_of_is_the_first_admins(
    kept: Conversations, tmp_path: Path
) -> None:
    talk = kept.begin(LOCAL, "d").id
    Traces(kept.database, tmp_path).hand_over(LOCAL, Principal(id="ada"))
    assert kept.get("ada", talk).id == talk
    with pytest.raises(NotFound):
        kept.get(LOCAL, talk)
