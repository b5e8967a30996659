"""The routes of runs: asked for, listed, followed, cancelled; sources on a schedule."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient

from tests.api.fake import FakeApp

API = "/api/v1"


@pytest.fixture
def source(client: TestClient) -> str:
    body = {"connector": "files", "config": {"path": "/docs"}, "name": "manuals"}
    assert client.post(f"{API}/sources", json=body).status_code == 201
    return f"{API}/sources/manuals"


def test_a_run_is_asked_for_listed_followed_and_cancelled(client: TestClient, source: str) -> None:
    asked = client.post(f"{source}/sync")
    assert asked.status_code == 202
    run = asked.json()
    assert (run["state"], run["source"], run["requested_by"]) == ("queued", "manuals", "local")
    busy = client.post(f"{source}/sync")
    assert busy.status_code == 409
    assert run["id"] in busy.json()["detail"]
    assert client.get(f"{API}/runs").json() == {"runs": [run], "next": None}
    of = client.get(f"{API}/runs", params={"source": "manuals"})
    assert of.json() == {"runs": [run], "next": None}
    assert client.get(f"{API}/runs", params={"cursor": "none"}).status_code == 422
    assert client.get(f"{API}/runs", params={"source": "none"}).status_code == 404
    one = f"{API}/runs/{run['id']}"
    assert client.get(one).json() == run
    lines = client.get(f"{one}/events").text.splitlines()
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    told = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert names == ["progress", "progress", "result"]
    assert told[1]["progress"]["seconds_left"] == 2.0
    assert told[2]["report"]["added"] == 2
    for _ in range(2):
        assert client.post(f"{one}/cancel").json()["state"] == "cancelled"
    assert client.post(f"{source}/sync").status_code == 202


def test_an_unknown_run_is_not_found(client: TestClient) -> None:
    for method, path in (("GET", "x"), ("GET", "x/events"), ("POST", "x/cancel")):
        answer = client.request(method, f"{API}/runs/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_schedule_is_set_and_taken_away(client: TestClient, source: str) -> None:
    hourly = client.put(f"{source}/schedule", json={"cron": "30 * * * *"}).json()
    assert hourly["schedule"] == {"cron": "30 * * * *", "every_seconds": None}
    assert hourly["next_sync"] == "2026-01-01T00:30:00Z"
    often = client.put(f"{source}/schedule", json={"every_seconds": 900}).json()
    assert often["next_sync"] == "2026-01-01T00:15:00Z"
    assert client.put(f"{source}/schedule", json={}).json()["schedule"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"cron": "often"}, "cron"),
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": "* * * * * *"}, "cron"),
        ({"every_seconds": 1}, "every_seconds"),
        ({"every_seconds": "x"}, "every_seconds"),
        ({"hourly": True}, "hourly"),
    ],
)
def test_a_wrong_schedule_is_refused_naming_the_field(
    client: TestClient, source: str, body: dict, field: str
) -> None:
    answer = client.put(f"{source}/schedule", json=body)
    assert answer.status_code == 422
    assert field in answer.json()["detail"]


def test_only_admins_see_and_move_runs(client: TestClient, source: str, fake: FakeApp) -> None:
    client.post(f"{source}/sync")
    anna = {"X-Ratchet-As": "anna"}
    for method, path in (
        ("POST", "sources/manuals/sync"),
        ("PUT", "sources/manuals/schedule"),
        ("GET", "runs"),
        ("GET", "runs/run-0"),
        ("GET", "runs/run-0/events"),
        ("POST", "runs/run-0/cancel"),
    ):
        body = {} if method == "PUT" else None
        answer = client.request(method, f"{API}/{path}", headers=anna, json=body)
        assert answer.status_code == 403, path
    assert not fake.ran[0].ended
