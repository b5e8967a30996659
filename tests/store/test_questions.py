"""Questions that ask much the same fall into one cluster, when they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Integer, delete, func, select
from sqlalchemy.types import JSON, Boolean, DateTime, Float, TypeDecorator

from rag.store.database import Database
from rag.store.learning import QuestionLinkRow, QuestionRow, QuestionVectorRow
from rag.store.models import TraceRow
from rag.store.questions import BITS, FURTHEST, normalized, signed, unfolded
from rag.store.traces import Traces

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIMENSION = 384


def trace(number: int, question: str, domain: str = "sample") -> dict[str, Any]:
    """A trace of which only what matters here is not empty."""
    fields: dict[str, Any] = {}
    for column in TraceRow.__table__.columns:
        kind = column.type
        kind = kind.impl if isinstance(kind, TypeDecorator) else kind
        if column.nullable:
            fields[column.key] = None
        elif isinstance(kind, DateTime):
            fields[column.key] = NOW
        elif isinstance(kind, Boolean):
            fields[column.key] = False
        elif isinstance(kind, Integer | Float):
            fields[column.key] = 0
        else:
            empty: Any = {} if column.key in ("route", "params", "timings", "consent") else []
            fields[column.key] = empty if isinstance(kind, JSON) else ""
    fields |= {"id": f"trace-{number}", "domain": domain, "embedder_rev": "e"}
    return fields | {"query_raw": question, "query_standalone": question, "principal_id": "ada"}


def at(cosine: float, away: int) -> np.ndarray:
    """A unit vector at that cosine from the first axis, towards another."""
    vector = np.zeros(DIMENSION, dtype=np.float32)
    vector[0], vector[away] = cosine, (1 - cosine**2) ** 0.5
    return vector


@pytest.fixture
def kept(tmp_path: Path, database_url: str) -> Iterator[Traces]:
    opened = Database(database_url)
    opened.migrate()
    yield Traces(opened, tmp_path)
    opened.close()


def clusters(kept: Traces) -> list[str]:
    with kept.database.read() as session:
        return list(session.scalars(select(QuestionRow.cluster_id).order_by(QuestionRow.n)))


def test_near_questions_share_a_cluster_and_others_do_not(kept: Traces) -> None:
    for number, (question, vector) in enumerate(
        [("a", at(1, 1)), ("b", at(0.9, 2)), ("c", at(0.7, 3)), ("B ", at(0.0, 4))]
    ):
        kept.save(trace(number, question), vector=vector.tolist())
    # The last has the words of the second, as a query of another embedder would.
    assert clusters(kept) == ["trace-0", "trace-0", "trace-2", "trace-0"]


def test_a_question_between_two_clusters_links_them(kept: Traces) -> None:
    kept.save(trace(0, "a"), vector=at(1, 1).tolist())
    far = normalized(at(1, 1) * 0.62 + at(0, 2) * 0.785)
    between = normalized(at(1, 1) + far)
    assert far[0] < 0.8 < between[0]
    kept.save(trace(1, "b"), vector=far.tolist())
    kept.save(trace(2, "c"), vector=between.tolist())
    kept.save(trace(3, "d"), vector=between.tolist())
    assert clusters(kept) == ["trace-0", "trace-1", "trace-0", "trace-0"]
    with kept.database.read() as session:
        links = session.execute(select(QuestionLinkRow.older, QuestionLinkRow.newer)).all()
    assert [tuple(one) for one in links] == [("trace-0", "trace-1")]


def test_domains_and_embedders_do_not_mix(kept: Traces) -> None:
    kept.save(trace(0, "a"), vector=at(1, 1).tolist())
    kept.save(trace(1, "b", domain="other"), vector=at(1, 1).tolist())
    kept.save({**trace(2, "c"), "embedder_rev": "f"}, vector=at(1, 1).tolist())
    assert clusters(kept) == ["trace-0", "trace-1", "trace-2"]


def test_what_other_processes_kept_is_known_and_what_was_deleted_is_not(
    kept: Traces, tmp_path: Path
) -> None:
    other = Traces(kept.database, tmp_path)
    kept.save(trace(0, "a"), vector=at(1, 1).tolist())
    other.save(trace(1, "b"), vector=at(0.95, 2).tolist())
    kept.save(trace(2, "c"), vector=at(0.95, 2).tolist())
    assert clusters(kept) == ["trace-0"] * 3
    with kept.database.write() as session:
        session.execute(delete(TraceRow))
        assert session.scalar(select(func.count()).select_from(QuestionRow)) == 0
    kept.save(trace(3, "d"), vector=at(1, 1).tolist())
    assert clusters(kept) == ["trace-3"]


def test_a_question_without_a_vector_is_in_none(kept: Traces) -> None:
    kept.save(trace(0, "a"))
    kept.save(trace(1, "b"), vector=[0.0] * DIMENSION)
    assert clusters(kept) == ["trace-1"]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.82, 1.0))
def test_near_vectors_have_near_signatures(seed: int, cosine: float) -> None:
    drawn = np.random.default_rng(seed)
    one, two = (normalized(drawn.standard_normal(DIMENSION).astype(np.float32)) for _ in "ab")
    apart = normalized(two - (two @ one) * one)
    other = one * cosine + apart * (1 - cosine**2) ** 0.5
    differing = int(np.bitwise_count(signed(one) ^ signed(other)).sum())
    assert differing <= FURTHEST
    assert abs(differing / BITS - np.arccos(cosine) / np.pi) < 0.14


def test_a_vector_comes_back_as_it_was_kept() -> None:
    vector = at(0.3, 7)
    assert np.allclose(unfolded(vector.astype(np.float16).tobytes()), vector, atol=1e-3)


def test_signatures_stay_the_same_for_ever() -> None:
    # They are kept in databases: another value here would tear every cluster apart.
    assert signed(at(0.6, 5)).tobytes().hex()[:32] == "2ee47ed8c2adc6909fa478c5632b639f"


def test_after_another_encoder_came_old_questions_find_their_clusters_again(kept: Traces) -> None:
    for number, (question, vector) in enumerate(
        [("a", at(1, 1)), ("b", at(0, 2)), ("A", at(1, 1))]
    ):
        kept.save(trace(number, question), vector=vector.tolist())
    new = {"embedder_rev": "f"}
    # Near to the first as the new one sees it, which has not seen it yet; and equal words.
    kept.save({**trace(3, "c"), **new}, vector=at(0.9, 5).tolist())
    kept.save({**trace(4, "b"), **new}, vector=at(0, 7).tolist())
    assert clusters(kept) == ["trace-0", "trace-1", "trace-0", "trace-3", "trace-1"]
    questions = kept.questions
    assert [one.text for one in questions.unseen("sample", "f")] == ["a"], "once for equal words"
    assert questions.unseen("other", "f") == []
    seen = [(one, at(1, 1).tolist()) for one in questions.unseen("sample", "f")]
    questions.see("sample", "f", seen, NOW)
    assert questions.unseen("sample", "f") == []
    with kept.database.read() as session:
        links = session.execute(select(QuestionLinkRow.older, QuestionLinkRow.newer)).all()
    assert [tuple(one) for one in links] == [("trace-0", "trace-3")], "they would have been one"
    kept.save({**trace(5, "d"), **new}, vector=at(0.95, 6).tolist())
    assert clusters(kept)[-1] == "trace-0"
    # The encoder of before is not disturbed, should it come back.
    kept.save(trace(6, "e"), vector=at(0.95, 6).tolist())
    assert clusters(kept)[-1] == "trace-0"
    assert clusters(kept)[:5] == ["trace-0", "trace-1", "trace-0", "trace-3", "trace-1"]


def test_old_clusters_that_look_near_to_another_encoder_stay_apart(kept: Traces) -> None:
    kept.save(trace(0, "a"), vector=at(1, 1).tolist())
    kept.save(trace(1, "b"), vector=at(0, 2).tolist())
    questions = kept.questions
    for one in questions.unseen("sample", "f"):
        questions.see("sample", "f", [(one, at(1, 1).tolist())], NOW)
    with kept.database.read() as session:
        assert session.scalar(select(func.count()).select_from(QuestionLinkRow)) == 0


def test_what_is_seen_again_goes_on_where_it_was_and_is_deleted_with_its_answer(
    kept: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.store.questions.SEEN_AT_ONCE", 2)
    for number in range(5):
        kept.save(trace(number, f"q{number}"), vector=at(0, number + 1).tolist())
    questions = kept.questions
    first = questions.unseen("sample", "f")
    assert [one.text for one in first] == ["q0", "q1"]
    questions.see("sample", "f", [(one, at(0, 9).tolist()) for one in first], NOW)
    rest = questions.unseen("sample", "f")
    assert [one.text for one in rest] == ["q2", "q3"]
    with kept.database.write() as session:
        session.execute(delete(TraceRow).where(TraceRow.id.in_(["trace-0", "trace-2"])))
    questions.see("sample", "f", [(one, at(0, 9).tolist()) for one in rest], NOW)
    with kept.database.read() as session:
        seen = session.scalars(select(QuestionVectorRow.trace_id).order_by(QuestionVectorRow.n))
        assert list(seen) == ["trace-1", "trace-3"]
    assert [one.text for one in questions.unseen("sample", "f")] == ["q4"]
