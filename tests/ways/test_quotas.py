"""Tokens of a day: past them each way in refuses a question, saying when to come again."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import httpx2
import openai
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from openai import OpenAI

from rag.app import App
from rag.people import Caller
from rag.types import LOCAL, Principal, Role
from tests.cli.test_end_to_end import ENVIRONMENT
from tests.models.endpoint import USAGE, endpoint
from tests.ways.conftest import Deployment, running, written
from tests.ways.test_openai import QUESTION, said

TOKENS = USAGE["prompt_tokens"] + USAGE["completion_tokens"]
PASSWORD = "seven green lamps hum"
OPERATOR = Principal(id=LOCAL, roles=frozenset(Role))
PEOPLE = ("ada", "ben", "cleo", "dan")


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Answers by a model; a person may use the tokens of two, cleo of one, a key of one."""
    with endpoint("ok") as stub:
        more = (
            f"[accounts]\nrequired = true\n"
            f"[limits]\ntokens_per_day = {2 * TOKENS}\ntokens_per_day_of.cleo = {TOKENS}\n"
            f"key_tokens_per_day = {TOKENS}\n"
            f'[models.stub]\nprovider = "openai_like"\nmodel = "stub"\nbase_url = "{stub.url}"\n'
            '[answer]\nmodel = "stub"\n'
        )
        with running(written(tmp_path_factory.mktemp("limited"), more)) as made:
            for name in PEOPLE:
                link = made.run(made.app.accounts.invite(OPERATOR, name, [Role.USER]))
                made.run(made.app.accounts.join(link.partition("#")[2], None, PASSWORD))
            yield made


def key_of(made: Deployment, owner: str) -> str:
    operator = Caller(LOCAL, "operator")
    return made.run(made.app.accounts.add_key(operator, "test", [Role.USER], 1, owner))[1]


def ask(made: Deployment, key: str, **more: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    if more.pop("stream", False):
        headers["Accept"] = "text/event-stream"
    body = {"question": QUESTION, **more}
    return httpx.post(f"{made.url}/api/v1/answers", json=body, headers=headers, timeout=30)


def until_midnight() -> float:
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - now).total_seconds()


@pytest.mark.parametrize("stream", [False, True])
def test_past_the_day_s_tokens_each_way_in_refuses(limited: Deployment, stream: bool) -> None:
    owner = PEOPLE[stream]
    first = key_of(limited, owner)
    assert ask(limited, first, stream=stream).status_code == 200
    of_key = ask(limited, first, stream=stream)
    assert (of_key.status_code, of_key.json()["detail"][:8]) == (429, "This key")
    second, third = key_of(limited, owner), key_of(limited, owner)
    assert ask(limited, second, stream=stream).status_code == 200

    refused = ask(limited, third, stream=stream)
    told = refused.json()
    assert (refused.status_code, told["code"], told["retryable"]) == (429, "rate_limited", True)
    assert f"'{owner}' has used {2 * TOKENS:,} of {2 * TOKENS:,} tokens" in told["detail"]
    assert "00:00 UTC" in told["hint"]
    assert abs(int(refused.headers["retry-after"]) - until_midnight()) < 60
    client = OpenAI(base_url=f"{limited.url}/v1", api_key=third, max_retries=0)
    with pytest.raises(openai.RateLimitError, match="has used") as caught:
        client.chat.completions.create(model="lamps", messages=[said(QUESTION)], stream=stream)  # type: ignore[list-item]
    assert abs(int(caught.value.response.headers["retry-after"]) - until_midnight()) < 60

    async def by_mcp() -> None:
        headers = {"Authorization": f"Bearer {third}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(f"{limited.url}/mcp", http_client=http)
            async with Client(transport) as client:
                came = await client.call_tool("ask", {"question": QUESTION})
                error = came.structured_content["error"]
                assert (came.is_error, error["code"]) == (True, "rate_limited")
                assert abs(error["retry_after_s"] - until_midnight()) < 60

    asyncio.run(by_mcp())
    free = ask(limited, third, model="extractive", stream=stream)
    assert free.status_code == 200, "what needs no tokens is answered"
    headers = {"Authorization": f"Bearer {third}"}
    search = {"query": QUESTION}
    assert httpx.post(f"{limited.url}/api/v1/searches", json=search, headers=headers).is_success


def test_a_person_may_have_a_number_of_their_own(limited: Deployment) -> None:
    assert ask(limited, key_of(limited, "cleo")).status_code == 200
    refused = ask(limited, key_of(limited, "cleo"))
    assert f"'cleo' has used {TOKENS:,} of {TOKENS:,} tokens" in refused.json()["detail"]
    assert ask(limited, key_of(limited, "dan")).status_code == 200, "nobody else is concerned"
    command = [sys.executable, "-m", "rag", "--data", str(limited.app.settings.data)]
    ran = subprocess.run(
        [*command, "--as", "cleo", "ask", QUESTION],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
    )
    assert ran.returncode == 11
    assert "'cleo' has used" in ran.stderr
    assert "00:00 UTC" in ran.stderr
    whole = subprocess.run(
        [*command, "ask", QUESTION, "--json"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
    )
    assert json.loads(whole.stdout)["answer"], "whoever owns the machine has no limit"


def test_the_next_day_it_begins_anew(limited: Deployment) -> None:
    app: App = limited.app
    key = key_of(limited, "dan")
    while ask(limited, key).status_code == 200:
        pass
    quotas = app._quotas
    now = quotas._now
    quotas._now = lambda: now() + timedelta(days=1)
    try:
        assert ask(limited, key).status_code == 200
    finally:
        quotas._now = now
    assert ask(limited, key).status_code == 429
