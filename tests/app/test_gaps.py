"""What was not answered is told to the data team, no more than each of them may read."""

from __future__ import annotations

from typing import Any

import pytest

from rag.app import App
from rag.errors import NotFound
from rag.feedback import OfMissing, Verdict
from rag.store.gaps import Asked
from rag.store.models import DocumentRow
from rag.types import AskRequest
from tests.app.test_app import ANNA, BOB
from tests.app.test_datasets import SALARY, tell

__all__ = ("tell",)
UNKNOWN = "Who won the chess tournament of Zanzibar in 1911?"


def test_a_gap_is_told_and_so_is_that_a_document_answers_it_now(tell: Any, tmp_path: Any) -> None:
    async def story(app: App) -> None:
        asked = await app.ask(ANNA, AskRequest(question=UNKNOWN))
        await app.ask(BOB, AskRequest(question=UNKNOWN))
        assert asked.abstained
        await app.rate(
            ANNA, asked.trace_id, Verdict(target=OfMissing(name="The chess almanac"), value=1)
        )
        [one] = await app.gaps.list(BOB, Asked(), 10)
        assert (one.question, one.people, one.questions) == (UNKNOWN, 2, 2)
        assert [each.name for each in one.missed] == ["The chess almanac"]
        assert one.answered is None
        (tmp_path / "docs" / "chess.txt").write_text(
            "The chess tournament of Zanzibar in 1911 was won by Marmaduke Wyvill."
        )
        await app.sync(ANNA)
        assert not (await app.ask(BOB, AskRequest(question=UNKNOWN))).abstained
        [one] = await app.gaps.list(BOB, Asked(), 10)
        assert one.answered is not None
        assert one.answered > one.last
        found = await app.gaps.questions(BOB, one.cluster, Asked(), 10)
        assert [each.answered for each in found] == [True, False, False]
        assert [each.missed for each in found[-1].said] == ["The chess almanac"]
        assert await app.gaps.questions(BOB, "nonsense", Asked(), 10) == []

    tell(story)


def test_a_missing_document_is_named_to_whom_it_may_be(tell: Any) -> None:
    async def story(app: App) -> None:
        answer = await app.ask(ANNA, AskRequest(question=SALARY))
        secret = answer.citations[0].document_id
        asked = await app.ask(ANNA, AskRequest(question=UNKNOWN))
        missing = Verdict(target=OfMissing(document_id=secret), value=1)
        await app.rate(ANNA, asked.trace_id, missing)
        [hers] = await app.gaps.list(ANNA, Asked(), 10)
        [his] = await app.gaps.list(BOB, Asked(), 10)
        assert [bool(each.title) for each in hers.missed] == [True]
        assert [bool(each.title) for each in his.missed] == [False]
        assert await app.gaps.languages(BOB) == [hers.language]

    tell(story)


def test_what_made_an_answer_is_told_as_far_as_it_may_be_read(tell: Any) -> None:
    async def story(app: App) -> None:
        answer = await app.ask(ANNA, AskRequest(question=SALARY))
        hers = await app.curation.made(ANNA, answer.trace_id)
        assert hers.answer == answer.answer
        assert [one.rank for one in hers.passages] == sorted(one.rank for one in hers.passages)
        [cited] = [one for one in hers.passages if one.cited]
        assert "9 crowns" in cited.text
        assert cited.title
        with pytest.raises(NotFound):
            await app.curation.made(BOB, answer.trace_id)
        reviewing = app.person(None)
        with app._parts.ledger.database.write() as session:
            row = session.get_one(DocumentRow, cited.document_id)
            row.readers = ["group:nobody"]
        told = await app.curation.made(ANNA, answer.trace_id)
        assert "9 crowns" not in told.model_dump_json()
        assert [one.text for one in told.passages if one.cited] == [""]
        with pytest.raises(NotFound):
            await app.curation.assign(reviewing, [answer.trace_id], "nobody-here")
        await app.curation.assign(reviewing, [answer.trace_id], reviewing.id)

    tell(story)
