"""The routes of conversations: pages, words that are refused, and who may look."""

from __future__ import annotations

from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from tests.api.fake import FakeApp

ANNA = {"X-Ratchet-As": "anna"}


def begin(client: TestClient, headers: dict[str, str] | None = None, **body: str) -> str:
    made = client.post("/api/v1/conversations", json=body, headers=headers)
    assert made.status_code == 201, made.text
    return made.json()["id"]


def test_a_question_is_asked_in_a_conversation_by_its_id(client: TestClient) -> None:
    talk = begin(client)
    events = {"Accept": "text/event-stream"}
    body = {"question": "How long?", "conversation": talk}
    assert client.post("/api/v1/answers", json=body).status_code == 200
    streamed = client.post("/api/v1/answers", json=body, headers=events)
    assert "event: answer" in streamed.text
    shown = client.get(f"/api/v1/conversations/{talk}", params={"limit": 1}).json()
    assert (shown["conversation"]["title"], shown["next"]) == ("How long?", 1)
    assert [(one["n"], one["question"]) for one in shown["turns"]] == [(1, "How long?")]
    more = client.get(f"/api/v1/conversations/{talk}", params={"after": 1}).json()
    assert [one["n"] for one in more["turns"]] == [2]
    assert more["next"] is None
    for wrong, status in (
        ({"conversation": str(uuid4())}, 404),
        ({"conversation": "x"}, 422),
        ({"conversation": talk, "history": [{"role": "user", "content": "?"}]}, 422),
        ({"conversation": talk, "domain": "another"}, 422),
        ({"conversation": talk, "model": "nobody"}, 404),
    ):
        for headers in ({}, events):
            given = {"question": "?", **wrong}
            answer = client.post("/api/v1/answers", json=given, headers=headers)
            assert answer.status_code == status, wrong
    assert client.get(f"/api/v1/conversations/{talk}").json()["conversation"]["turns"] == 2


def test_pages_are_followed_by_their_cursor(client: TestClient) -> None:
    made = [begin(client, title=f"Talk {n}") for n in range(5)]
    seen, cursor = [], {}
    while True:
        page = client.get("/api/v1/conversations", params={"limit": 2, **cursor}).json()
        seen += [one["id"] for one in page["conversations"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == made[::-1]
    found = client.get("/api/v1/conversations", params={"search": "TALK 3"}).json()
    assert [one["id"] for one in found["conversations"]] == [made[3]]
    for wrong in ({"cursor": "nonsense"}, {"limit": 0}, {"limit": 201}, {"search": "x" * 201}):
        assert client.get("/api/v1/conversations", params=wrong).status_code == 422


def test_anothers_is_not_found_by_any_route(client: TestClient) -> None:
    talk = begin(client, ANNA, title="Anna's")
    token = client.post(f"/api/v1/conversations/{talk}/share", headers=ANNA).json()["link"]
    token = token.partition("#")[2]
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"title": "Mine"}),
        ("DELETE", "", None),
        ("PUT", "/turns/1", {"trace_id": talk}),
        ("POST", "/share", None),
        ("DELETE", "/share", None),
    ):
        answer = client.request(method, f"/api/v1/conversations/{talk}{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert client.get("/api/v1/conversations").json()["conversations"] == []
    look = "/api/v1/shared-conversations/look"
    seen = client.post(look, json={"token": token})
    assert seen.json()["conversation"]["title"] == "Anna's"
    assert client.delete(f"/api/v1/conversations/{talk}/share", headers=ANNA).status_code == 200
    for gone in (token, "x", talk):
        assert client.post(look, json={"token": gone}).status_code == 404
    assert client.delete(f"/api/v1/conversations/{talk}", headers=ANNA).status_code == 204
    assert client.get(f"/api/v1/conversations/{talk}", headers=ANNA).status_code == 404


@pytest.mark.parametrize("title", ["", " ", "a\nb", "\u202eevil", "x" * 201, "\x00"])
def test_what_is_no_title_is_refused(client: TestClient, title: str) -> None:
    talk = begin(client)
    for method, path in (("POST", ""), ("PATCH", f"/{talk}")):
        answer = client.request(method, f"/api/v1/conversations{path}", json={"title": title})
        assert answer.status_code == 422, (method, answer.text)


def test_a_link_leads_to_the_page_and_its_token_stays_in_the_browser(
    client: TestClient, fake: FakeApp
) -> None:
    talk = begin(client)
    link = client.post(f"/api/v1/conversations/{talk}/share").json()["link"]
    assert link.startswith(f"{fake.settings.server.url}/shared#")
    token = link.partition("#")[2]
    kept = fake.parts.conversations.shared(token).conversation
    assert token not in str(fake.parts.audit.list(10)) + kept.model_dump_json()
