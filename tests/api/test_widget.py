"""Who may frame what: one page, by those origins alone that an admin listed."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rag.api.server import create_app
from rag.config import ServerSettings, Settings
from tests.api.fake import FakeApp

LISTED = ("https://intranet.example", "http://wiki.example:8080")


@pytest.fixture
def embedded(tmp_path: Path) -> TestClient:
    settings = Settings(data=tmp_path, server=ServerSettings(embed_in=LISTED))
    return TestClient(create_app(FakeApp(settings)), base_url="http://localhost")  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/widget", "/widget.js"])
def test_with_nothing_listed_there_is_no_widget(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "server.embed_in" in answer.json()["hint"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert ancestors(answer.headers["content-security-policy"]) == "'none'"


def test_the_page_of_the_panel_names_who_may_frame_it(
    embedded: TestClient, client: TestClient
) -> None:
    page = embedded.get("/widget?domain=pumps")
    policy = page.headers["content-security-policy"]
    assert ancestors(policy) == " ".join(LISTED)
    assert "x-frame-options" not in page.headers
    usual = client.get("/static/ask.js")
    assert policy.replace(" ".join(LISTED), "'none'") == usual.headers["content-security-policy"]


def test_the_script_is_for_pages_of_others_too(embedded: TestClient) -> None:
    script = embedded.get("/widget.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert ancestors(script.headers["content-security-policy"]) == "'none'"
    assert len(script.content) < 4_096
    assert "innerHTML" not in script.text


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/shared", "/sign-in", "/join", "/static/ask.js", "/nowhere", "/Widget"),
        *("/widget/", "/widget/x", "/widget.js/", "/api/v1/session", "/api/v1/widget"),
    ],
)
def test_nothing_else_may_be_framed(embedded: TestClient, path: str) -> None:
    headers = embedded.get(path, follow_redirects=False).headers
    assert ancestors(headers["content-security-policy"]) == "'none'"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_a_listed_page_may_still_send_nothing(embedded: TestClient) -> None:
    for method, path in (("POST", "/api/v1/answers"), ("GET", "/widget"), ("GET", "/widget.js")):
        answer = embedded.request(method, path, headers={"Origin": LISTED[0]})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        *("", "*", "'self'", "null", "https:", "https://", "//a.example", "a.example"),
        *("https://*.example", "https://*", "https://a.example:*", "https://a.example/"),
        *("https://a.example/x", "https://a.example?x", "https://a.example#x"),
        *("https://a.example; script-src *", "https://a.example https://b.example"),
        *("https://a.example,https://b.example", "https://a.example\n", "\thttps://a.example"),
        *("https://u:p@a.example", "https://a.example:0", "https://a.example:65536"),
        *("https://a.example:", "https://a.example:08", "https://A.example", "HTTPS://a.example"),
        *("https://a..example", "https://a.example.", "https://-a.example", "https://ä.example"),
        *("https://[::1]", "ftp://a.example", "javascript://a.example", "data:text/html,x"),
        f"https://{'a' * 64}.example",
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError, match="number 1 is no origin"):
        ServerSettings(embed_in=(origin,))


@given(
    st.sampled_from([*LISTED, "http://127.0.0.1:1", "https://x.y.z:65535"]),
    st.integers(0, 30),
    st.text(max_size=3),
)
def test_whatever_is_let_in_is_an_origin_and_nothing_more(base: str, at: int, put: str) -> None:
    given_ = base[:at] + put + base[at:]
    try:
        (origin,) = ServerSettings(embed_in=(given_,)).embed_in
    except ValidationError:
        return
    assert re.fullmatch(r"[a-z0-9:/.-]+", origin, re.ASCII)
    parts = urlsplit(origin)
    port = "" if parts.port is None else f":{parts.port}"
    assert origin == f"{parts.scheme}://{parts.hostname}{port}"
    assert parts.scheme in ("http", "https")


def ancestors(policy: str) -> str:
    (said,) = re.findall(r"frame-ancestors ([^;]*)", policy)
    return said
