"""A request sent again under its idempotency key is done once, by whatever way it came."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from openai import ConflictError, OpenAI

from rag.api.openapi import document
from rag.errors import Conflict, TooSoon
from rag.store.database import Database
from rag.store.repeats import KEPT, LOST_AFTER, Repeats
from tests.ways.conftest import Deployment, running, written

QUESTION = "How long is the warranty on a new lamp?"
TAKE_A_KEY = {
    "POST /api/v1/answers",
    "POST /api/v1/conversations",
    "POST /api/v1/dataset-builds",
    "POST /api/v1/datasets/{name}/verifications",
    "POST /api/v1/keys",
    "POST /api/v1/sources",
    "POST /api/v1/sources/{source}/sync",
    "POST /api/v1/traces/{trace_id}/feedback",
    "POST /v1/chat/completions",
    "POST /v1/chat/completions/{completion}",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with running(written(tmp_path_factory.mktemp("once"))) as made:
        yield made


@pytest.fixture
def post(site: Deployment) -> Iterator[Callable[..., httpx.Response]]:
    with httpx.Client(base_url=f"{site.url}/api/v1", timeout=60) as http:

        def post(path: str, key: str, body: Any = None, **more: str) -> httpx.Response:
            return http.post(path, json=body, headers={"Idempotency-Key": key, **more})

        yield post


def test_the_document_says_which_requests_take_a_key() -> None:
    said = {
        f"{method.upper()} {path}"
        for path, operations in document()["paths"].items()
        for method, one in operations.items()
        if any(each["name"] == "Idempotency-Key" for each in one.get("parameters", ()))
    }
    assert said == TAKE_A_KEY


def test_an_answer_is_made_once_however_often_it_is_asked_for(
    site: Deployment, post: Callable[..., httpx.Response]
) -> None:
    talk = post("/conversations", "talk", {}).json()["id"]
    body = {"question": QUESTION, "conversation": talk}
    first = post("/answers", "one", body).json()
    second = post("/answers", "one", body).json()
    assert "24 months" in first["answer"]
    assert {**second, "searched": first["searched"]} == first
    stream = post("/answers", "one", body, Accept="text/event-stream").text
    names = [line[7:] for line in stream.splitlines() if line.startswith("event: ")]
    assert names == ["started", "token", "answer"]
    said = json.loads(stream.strip().rpartition("data: ")[2])
    assert (said["trace_id"], said["answer"]) == (first["trace_id"], first["answer"])
    assert [one["trace_id"] for one in turns(site, talk)] == [first["trace_id"]]


def test_a_streamed_answer_is_made_once_too(
    site: Deployment, post: Callable[..., httpx.Response]
) -> None:
    talk = post("/conversations", "talk-2", {}).json()["id"]
    body = {"question": QUESTION, "conversation": talk}
    for _ in range(2):
        assert "24 months" in post("/answers", "two", body, Accept="text/event-stream").text
    assert len(turns(site, talk)) == 1


def turns(site: Deployment, talk: str) -> list[dict]:
    return httpx.get(f"{site.url}/api/v1/conversations/{talk}").json()["turns"]


def test_openais_client_asks_once(site: Deployment) -> None:
    client = OpenAI(base_url=f"{site.url}/v1", api_key="none", max_retries=0)
    asked: Any = {"model": "lamps", "messages": [{"role": "user", "content": QUESTION}]}
    headers = {"Idempotency-Key": "openai"}
    one, two = (client.chat.completions.create(**asked, extra_headers=headers) for _ in range(2))
    assert one.id == two.id
    with pytest.raises(ConflictError):
        client.chat.completions.create(**asked, stream=True, extra_headers=headers)
    headers = {"Idempotency-Key": "openai-stream"}
    streams = [
        list(client.chat.completions.create(**asked, stream=True, extra_headers=headers))
        for _ in range(2)
    ]
    assert len({chunk.id for chunks in streams for chunk in chunks}) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/conversations", {"title": "Lamps"}),
        ("/sources", {"connector": "uploads", "name": "box"}),
        ("/sources/documents/sync", None),
    ],
)
def test_what_is_made_or_begun_is_given_again(
    post: Callable[..., httpx.Response], path: str, body: Any
) -> None:
    first, second = (post(path, path.replace("/", "-"), body) for _ in range(2))
    assert first.is_success
    assert (second.status_code, second.json()["id"]) == (first.status_code, first.json()["id"])


def test_a_key_belongs_to_one_request(post: Callable[..., httpx.Response]) -> None:
    assert post("/conversations", "k", {"title": "A"}).status_code == 201
    other = post("/conversations", "k", {"title": "B"})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


def test_another_persons_key_is_another(post: Callable[..., httpx.Response]) -> None:
    made = {
        post("/conversations", "shared", {}, **{"X-Ratchet-As": who}).json()["id"]
        for who in ("robin", "guest")
    }
    assert len(made) == 2


def test_what_failed_is_done_again(post: Callable[..., httpx.Response]) -> None:
    for _ in range(2):
        assert post("/answers", "bad", {"question": QUESTION, "model": "no"}).status_code == 404


def test_what_was_deleted_since_is_not_given_again(
    site: Deployment, post: Callable[..., httpx.Response]
) -> None:
    talk = post("/conversations", "gone", {}).json()["id"]
    httpx.delete(f"{site.url}/api/v1/conversations/{talk}")
    assert post("/conversations", "gone", {}).status_code == 404


def test_at_once_one_does_it_and_the_others_are_told_to_come_again(database_url: str) -> None:
    repeats = opened(database_url)

    def begin(_: int) -> str:
        try:
            return "did" if repeats.begin("anna", "k", "d") is None else "done"
        except TooSoon:
            return "wait"

    with ThreadPoolExecutor(8) as threads:
        said = sorted(threads.map(begin, range(16)))
    assert said == ["did"] + ["wait"] * 15
    repeats.end("anna", "k", "thing")
    assert repeats.begin("anna", "k", "d") == "thing"
    with pytest.raises(Conflict):
        repeats.begin("anna", "k", "other")
    repeats.database.close()


def test_what_a_killed_server_was_doing_can_be_done_again_and_old_keys_end(
    database_url: str,
) -> None:
    repeats = opened(database_url)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    repeats.now = lambda: now
    assert repeats.begin("anna", "k", "d") is None
    now += LOST_AFTER + timedelta(seconds=1)
    assert repeats.begin("anna", "k", "d") is None
    with pytest.raises(TooSoon):
        repeats.begin("anna", "k", "d")
    repeats.end("anna", "k", "thing")
    now += KEPT
    assert repeats.begin("anna", "k", "d") == "thing"
    now += timedelta(seconds=1)
    assert repeats.forget() == 1
    assert repeats.begin("anna", "k", "another") is None
    repeats.database.close()


def opened(url: str) -> Repeats:
    database = Database(url)
    database.migrate()
    return Repeats(database, lambda: datetime.now(UTC))
