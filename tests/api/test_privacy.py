"""A person's data over HTTP: whole lines, for them and for admins; erased, nobody gets in."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag.api.server import create_app
from rag.config import AccountSettings, Settings
from rag.types import LOCAL, Principal, Role
from tests.api.fake import FakeApp
from tests.api.test_accounts import PASSWORD

OPERATOR = Principal(id=LOCAL, roles=frozenset(Role))
PAGE = {"Origin": "http://localhost:8000"}


def opened(root: Path, *, erase_self: bool = False) -> tuple[FakeApp, TestClient]:
    settings = Settings(data=root, accounts=AccountSettings(required=True, erase_self=erase_self))
    app = FakeApp(settings)
    for name, roles in {"adam": set(Role), "ursula": {Role.USER}}.items():
        link = asyncio.run(app.accounts.invite(OPERATOR, name, roles))
        asyncio.run(app.accounts.join(link.partition("#")[2], None, PASSWORD))
    return app, TestClient(create_app(app), base_url="http://localhost:8000")  # type: ignore[arg-type]


def session_of(app: FakeApp, name: str) -> dict[str, str]:
    return {**PAGE, "Cookie": f"ratchet={app.parts.sessions.open(name, 'a browser')}"}


def test_an_export_is_whole_lines_between_a_head_and_an_end(tmp_path: Path) -> None:
    app, client = opened(tmp_path)
    for path, who in (("data", "ursula"), ("people/ursula/data", "adam")):
        answer = client.get(f"/api/v1/{path}", headers=session_of(app, who))
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        assert "attachment" in answer.headers["content-disposition"]
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert lines[0]["export"]["person"] == "ursula"
        assert lines[-1] == {"end": {"rows": len(lines) - 2}}
        tables = {line["table"] for line in lines[1:-1]}
        assert {"accounts", "sessions", "audit"} <= tables
        assert PASSWORD not in answer.text
        assert "password" not in next(
            line["row"] for line in lines[1:-1] if line["table"] == "accounts"
        )
    as_user = session_of(app, "ursula")
    assert client.get("/api/v1/people/adam/data", headers=as_user).status_code == 403
    assert client.delete("/api/v1/people/adam/data", headers=as_user).status_code == 403
    as_admin = session_of(app, "adam")
    for method in ("GET", "DELETE"):
        answer = client.request(method, "/api/v1/people/no%20body/data", headers=as_admin)
        assert answer.status_code == 404
    acts = [(one.actor, one.act, one.object) for one in app.parts.audit.list(10)]
    assert ("adam", "export person", "ursula") in acts


def test_who_is_erased_is_out_at_once(tmp_path: Path) -> None:
    app, client = opened(tmp_path)
    session = session_of(app, "ursula")
    key = client.post("/api/v1/keys", headers=session, json={"name": "mine"}).json()["secret"]
    assert client.delete("/api/v1/data", headers=session).status_code == 403, "no admin let her"
    as_admin = session_of(app, "adam")
    done = client.delete("/api/v1/people/ursula/data", headers=as_admin).json()
    assert done["deleted"]["accounts"] == done["deleted"]["api_keys"] == 1
    assert done["remark"] == ""
    for carried in (session, {"Authorization": f"Bearer {key}"}):
        assert client.get("/api/v1/session", headers=carried).status_code == 401
    told = json.dumps(client.get("/api/v1/audit", headers=as_admin).json())
    assert "ursula" not in told
    assert done["pseudonym"] in told
    refused = client.delete("/api/v1/people/adam/data", headers=as_admin)
    assert (refused.status_code, refused.json()["detail"]) == (409, "'adam' is the only admin.")
    assert client.get("/api/v1/session", headers=as_admin).status_code == 200
    link = client.post("/api/v1/invitations", headers=as_admin, json={"name": done["pseudonym"]})
    assert link.status_code == 422, "nobody is to be taken for somebody who was erased"


@pytest.mark.parametrize("carrier", ["session", "key"])
def test_people_erase_themselves_where_admins_let_them(tmp_path: Path, carrier: str) -> None:
    app, client = opened(tmp_path, erase_self=True)
    carried = session_of(app, "ursula")
    if carrier == "key":
        made = client.post("/api/v1/keys", headers=carried, json={"name": "mine"}).json()
        carried = {"Authorization": f"Bearer {made['secret']}"}
    answer = client.delete("/api/v1/data", headers=carried)
    assert answer.status_code == (200 if carrier == "session" else 403)
    known = [one.id for one in app.parts.accounts.list()]
    assert known == (["adam"] if carrier == "session" else ["adam", "ursula"])
    if carrier == "session":
        acts = app.parts.audit.list(1)
        assert acts[0].actor == acts[0].object == answer.json()["pseudonym"]
