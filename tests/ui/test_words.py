"""Words of the server that the page knows in German are still those that the server says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from rag.plugins import connectors
from tests.ui.conftest import UI
from tests.ui.sentences import said

SRC = UI / "src"
FORM = SRC / "features" / "sources" / "form"


def read(path: Any) -> dict[str, str]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_sentence_that_is_translated_is_said() -> None:
    assert set(read(SRC / "app" / "said.de.json")) - set(said()) == set()


def told(node: object) -> Iterator[str]:
    """Descriptions of fields, as the form shows them."""
    if isinstance(node, dict):
        for key, value in cast("dict[str, object]", node).items():
            if key == "description" and isinstance(value, str):
                yield value
            else:
                yield from told(value)


def test_every_field_of_the_bundled_connectors_is_told_in_german() -> None:
    found: set[str] = set()
    for one in connectors():
        schema: dict[str, Any] = dict(one.form or {})
        parts = [schema, *schema.get("$defs", {}).values()]
        found.add(one.about)
        found.update(text for part in parts for text in told(part.get("properties", {})))
    assert found == set(read(FORM / "told.de.json"))
