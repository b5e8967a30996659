"""The OpenAPI document: `python -m rag.api.openapi > tests/golden/openapi.json`."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from rag.api.server import create_app
from rag.config import Settings

if TYPE_CHECKING:
    from rag.app import App


def document() -> dict[str, Any]:
    """The description of every route; no data folder is touched."""
    return create_app(cast("App", SimpleNamespace(settings=Settings()))).openapi()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=1, sort_keys=True, ensure_ascii=False) + "\n")
