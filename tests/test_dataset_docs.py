"""docs/datasets.md tells every reason for which something is left out."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from rag.cli.datasets import WHY
from rag.datasets import PURPOSES, Omission

DOCS = Path(__file__).parents[1] / "docs" / "datasets.md"


def test_every_reason_is_told() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert set(get_args(Omission)) == set(WHY)
    for reason, words in WHY.items():
        assert f"| `{reason}` | {words} |" in text
    for task, purpose in PURPOSES.items():
        [line] = [one for one in text.splitlines() if one.startswith(f"| `{task}` |")]
        assert line.endswith(f"| {purpose} |")
