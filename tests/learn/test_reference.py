"""docs/datasets.md says what the exporters and the preflight say."""

import re
from pathlib import Path

from rag import plugins
from rag.learn.exporters.reference import written
from rag.learn.preflight.verifying import EXECUTED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")


def test_the_table_of_formats_is_the_exporters():
    assert written(PAGE) == PAGE, "python -m rag.learn.exporters.reference docs/datasets.md"
    assert all(f"| `{name}` |" in PAGE for name in plugins.names("rag.exporters"))


def test_every_consumer_is_told():
    assert all(f"`{name}`" in PAGE for name in EXECUTED)


def test_every_finding_is_told():
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "rag" / "learn" / "preflight").rglob("*.py")
    )
    codes = set(re.findall(r'(?:_problem|Finding|result\.problem)\(\s*"(\w+)"', code))
    assert {"rows_dropped", "same_answers"} <= codes
    assert [one for one in sorted(codes) if f"`{one}`" not in PAGE] == []
