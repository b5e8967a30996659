"""The web UI as it is served: one page at all of its addresses, and what it loads."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag.api.ui import NONCE, PAGES

SCRIPT = "document.title = 'x';\n" * 100
ADDRESSES = [path.replace("{rest:path}", "some/where") for path in PAGES]


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a build leaves, in small."""
    assets = tmp_path / "ui" / "assets"
    assets.mkdir(parents=True)
    (assets.parent / "index.html").write_text(f'<meta property="csp-nonce" nonce="{NONCE}">')
    (assets / "index-a1.js").write_text(SCRIPT)
    (assets / "index-a1.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (assets.parent.parent / "secret.js").write_text("secret")
    monkeypatch.setattr("rag.api.ui.BUILT", assets.parent)
    return assets


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_address_answers_with_the_page(client: TestClient, built: Path, path: str) -> None:
    page = client.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    assert NONCE not in page.text


def test_styles_carry_a_nonce_that_no_other_answer_has(client: TestClient, built: Path) -> None:
    seen = set()
    for _ in range(2):
        page = client.get("/account")
        (nonce,) = re.findall(r'nonce="([\w-]+)"', page.text)
        policy = page.headers["content-security-policy"]
        assert f"style-src 'self' 'nonce-{nonce}';" in policy
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        seen.add(nonce)
    assert len(seen) == 2
    assert "nonce" not in client.get("/healthz").headers["content-security-policy"]


@pytest.mark.parametrize(("accepted", "packed"), [("gzip, br", True), ("identity", False)])
def test_files_are_kept_by_browsers_and_sent_compressed_to_those_that_take_it(
    client: TestClient, built: Path, accepted: str, packed: bool
) -> None:
    answer = client.get("/assets/index-a1.js", headers={"Accept-Encoding": accepted})
    assert answer.text == SCRIPT
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "name",
    [
        *("nowhere.js", "", "%2e%2e", "%2e%2e/index.html", "..%2findex.html", "..%5cindex.html"),
        *("%2e%2e%2f%2e%2e%2fsecret.js", "/etc/passwd", "index-a1.js%00", "index-a1.js.gz/x"),
        *("%2e", "index-a1.js/", "a/b/c", "index-a1.js%0a", "x" * 300),
    ],
)
def test_nothing_but_the_files_is_served(client: TestClient, built: Path, name: str) -> None:
    answer = client.get(f"/assets/{name}")
    assert answer.status_code in (404, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_a_build_it_says_how_to_build_and_the_api_works(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.api.ui.BUILT", tmp_path / "nowhere")
    answer = client.get("/account")
    assert answer.status_code == 404
    assert answer.json()["hint"] == "Build it: make ui"
    assert client.get("/api/v1/session").status_code == 200
