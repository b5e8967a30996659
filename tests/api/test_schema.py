"""Whatever the OpenAPI document allows, and much that it does not, is answered without a 5xx."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from rag.api.openapi import document
from rag.api.server import create_app
from rag.config import Settings
from tests.api.fake import FakeApp

pytestmark = pytest.mark.filterwarnings("ignore")

HOST = {"Host": "localhost"}


def shallow() -> dict:
    """The document without filters inside filters: generating those takes a minute."""
    raw = document()
    leaf = {"$ref": "#/components/schemas/Match"}
    for name, key in (("And", "items"), ("Or", "items"), ("Not", None)):
        of = raw["components"]["schemas"][name]["properties"]["of"]
        if key is None:
            of.clear()
            of.update(leaf)
        else:
            of[key] = leaf
    return raw


schema = schemathesis.openapi.from_dict(shallow())
schema.app = create_app(FakeApp(Settings(data=Path("unused"))))


@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_input_makes_the_api_fail(case: schemathesis.Case) -> None:
    response = case.call(headers=HOST)
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        (told,) = response.headers["content-type"]
        # The routes of OpenAI's API tell failures as theirs does, where one of them is reached.
        theirs = case.path.startswith("/v1/") and told == "application/json"
        assert theirs or told == "application/problem+json"
    else:
        case.validate_response(response, checks=[schemathesis.checks.response_schema_conformance])
