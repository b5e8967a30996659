"""What admins see and end of other people's ways in, and how they look through what was done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag.api.server import create_app
from rag.config import AccountSettings, LimitSettings, Settings
from rag.types import LOCAL, Principal, Role
from tests.api.fake import FakeApp
from tests.api.test_accounts import PASSWORD, key_of, session_of

OPERATOR = Principal(id=LOCAL, roles=frozenset(Role))


@pytest.fixture
def app(tmp_path: Path) -> FakeApp:
    settings = Settings(
        data=tmp_path,
        accounts=AccountSettings(required=True),
        limits=LimitSettings(requests_per_minute=0),
    )
    made = FakeApp(settings)
    for name, roles in (("ursula", {Role.USER}), ("adam", {Role.USER, Role.ADMIN})):
        link = asyncio.run(made.accounts.invite(OPERATOR, name, roles))
        asyncio.run(made.accounts.join(link.partition("#")[2], None, PASSWORD))
    return made


@pytest.fixture
def client(app: FakeApp) -> Iterator[TestClient]:
    with TestClient(create_app(app), base_url="http://localhost:8000") as made:  # type: ignore[arg-type]
        yield made


def test_somebody_is_signed_out_everywhere_and_it_is_told(app: FakeApp, client: TestClient) -> None:
    admin, hers = session_of(app, "adam"), session_of(app, "ursula")
    path = "/api/v1/accounts/ursula/sessions"
    before = client.get(path, headers=admin).json()["sessions"]
    assert len(before) == 2
    assert not {"digest", "token"} & before[0].keys()
    ended = client.delete(f"{path}/{before[1]['id']}", headers=admin)
    assert ended.json() == {"ended": 1}
    assert client.delete(f"{path}/{before[1]['id']}", headers=admin).status_code == 404
    assert client.delete(path, headers=admin).json() == {"ended": 1}
    assert client.get("/api/v1/session", headers=hers).status_code == 401
    assert client.get("/api/v1/session", headers=admin).status_code == 200
    assert client.get("/api/v1/accounts/nobody/sessions", headers=admin).status_code == 404
    (entry, _) = app.parts.audit.list(2)
    assert (entry.actor, entry.act, entry.object) == ("adam", "end sessions", "ursula")


def test_everybodys_keys_have_pages_and_any_is_removed(app: FakeApp, client: TestClient) -> None:
    admin = session_of(app, "adam")
    theirs = [key_of(app, "ursula") for _ in range(3)]
    app.parts.keys.add("adam", "mine", {Role.ADMIN}, timedelta(days=1))
    first = client.get("/api/v1/keys/all?limit=3", headers=admin).json()
    rest = client.get(f"/api/v1/keys/all?limit=3&cursor={first['next']}", headers=admin).json()
    assert [len(first["keys"]), len(rest["keys"]), rest["next"]] == [3, 1, None]
    shown = client.get("/api/v1/keys/all?owner=ursula", headers=admin).json()["keys"]
    assert [one["account"] for one in shown] == ["ursula"] * 3
    # Newest first: the last one made stands first.
    assert client.delete(f"/api/v1/keys/all/{shown[0]['id']}", headers=admin).status_code == 200
    assert client.get("/api/v1/session", headers=theirs[2]).status_code == 401
    gone = client.get(f"/api/v1/keys/all?cursor={shown[0]['id']}", headers=admin)
    assert gone.status_code == 422


def test_ones_own_keys_have_pages_too_and_are_nobody_elses(
    app: FakeApp, client: TestClient
) -> None:
    hers = session_of(app, "ursula")
    for number in range(3):
        app.parts.keys.add("ursula", f"k{number}", {Role.USER}, timedelta(days=1))
    other, _ = app.parts.keys.add("adam", "his", {Role.USER}, timedelta(days=1))
    page = client.get("/api/v1/keys?limit=2", headers=hers).json()
    rest = client.get(f"/api/v1/keys?cursor={page['next']}", headers=hers).json()
    assert len(page["keys"]) + len(rest["keys"]) == 3
    assert {one["account"] for one in page["keys"]} == {"ursula"}
    assert client.get(f"/api/v1/keys?cursor={other.id}", headers=hers).status_code == 422


def test_a_link_nobody_used_is_listed_and_withdrawn(app: FakeApp, client: TestClient) -> None:
    admin = session_of(app, "adam")
    body = {"name": "bea", "roles": ["user", "data"]}
    link = client.post("/api/v1/invitations", headers=admin, json=body).json()["link"]
    client.post("/api/v1/invitations", headers=admin, json={"name": "ursula"})
    listed = client.get("/api/v1/invitations", headers=admin)
    found = {one["name"]: one for one in listed.json()["invitations"]}
    assert found["bea"]["roles"] == ["data", "user"]
    assert (found["bea"]["again"], found["ursula"]["again"]) == (False, True)
    token = link.partition("#")[2]
    assert token not in listed.text
    assert client.delete("/api/v1/invitations/bea", headers=admin).status_code == 204
    assert client.post("/api/v1/invitations/look", json={"token": token}).status_code == 404
    assert client.delete("/api/v1/invitations/bea", headers=admin).status_code == 404


def test_accounts_are_sought_by_a_part_of_their_name(app: FakeApp, client: TestClient) -> None:
    admin = session_of(app, "adam")
    for search, found in (("URS", ["ursula"]), ("", ["adam", "ursula"]), ("%", []), ("_", [])):
        got = client.get("/api/v1/accounts", params={"search": search}, headers=admin).json()
        assert [one["id"] for one in got["accounts"]] == found


def test_the_audit_log_is_narrowed(app: FakeApp, client: TestClient) -> None:
    admin = session_of(app, "adam")
    with pytest.raises(Exception, match="wrong"):
        asyncio.run(app.accounts.sign_in("ursula", "no such password"))

    def told(**query: str) -> list[tuple[str, str, str]]:
        got = client.get("/api/v1/audit", params=query, headers=admin)
        assert got.status_code == 200, got.text
        return [(one["actor"], one["act"], one["object"]) for one in got.json()["entries"]]

    refused = ("anonymous", "sign in refused", "ursula")
    assert told(refused="true") == [refused]
    assert refused not in told(refused="false")
    assert told(act="join", object="URS") == [("ursula", "join", "ursula")]
    assert {one[0] for one in told(actor="ada")} == {"adam"}
    assert told(since="2999-01-01T00:00:00Z") == []
    assert told(until="2001-01-01T00:00:00Z") == []
    assert len(told(since="2001-01-01T00:00:00Z", until="2999-01-01T00:00:00Z")) == len(told())
    assert client.get("/api/v1/audit?since=2001-01-01", headers=admin).status_code == 422


def test_settings_are_shown_and_a_draft_is_looked_over_but_not_kept(
    app: FakeApp, client: TestClient
) -> None:
    admin, hers = session_of(app, "adam"), session_of(app, "ursula")
    shown = client.get("/api/v1/settings", headers=admin).json()
    keys = {one["key"] for part in shown["sections"] for one in part["settings"]}
    assert {"data", "server.port", "oidc.client_secret"} <= keys
    for text, wrong in (("[server]\nport = 0\n", "server.port"), ("[", "TOML"), ("", "")):
        got = client.post("/api/v1/settings/check", headers=admin, json={"text": text})
        assert got.status_code == 200
        problems = got.json()["problems"]
        assert bool(problems) == bool(wrong)
        assert wrong in "".join(problems)
    assert not (app.settings.data / "rag.toml").exists()
    for path in ("settings", "upkeep"):
        assert client.get(f"/api/v1/{path}", headers=hers).status_code == 403
    refused = client.post("/api/v1/settings/check", headers=hers, json={"text": ""})
    assert refused.status_code == 403
