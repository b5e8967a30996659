"""Signing in at a real (mock) identity provider over HTTP, and everything that must not get in."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from pydantic import SecretStr

from rag.api.server import create_app
from rag.backends.oidc import Provider
from rag.config import AccountSettings, OidcSettings, Settings
from rag.errors import ConfigError, RagError, Unauthenticated, Unavailable
from rag.types import LOCAL, Principal, Role
from tests.api.fake import FakeApp

pytestmark = pytest.mark.filterwarnings("ignore")
PEOPLE = {
    "s-ada": {"email": "Ada@Example.org", "email_verified": True, "groups": ["staff", "it"]},
    "s-bob": {"email": "bob@example.org", "email_verified": True, "groups": ["staff"]},
    "s-eve": {"email": "ada@example.org", "email_verified": True},
    "s-mal": {"email": "mal@example.org", "email_verified": False},
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    from oidc_provider_mock import User, run_server_in_thread

    people = [User(sub=sub, claims=claims) for sub, claims in PEOPLE.items()]
    with run_server_in_thread(user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def app(tmp_path: Path, issuer: str) -> FakeApp:
    oidc = OidcSettings(
        issuer=issuer, client_id="ratchet", client_secret=SecretStr("s"), admin_groups=("it",)
    )
    return FakeApp(Settings(data=tmp_path, accounts=AccountSettings(required=True), oidc=oidc))


@pytest.fixture
def client(app: FakeApp) -> Iterator[TestClient]:
    with TestClient(create_app(app), base_url="http://127.0.0.1:8000") as made:  # type: ignore[arg-type]
        yield made


def told(refused: httpx.Response) -> str:
    """Why, as the page reads it: from a cookie, for an address anybody could make up."""
    assert refused.headers["location"] == "/sign-in"
    return unquote(refused.cookies["ratchet-refused"])


def came_back(client: TestClient, subject: str) -> str:
    """What the browser is sent back to, after it went to the provider and said who it is."""
    left = client.get("/api/v1/oidc/start", follow_redirects=False)
    assert left.status_code == 303
    there = httpx.post(left.headers["location"], data={"sub": subject}, trust_env=False)
    return there.headers["location"]


def sign_in(client: TestClient, subject: str) -> httpx.Response:
    return client.get(came_back(client, subject), follow_redirects=False)


def test_somebody_whom_the_provider_knows_is_signed_in(client: TestClient, app: FakeApp) -> None:
    entered = sign_in(client, "s-ada")
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    me = client.get("/api/v1/session").json()
    assert me["user"] == "ada@example.org"
    assert me["roles"] == ["admin", "user"]
    assert me["groups"] == ["it", "staff"]
    (entry,) = app.parts.audit.list(1)
    assert (entry.actor, entry.act) == ("ada@example.org", "sign in")


def test_what_the_provider_says_counts_from_the_next_sign_in(
    client: TestClient, app: FakeApp
) -> None:
    sign_in(client, "s-bob")
    assert client.get("/api/v1/session").json()["roles"] == ["user"]
    app.parts.accounts.recognise(
        app.settings.oidc.issuer, "s-bob", "x", {Role.USER, Role.DATA}, ["gone"]
    )
    sign_in(client, "s-bob")
    me = client.get("/api/v1/session").json()
    assert (me["roles"], me["groups"]) == (["user"], ["staff"])


def test_an_unverified_address_and_anothers_name_are_refused(client: TestClient) -> None:
    sign_in(client, "s-ada")
    client.cookies.clear()
    for subject, words in (("s-mal", "verified"), ("s-eve", "already")):
        refused = sign_in(client, subject)
        assert words in told(refused)
        assert client.get("/api/v1/session").status_code == 401


def test_a_local_account_is_not_taken_over_by_its_name(client: TestClient, app: FakeApp) -> None:
    operator = Principal(id=LOCAL, roles=frozenset(Role))
    link = asyncio.run(app.accounts.invite(operator, "ada@example.org", {Role.ADMIN}))
    asyncio.run(app.accounts.join(link.partition("#")[2], None, "seven green pumps hum"))
    assert "already" in told(sign_in(client, "s-ada"))
    assert client.get("/api/v1/session").status_code == 401


def test_a_suspended_person_stays_out(client: TestClient, app: FakeApp) -> None:
    sign_in(client, "s-bob")
    sign_in(client, "s-ada")
    app.parts.accounts.change("bob@example.org", suspended=True)
    client.cookies.clear()
    assert "suspended" in told(sign_in(client, "s-bob"))


def test_only_the_browser_that_left_comes_back_and_once(client: TestClient) -> None:
    back = came_back(client, "s-bob")
    mine = dict(client.cookies)
    client.cookies.clear()
    assert "begun" in told(client.get(back, follow_redirects=False))
    client.cookies.update(mine)
    forged = back.replace("state=", "state=x")
    assert "begun" in told(client.get(forged, follow_redirects=False))
    client.cookies.update(mine)
    assert client.get(back, follow_redirects=False).headers["location"] == "/"
    client.cookies.clear()
    client.cookies.update(mine)
    assert "refused the sign-in" in told(client.get(back, follow_redirects=False))


def test_the_provider_is_asked_with_pkce_state_and_nonce(client: TestClient) -> None:
    left = client.get("/api/v1/oidc/start", follow_redirects=False)
    asked = parse_qs(urlsplit(left.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["http://127.0.0.1:8000/api/v1/oidc/callback"]
    assert len(asked["state"][0]) > 30
    assert len(asked["nonce"][0]) > 30
    cookie = left.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert asked["nonce"][0] not in cookie


def test_without_a_provider_there_is_nothing_to_begin(tmp_path: Path) -> None:
    app = FakeApp(Settings(data=tmp_path, accounts=AccountSettings(required=True)))
    with TestClient(create_app(app), base_url="http://localhost") as client:  # type: ignore[arg-type]
        assert client.get("/api/v1/oidc/start").status_code == 404


KEY = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}, private=True)
KEYS = KeySet([KEY]).as_dict()
GOOD = {
    "iss": "https://id.example", "sub": "s", "aud": "ratchet", "nonce": "n",
    "email": "a@example.org", "email_verified": True,
}  # fmt: skip


def token(key: RSAKey | OctKey = KEY, algorithm: str = "RS256", **claims: object) -> str:
    said = {**GOOD, "exp": int(time.time()) + 300, **claims}
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode({"alg": algorithm, "kid": "1"}, said, key, algorithms=[algorithm])


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "no token",
        token(nonce="another"),
        token(nonce=None),
        token(aud="another"),
        token(aud=["ratchet", "another"]),
        token(iss="https://evil.example"),
        token(exp=int(time.time()) - 3_600),
        token(exp=None),
        token(sub=None),
        token(email_verified="true"),
        token(email=None),
        token(email=["a@example.org"]),
        token(RSAKey.generate_key(2048, {"kid": "1"}, private=True)),
        token(OctKey.import_key(json.dumps(KEYS)), "HS256"),
        ".".join((*token().split(".")[:2], "")),
    ],
)
def test_a_token_that_proves_nothing_is_refused(forged: str) -> None:
    provider = Provider(OidcSettings(issuer="https://id.example", client_id="ratchet"))
    with pytest.raises(Unauthenticated):
        provider._identity(provider._verified(forged, KEYS, "n"))


def test_a_token_that_is_good_is_taken() -> None:
    provider = Provider(OidcSettings(issuer="https://id.example/", client_id="ratchet"))
    known = provider._identity(provider._verified(token(groups=["a", 7, ""]), KEYS, "n"))
    assert (known.subject, known.name, known.groups) == ("s", "a@example.org", ("a",))


def test_an_address_inside_is_contacted_only_where_the_admin_allows(tmp_path: Path) -> None:
    provider = Provider(OidcSettings(issuer="http://169.254.169.254.nip.invalid", client_id="x"))
    with pytest.raises(RagError):
        asyncio.run(provider.begin("http://localhost/back"))


@pytest.mark.parametrize("answer", ["{}", "<html>", '{"issuer": "https://evil.example"}'])
def test_a_provider_that_answers_nonsense_is_said(serve_text, answer: str) -> None:
    names = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
    found = dict.fromkeys(names, "https://evil.example")
    body = json.dumps(found) if "evil" in answer else answer
    provider = Provider(OidcSettings(issuer=serve_text(body), client_id="x"))
    with pytest.raises(ConfigError if "evil" in answer else Unavailable):
        asyncio.run(provider.begin("http://localhost/back"))


@pytest.fixture
def serve_text() -> Iterator:
    """A server on loopback that answers everything with one text."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    servers = []

    def serve(text: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None: ...

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()
