"""People who sign in, and programs with a key, hold a conversation with citations by each way in:
ask, ask further, rate. A webhook is told of each verdict, and a key without the scope of none."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import openai
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from openai import OpenAI

from rag.people import Caller
from rag.types import LOCAL, Principal, Role
from tests.test_webhooks import SECRET, Receiver
from tests.ways.conftest import Deployment, running, written
from tests.ways.test_openai import QUESTION, said

FURTHER = "And who shows the receipt for it?"
PASSWORD = "seven green lamps hum"
OPERATOR = Principal(id=LOCAL, roles=frozenset(Role))
DOWN = {"value": -1, "reasons": ["incomplete"], "comment": "Says nothing of bulbs."}


class Guarded:
    """A server where people sign in: ada may ask, and has a key; a webhook hears of feedback."""

    def __init__(self, deployment: Deployment, receiver: Receiver) -> None:
        self.deployment, self.receiver = deployment, receiver
        accounts = deployment.app.accounts
        # Somebody has to be the admin.
        for name, roles in (("ruth", [Role.ADMIN]), ("ada", [Role.USER, Role.DATA])):
            link = deployment.run(accounts.invite(OPERATOR, name, roles))
            deployment.run(accounts.join(link.partition("#")[2], None, PASSWORD))

    @property
    def url(self) -> str:
        return self.deployment.url

    def key(self, *scopes: Role) -> str:
        operator = Caller(LOCAL, "operator")
        adding = self.deployment.app.accounts.add_key(operator, "test", scopes, 1, "ada")
        return self.deployment.run(adding)[1]

    def traces(self, key: str, *traces: str) -> list[dict[str, Any]]:
        """What was asked, as it is kept."""
        headers = {"Authorization": f"Bearer {key}"}
        found = [httpx.get(f"{self.url}/api/v1/traces/{one}", headers=headers) for one in traces]
        return [one.raise_for_status().json() for one in found]

    def heard(self, feedback_id: str) -> dict[str, Any]:
        """What the webhook was told of a verdict; it is waited for."""
        for _ in range(600):
            told = [json.loads(body) for _, body in self.receiver.got]
            for one in told:
                if one["data"]["id"] == feedback_id:
                    assert one["type"] == "feedback.given"
                    return one["data"]
            time.sleep(0.05)
        raise AssertionError("never told")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with Receiver().listening() as receiver:
        hook = f'url = "{receiver.url}"\nsecret = "{SECRET}"\nevents = ["feedback.given"]\n'
        more = f"[accounts]\nrequired = true\n[webhooks.us]\n{hook}"
        with running(written(tmp_path_factory.mktemp("guarded"), more)) as deployment:
            yield Guarded(deployment, receiver)


Told = tuple[str, str, dict[str, Any]]
"""The traces of both answers, and the verdict on the second as it was kept."""


def by_openai(guarded: Guarded, key: str, *, stream: bool = False) -> Told:
    client = OpenAI(base_url=f"{guarded.url}/v1", api_key=key, max_retries=0)
    chat: list[Any] = []
    traces: list[str] = []
    for question in (QUESTION, FURTHER):
        chat.append(said(question))
        reply: Any = client.chat.completions.create(model="lamps", messages=chat, stream=stream)
        if stream:
            *parts, last = list(reply)
            text = "".join(one.choices[0].delta.content or "" for one in parts)
            annotations = next(
                one.choices[0].delta.annotations
                for one in parts
                if "annotations" in one.choices[0].delta.model_extra
            )
            traces.append(last.ratchet["trace_id"])
        else:
            text = reply.choices[0].message.content
            last, annotations = (
                reply,
                [a.model_dump() for a in reply.choices[0].message.annotations],
            )
            traces.append(reply.ratchet["trace_id"])
        for one in annotations:
            span = one["url_citation"]
            assert text[span["start_index"] : span["end_index"]] == f"[{one['ratchet']['n']}]"
        assert annotations
        chat.append(said(text, "assistant"))
    rated = client.chat.completions.update(
        last.id,
        metadata={"rating": "down", "reasons": "incomplete", "comment": DOWN["comment"]},
    )
    assert (rated.id, rated.model) == (last.id, "lamps")
    message = rated.choices[0].message
    assert (message.content, bool(message.annotations)) == (text, True)
    assert rated.metadata == {
        "rating": "down", "reasons": "incomplete", "comment": DOWN["comment"],
    }  # fmt: skip
    return traces[0], traces[1], rated.ratchet["feedback"]


def by_openai_streamed(guarded: Guarded, key: str) -> Told:
    return by_openai(guarded, key, stream=True)


def by_mcp(guarded: Guarded, key: str) -> Told:
    async def story() -> Told:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(f"{guarded.url}/mcp", http_client=http)
            async with Client(transport) as client:
                history: list[dict[str, str]] = []
                traces: list[str] = []
                for question in (QUESTION, FURTHER):
                    given = {"question": question, "history": history}
                    answer = (await client.call_tool("ask", given)).structured_content
                    cited = answer["citations"][0]
                    place = {name: cited[name] for name in ("document_id", "version")}
                    text = (await client.call_tool("get_document", place)).structured_content
                    assert text["text"][slice(*cited["span"])] == cited["quote"]
                    history += [said(question), said(answer["answer"], "assistant")]
                    traces.append(answer["trace_id"])
                kept = await client.call_tool("rate", {"trace_id": traces[1], **DOWN})
                return traces[0], traces[1], kept.structured_content

    return asyncio.run(story())


def by_curl(guarded: Guarded, key: str, *carrying: str) -> Told:
    carrying = carrying or ("-H", f"Authorization: Bearer {key}")
    history: list[dict[str, str]] = []
    traces: list[str] = []
    for question in (QUESTION, FURTHER):
        answer = curl(guarded, "answers", {"question": question, "history": history}, *carrying)
        cited = answer["citations"][0]
        assert f"[{cited['n']}]" in answer["answer"]
        path = f"documents/{cited['document_id']}/versions/{cited['version']}/text"
        assert curl(guarded, path, None, *carrying)[slice(*cited["span"])] == cited["quote"]
        history += [said(question), said(answer["answer"], "assistant")]
        traces.append(answer["trace_id"])
    return traces[0], traces[1], curl(guarded, f"traces/{traces[1]}/feedback", DOWN, *carrying)


def by_a_browser(guarded: Guarded, _: str) -> Told:
    """What the page does: a session in a cookie, and an Origin that is ours."""
    jar = str(guarded.deployment.app.settings.data / "cookies")
    carrying = ("-b", jar, "-H", f"Origin: {guarded.url}")
    curl(guarded, "session", {"name": "ada", "password": PASSWORD}, "-c", jar)
    told = by_curl(guarded, "", *carrying)
    curl(guarded, "session", None, *carrying, "-X", "DELETE")
    with pytest.raises(subprocess.CalledProcessError):
        curl(guarded, f"traces/{told[1]}/feedback", DOWN, *carrying)
    return told


def curl(guarded: Guarded, path: str, body: Any, *arguments: str) -> Any:
    """What came, read if it is JSON; raises for a refusal."""
    if body is not None:
        arguments += ("-H", "Content-Type: application/json", "-d", json.dumps(body))
    command = ["curl", "-sf", *arguments, f"{guarded.url}/api/v1/{path}"]
    came = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.decode()
    return json.loads(came) if came.startswith("{") else came


WAYS = {
    by_openai: "openai", by_openai_streamed: "openai", by_mcp: "mcp", by_curl: "api",
    by_a_browser: "api",
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_conversation_with_citations_ends_in_a_verdict(
    guarded: Guarded, way: Callable[[Guarded, str], Told]
) -> None:
    key = guarded.key(Role.USER)
    first, second, kept = way(guarded, key)
    traces = guarded.traces(key, first, second)
    assert [one["turn"] for one in traces] == [0, 1]
    assert [one["principal_id"] for one in traces] == ["ada", "ada"]
    assert traces[1]["query_standalone"] == f"{QUESTION} {FURTHER}", "it follows up on the first"
    assert all(one["citations"] for one in traces)
    assert (kept["trace_id"], kept["value"], kept["surface"]) == (second, -1, WAYS[way])
    assert (kept["reasons"], kept["comment"]) == (["incomplete"], DOWN["comment"])
    headers = {"Authorization": f"Bearer {key}"}
    found = httpx.get(f"{guarded.url}/api/v1/traces/{second}/feedback", headers=headers).json()
    assert found["feedback"] == [kept]
    told = guarded.heard(kept["id"])
    assert (told["trace_id"], told["value"], told["signal"]) == (second, -1, "thumb")
    assert "bulbs" not in json.dumps(told)


@pytest.mark.parametrize("key", ["", "rk_unknown", Role.DATA])
def test_whoever_may_not_ask_may_not_rate(guarded: Guarded, key: str) -> None:
    """A key of ada's that has another scope alone is refused like one that is nobody's."""
    if isinstance(key, Role):
        error, status, key = openai.PermissionDeniedError, 403, guarded.key(key)
    else:
        error, status = openai.AuthenticationError, 401
    allowed = {"Authorization": f"Bearer {guarded.key(Role.USER)}"}
    asked = httpx.post(
        f"{guarded.url}/api/v1/answers", json={"question": QUESTION}, headers=allowed
    )
    trace = asked.json()["trace_id"]

    client = OpenAI(base_url=f"{guarded.url}/v1", api_key=key or "none", max_retries=0)
    with pytest.raises(error):
        client.chat.completions.create(model="lamps", messages=[said(QUESTION)])  # type: ignore[list-item]
    with pytest.raises(error):
        client.chat.completions.update(f"chatcmpl-{trace}", metadata={"rating": "up"})
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    for path, body in (
        ("/api/v1/answers", {"question": QUESTION}),
        (f"/api/v1/traces/{trace}/feedback", {"value": 1}),
        ("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}),
    ):
        assert httpx.post(guarded.url + path, json=body, headers=headers).status_code == status
    found = httpx.get(f"{guarded.url}/api/v1/traces/{trace}/feedback", headers=allowed)
    assert found.json() == {"feedback": []}


def test_138_who_is_suspended_rates_nothing(guarded: Guarded) -> None:
    key = guarded.key(Role.USER)
    headers = {"Authorization": f"Bearer {key}"}
    client = OpenAI(base_url=f"{guarded.url}/v1", api_key=key, max_retries=0)
    reply = client.chat.completions.create(model="lamps", messages=[said(QUESTION)])  # type: ignore[list-item]
    place = f"{guarded.url}/api/v1/traces/{reply.id.removeprefix('chatcmpl-')}/feedback"
    accounts, run = guarded.deployment.app.accounts, guarded.deployment.run
    run(accounts.change(OPERATOR, "ada", suspended=True))
    try:
        assert httpx.post(place, json={"value": 1}, headers=headers).status_code == 403
        with pytest.raises(openai.PermissionDeniedError):
            client.chat.completions.update(reply.id, metadata={"rating": "up"})
    finally:
        run(accounts.change(OPERATOR, "ada", suspended=False))
    assert httpx.get(place, headers=headers).json() == {"feedback": []}
