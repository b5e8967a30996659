"""Who may call what, shown how: every route against every kind of person and carrier."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag.api.limits import Pace
from rag.api.policy import Policy
from rag.api.server import create_app
from rag.config import AccountSettings, LimitSettings, ServerSettings, Settings
from rag.errors import RateLimited
from rag.people import Caller
from rag.store.signins import Keys, Sessions
from rag.types import LOCAL, Principal, Role, utc_now
from tests.api.fake import FakeApp
from tests.api.routes import policy_of, routes_of

PASSWORD = "seven green pumps hum"
PEOPLE = {
    "ursula": {Role.USER},
    "dora": {Role.USER, Role.DATA},
    "adam": {Role.USER, Role.ADMIN},
}
OPERATOR = Principal(id=LOCAL, roles=frozenset(Role))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FakeApp:
    settings = Settings(
        data=tmp_path_factory.mktemp("data"),
        accounts=AccountSettings(required=True),
        limits=LimitSettings(requests_per_minute=0),
    )
    made = FakeApp(settings)
    for name, roles in PEOPLE.items():
        link = asyncio.run(made.accounts.invite(OPERATOR, name, roles))
        token = link.partition("#")[2]
        asyncio.run(made.accounts.join(token, None, PASSWORD))
    return made


@pytest.fixture
def client(app: FakeApp) -> Iterator[TestClient]:
    with TestClient(create_app(app), base_url="http://localhost:8000") as made:  # type: ignore[arg-type]
        yield made


def session_of(app: FakeApp, name: str) -> dict[str, str]:
    token = app.parts.sessions.open(name, "test")
    return {"Cookie": f"ratchet={token}", "Origin": "http://localhost:8000"}


def key_of(app: FakeApp, name: str, *scopes: Role) -> dict[str, str]:
    granted = scopes or tuple(PEOPLE[name])
    _, key = app.parts.keys.add(name, "test", granted, timedelta(hours=1))
    return {"Authorization": f"Bearer {key}"}


def operator_of(app: FakeApp) -> dict[str, str]:
    return {"Authorization": f"Bearer {app.parts.vault.operator()}"}


CARRIERS = {"session": session_of, "key": key_of}


ROUTES = [
    (method, route.path, policy_of(route))
    for route in routes_of(create_app(FakeApp(Settings(data=Path("unused")))))  # type: ignore[arg-type]
    for method in sorted(route.methods - {"HEAD"})
]


def called(client: TestClient, method: str, path: str, headers: dict[str, str]) -> int:
    concrete = re.sub(r"\{[^}]+\}", "0" * 36, path)
    return client.request(method, concrete, headers=headers, follow_redirects=False).status_code


@pytest.mark.parametrize(("method", "path", "policy"), ROUTES)
def test_every_route_asks_who_and_for_the_role(
    app: FakeApp, client: TestClient, method: str, path: str, policy: object
) -> None:
    if not isinstance(policy, Policy):
        # Open to all: nobody is asked to sign in, whatever else is wrong with the request.
        assert called(client, method, path, {}) not in (401, 403)
        return
    forged = {"Cookie": f"ratchet={'x' * 43}", "Origin": "http://localhost:8000"}
    for nobody in ({}, {"Authorization": "Bearer rk_wrong"}, {"Authorization": "x"}, forged):
        assert called(client, method, path, nobody) == 401
    for name, roles in PEOPLE.items():
        for carry in CARRIERS.values():
            status = called(client, method, path, carry(app, name))
            assert status != 401
            if policy.role not in roles:
                assert status == 403


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_is_suspended_ends_at_once(app: FakeApp, client: TestClient, carrier: str) -> None:
    held = CARRIERS[carrier](app, "ursula")
    assert client.get("/api/v1/session", headers=held).status_code == 200
    asyncio.run(app.accounts.change(OPERATOR, "ursula", suspended=True))
    try:
        assert client.get("/api/v1/session", headers=held).status_code in (401, 403)
    finally:
        asyncio.run(app.accounts.change(OPERATOR, "ursula", suspended=False))


def test_a_key_may_use_no_more_than_its_scopes(app: FakeApp, client: TestClient) -> None:
    narrow = key_of(app, "adam", Role.USER)
    assert client.get("/api/v1/session", headers=narrow).json()["roles"] == ["user"]
    assert client.get("/api/v1/accounts", headers=narrow).status_code == 403
    made = client.post("/api/v1/keys", headers=narrow, json={"name": "another"})
    assert (made.status_code, "key" in made.json()["detail"]) == (403, True)
    asyncio.run(app.accounts.change(OPERATOR, "dora", roles=[Role.USER]))
    wide = key_of(app, "dora", Role.USER, Role.DATA)
    assert client.get("/api/v1/session", headers=wide).json()["roles"] == ["user"]
    asyncio.run(app.accounts.change(OPERATOR, "dora", roles=PEOPLE["dora"]))
    assert client.get("/api/v1/session", headers=wide).json()["roles"] == ["data", "user"]


def test_nobody_asks_as_another_but_who_runs_the_server(app: FakeApp, client: TestClient) -> None:
    as_ursula = {"X-Ratchet-As": "ursula"}
    for name in PEOPLE:
        for carry in CARRIERS.values():
            answer = client.get("/api/v1/session", headers={**carry(app, name), **as_ursula})
            assert answer.status_code == 403
    me = client.get("/api/v1/session", headers={**operator_of(app), **as_ursula}).json()
    assert (me["user"], me["roles"]) == ("ursula", ["user"])
    forged = {"Authorization": "Bearer ro_" + "0" * 64}
    assert client.get("/api/v1/session", headers=forged).status_code == 401


def test_anothers_key_and_session_are_not_found(app: FakeApp, client: TestClient) -> None:
    client_key = client.post(
        "/api/v1/keys", headers=session_of(app, "ursula"), json={"name": "mine"}
    ).json()["key"]
    session = app.parts.sessions.list("ursula")[0]
    for name in ("dora", "adam"):
        other = session_of(app, name)
        for path in (f"keys/{client_key['id']}", f"sessions/{session.id}"):
            assert client.delete(f"/api/v1/{path}", headers=other).status_code == 404
        shown = client.get("/api/v1/keys", headers=other).json()["keys"]
        assert client_key["id"] not in [key["id"] for key in shown]
    removed = client.delete(f"/api/v1/keys/{client_key['id']}", headers=session_of(app, "ursula"))
    assert removed.status_code == 200


def test_signing_in_and_out(app: FakeApp, client: TestClient) -> None:
    page = {"Origin": "http://localhost:8000"}
    wrong = [{"name": "ursula", "password": "x"}, {"name": "nobody", "password": PASSWORD}]
    refused = [client.post("/api/v1/session", headers=page, json=body) for body in wrong]
    assert [one.status_code for one in refused] == [401, 401]
    assert refused[0].json()["detail"] == refused[1].json()["detail"]
    entered = client.post(
        "/api/v1/session", headers=page, json={"name": " Ursula ", "password": PASSWORD}
    )
    cookie = entered.headers["set-cookie"].lower()
    assert entered.json()["id"] == "ursula"
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert PASSWORD not in entered.text
    assert client.get("/api/v1/session").json()["carrier"] == "session"
    assert client.delete("/api/v1/session", headers=page).json() == {"ended": 1}
    assert client.get("/api/v1/session").status_code == 401


def test_over_tls_the_cookie_is_the_hosts_alone(tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path,
        server=ServerSettings(public_url="https://localhost"),
        accounts=AccountSettings(required=True),
    )
    app = FakeApp(settings)
    link = asyncio.run(app.accounts.first_link())
    assert link is not None
    assert link.startswith("https://localhost/join#")
    token = link.partition("#")[2]
    with TestClient(create_app(app), base_url="https://localhost") as client:  # type: ignore[arg-type]
        body = {"token": token, "name": "ada", "password": PASSWORD}
        joined = client.post("/api/v1/invitations/accept", json=body)
        cookie = joined.headers["set-cookie"]
        assert cookie.startswith("__Host-ratchet=")
        assert "Secure" in cookie
        assert set(joined.json()["roles"]) == set(Role)
        assert client.post("/api/v1/invitations/accept", json=body).status_code == 404
        assert asyncio.run(app.accounts.first_link()) is None


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://localhost:8000"}, 200),
        ({"Origin": "http://localhost:8000", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_cookie_serves_our_own_page_alone(
    app: FakeApp, client: TestClient, said: dict[str, str], status: int
) -> None:
    cookie = {"Cookie": session_of(app, "ursula")["Cookie"]}
    answer = client.delete("/api/v1/session", headers={**cookie, **said})
    assert answer.status_code == status


def test_sessions_and_keys_end_by_themselves(app: FakeApp) -> None:
    now = utc_now()
    clock = [now]
    sessions = Sessions(app.parts.database, lambda: clock[0])
    idle, absolute = timedelta(hours=1), timedelta(hours=3)
    token = sessions.open("ursula", "")
    for minutes in (59, 110, 160):
        clock[0] = now + timedelta(minutes=minutes)
        assert sessions.find(token, idle, absolute) is not None
    clock[0] = now + timedelta(minutes=181)
    assert sessions.find(token, idle, absolute) is None
    clock[0] = now
    assert sessions.find(token, idle, absolute) is None
    keys = Keys(app.parts.database, lambda: clock[0])
    _, key = keys.add("ursula", "short", {Role.USER}, timedelta(hours=1))
    assert keys.find(key) is not None
    clock[0] = now + timedelta(hours=1)
    assert keys.find(key) is None


def test_what_is_counted_is_for_admins(app: FakeApp, client: TestClient) -> None:
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers=key_of(app, "ursula")).status_code == 403
    assert client.get("/metrics", headers=key_of(app, "adam")).status_code == 200


def test_only_digests_are_kept(app: FakeApp) -> None:
    token = app.parts.sessions.open("ursula", "")
    _, key = app.parts.keys.add("ursula", "kept", {Role.USER}, timedelta(hours=1))
    link = asyncio.run(app.accounts.invite(OPERATOR, "vera", {Role.USER}))
    app.parts.database.engine.dispose()
    kept = b"".join(path.read_bytes() for path in app.settings.data.glob("ratchet.db*"))
    for secret in (token, key, link.partition("#")[2], PASSWORD):
        assert secret.encode() not in kept


def test_the_only_admin_stays(app: FakeApp, client: TestClient) -> None:
    admin = session_of(app, "adam")
    for change in ({"roles": ["user"]}, {"suspended": True}):
        answer = client.patch("/api/v1/accounts/adam", headers=admin, json=change)
        assert answer.status_code == 409
    assert client.get("/api/v1/session", headers=admin).json()["roles"] == ["admin", "user"]


def test_accounts_come_in_pages(app: FakeApp, client: TestClient) -> None:
    admin, found, cursor = session_of(app, "adam"), [], {}
    while True:
        page = client.get("/api/v1/accounts", headers=admin, params={"limit": 2, **cursor}).json()
        assert len(page["accounts"]) <= 2
        found += [one["id"] for one in page["accounts"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == [one.id for one in app.parts.accounts.list()]
    assert len(found) > 2


def test_what_admins_do_is_in_the_audit_log(app: FakeApp, client: TestClient) -> None:
    admin = session_of(app, "adam")
    client.patch("/api/v1/accounts/dora", headers=admin, json={"roles": ["user", "data"]})
    page = client.get("/api/v1/audit?limit=1", headers=admin).json()
    (entry,) = page["entries"]
    assert (entry["actor"], entry["act"], entry["object"]) == ("adam", "change account", "dora")
    assert entry["details"] == {"roles": ["data", "user"]}
    older = client.get(f"/api/v1/audit?limit=1&before={page['next']}", headers=admin).json()
    assert older["entries"][0]["id"] < entry["id"]
    assert client.get("/api/v1/audit", headers=session_of(app, "dora")).status_code == 403


@pytest.mark.parametrize("password", ["short", "a" * 201, "aaaaaaaaaaaaaa", "wanda-and-wanda-1"])
def test_a_password_that_is_easy_to_guess_is_refused(
    app: FakeApp, client: TestClient, password: str
) -> None:
    link = asyncio.run(app.accounts.invite(OPERATOR, "wanda", {Role.USER}))
    body = {"token": link.partition("#")[2], "password": password}
    refused = client.post("/api/v1/invitations/accept", json=body)
    assert refused.status_code == 422
    assert password not in refused.text
    body["password"] = PASSWORD
    assert client.post("/api/v1/invitations/accept", json=body).status_code == 200


def test_a_new_link_ends_the_one_before_and_changes_no_roles(app: FakeApp) -> None:
    first = asyncio.run(app.accounts.invite(OPERATOR, "xenia", {Role.USER}))
    asyncio.run(app.accounts.join(first.partition("#")[2], None, PASSWORD))
    old = asyncio.run(app.accounts.invite(OPERATOR, "xenia", {Role.ADMIN}))
    new = asyncio.run(app.accounts.invite(OPERATOR, "xenia", {Role.ADMIN}))
    before = app.parts.sessions.open("xenia", "")
    with pytest.raises(Exception, match="replaced"):
        asyncio.run(app.accounts.join(old.partition("#")[2], None, PASSWORD + "!"))
    account = asyncio.run(app.accounts.join(new.partition("#")[2], None, PASSWORD + "!")).account
    assert account.roles == {Role.USER}
    day = timedelta(days=1)
    assert app.parts.sessions.find(before, day, day) is None


def test_guessing_has_to_wait(app: FakeApp) -> None:
    for _ in range(5):
        with pytest.raises(Exception, match="wrong"):
            asyncio.run(app.accounts.sign_in("guessed", "a guess"))
    with pytest.raises(RateLimited) as refused:
        asyncio.run(app.accounts.sign_in("guessed", "a guess"))
    assert refused.value.after_s >= 1


def test_a_burst_is_fine_and_a_flood_is_not() -> None:
    clock = [0.0]
    pace = Pace(LimitSettings(requests_per_minute=60), lambda: clock[0])
    ursula, key = Caller("ursula", "session", "s"), Caller("ursula", "key", "k")
    for _ in range(60):
        pace.require(ursula)
    with pytest.raises(RateLimited) as refused:
        pace.require(ursula)
    assert refused.value.after_s == 1
    pace.require(key)  # a key has an allowance of its own
    for _ in range(1_000):
        pace.require(Caller(LOCAL, "operator"))
    clock[0] += 2
    for _ in range(2):
        pace.require(ursula)
    with pytest.raises(RateLimited):
        pace.require(ursula)


def test_answers_at_once_are_counted_per_person() -> None:
    pace = Pace(LimitSettings(answers_at_once=1))

    async def work() -> None:
        ursula = Caller("ursula", "session", "s")
        async with pace.asking(ursula):
            async with pace.asking(Caller("dora", "session", "s")):
                pass
            with pytest.raises(RateLimited):
                async with pace.asking(ursula._replace(handle="other")):
                    pass
        async with pace.asking(ursula):
            pass

    asyncio.run(work())


def test_too_many_says_when_to_come_again(tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path,
        accounts=AccountSettings(required=True),
        limits=LimitSettings(requests_per_minute=1),
    )
    app = FakeApp(settings)
    link = asyncio.run(app.accounts.first_link())
    asyncio.run(app.accounts.join(str(link).partition("#")[2], "ada", PASSWORD))
    held = session_of(app, "ada")
    with TestClient(create_app(app), base_url="http://localhost:8000") as client:  # type: ignore[arg-type]
        assert client.get("/api/v1/session", headers=held).status_code == 200
        refused = client.get("/api/v1/session", headers=held)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
