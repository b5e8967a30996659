"""What an evaluation says, and that it says nothing where too few questions were asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rag.domain import init_pack, load_pack
from rag.learn.evaluation import evaluate_pack
from rag.types import AnswerEvent, AskRequest

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def ask(user: str | None, request: AskRequest) -> AsyncIterator[AnswerEvent]:
    """Knows what is asked of a lamp, and is sure of it."""
    known = "lamp" in request.question
    where = {"uri": "file:///pack/documents/warranty.md"}
    yield AnswerEvent(event="hits", data={"hits": [where] if known else []})
    claims = [
        {"citations": [1], "verdict": "supported"},
        {"citations": [1], "verdict": "partly"},
        {"citations": [], "verdict": "supported"},
    ]
    answer = {"citations": [where], "answer": "It is 24 months.", "claims": claims if known else []}
    sure = {**answer, "confidence": 0.8 if known else 0.4}
    yield AnswerEvent(event="answer", data=sure)


async def evaluated(folder: Path, answerable: int, unanswerable: int) -> dict[str, Any]:
    init_pack(folder, "lamps")
    cases: list[dict[str, Any]] = [
        {
            "id": f"a{number}",
            "group": f"a{number}",
            "kind": "single",
            "question": f"How long is lamp {number} covered?",
            "documents": ["warranty.md"],
            "facts": [["24 months"]],
        }
        for number in range(answerable)
    ]
    cases += [
        {
            "id": f"u{number}",
            "group": f"u{number}",
            "kind": "unanswerable",
            "question": f"Who is king {number}?",
            "answerable": False,
        }
        for number in range(unanswerable)
    ]
    (folder / "evals.yaml").write_text(yaml.safe_dump({"cases": cases}))
    return dict(await evaluate_pack(load_pack(folder), ask, lambda _: None))


async def test_with_enough_questions_half_of_them_calibrates(tmp_path: Path) -> None:
    report = await evaluated(tmp_path, 30, 20)
    assert report["note"] == ""
    assert 0.4 < report["threshold"] <= 0.8
    assert report["answerable"] + report["calibration"]["answerable"] == 30
    assert (report["recall@10"], report["facts"], report["refused_unanswerable"]) == (1, 1, 1)
    assert report["supported_claims"] == 0.3333
    assert report["kinds"]["unanswerable"]["facts"] is None, "nothing measures it"
    assert report["kinds"]["unanswerable"]["supported_claims"] is None
    assert report["kinds"]["unanswerable"]["refused_unanswerable"] == 1


@pytest.mark.parametrize(("answerable", "unanswerable"), [(30, 3), (3, 20), (0, 0)])
async def test_too_few_questions_calibrate_nothing(
    tmp_path: Path, answerable: int, unanswerable: int
) -> None:
    report = await evaluated(tmp_path, answerable, unanswerable)
    assert report["threshold"] is report["calibration"] is None
    assert "10 answerable and 5 unanswerable" in report["note"]
    assert "40 and 20" in report["note"]
    assert report["answerable"] == answerable, "all of them are reported"
    assert report["recall@10"] == (1 if answerable else None)
    # The pack's own threshold, .35, is below what the wrong answers had.
    assert report["refused_unanswerable"] == (0 if unanswerable else None)
    assert len(report["failures"]) == unanswerable
