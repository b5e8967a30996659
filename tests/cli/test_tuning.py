"""What is said of a candidate on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rag.candidates import Candidate
from rag.cli.tuning import _tell


def configuration(figures: dict[str, Any], **lineage: Any) -> Candidate:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Candidate(
        id="c", domain="pumps", kind="configuration", number=1, state="made", lineage=lineage,
        figures=figures, created_by="cora", created_at=at,
    )  # fmt: skip


def test_settings_are_told_against_what_was_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"questions": 64, "of": 107, "before": 0.61, "after": 0.68}
    _tell(
        configuration(
            figures,
            by="answers",
            knobs={"limit": 6, "fusion": "rrf"},
            changes={"limit": [10, 6], "wording": ["answer", "answer.brief"]},
        )
    )
    said = capsys.readouterr().out
    assert "limit 10 to 6" in said
    assert "wording answer to answer.brief" in said
    # What it has of the settings before it was measured then.
    assert "rrf" not in said
    assert "107 questions could have been asked" in said
    assert "score of answers 0.610 to 0.680" in said


def test_of_an_older_candidate_its_settings_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"questions": 40, "before": 0.5, "after": 0.6}
    _tell(configuration(figures, knobs={"fusion": "rrf", "rrf_k": 10}))
    said = capsys.readouterr().out
    assert "fusion rrf" in said
    assert "nDCG@10 0.500 to 0.600" in said
    assert "could have been asked" not in said
