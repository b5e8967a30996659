"""No input makes the API answer 5xx, hang, or say what is inside."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from fastapi.testclient import TestClient

from rag.api.server import create_app
from tests.api.fake import SLOW, FakeApp

JSON = {"Content-Type": "application/json"}


def post(client: TestClient, body: bytes, **headers: str) -> httpx.Response:
    return client.post("/api/v1/answers", content=body, headers={**JSON, **headers})


def assert_problem(response: httpx.Response, *statuses: int) -> dict:
    assert response.status_code in statuses, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert {"type", "title", "status", "detail", "code", "hint", "retryable", "instance"} <= set(
        problem
    )
    assert problem["status"] == response.status_code
    return problem


BODIES = {
    "not-json": b"{",
    "empty": b"",
    "utf8": b'{"question": "\xff\xfe"}',
    "overlong": b'{"question": "\xc0\xaf"}',
    "surrogate": b'{"question": "\\ud800"}',
    "nan": b'{"question": "q", "filter": {"op": "range", "field": "page", "gte": NaN}}',
    "infinity": b'{"question": "q", "filter": {"op": "range", "field": "page", "gte": Infinity}}',
    "deep": b'{"question": ' + b"[" * 9_000 + b"]" * 9_000 + b"}",
    "nul": b'{"question": "a\\u0000b"}',
    "nul-key": b'{"question": "q", "\\u0000": 1}',
    "list": b"[]",
    "null": b"null",
    "number": b'{"question": 1}',
    "object": b'{"question": {"a": 1}}',
    "extra": b'{"question": "q", "sytem": "x"}',
    "blank": b'{"question": "  \\n "}',
    "none": b'{"question": ""}',
    "role": b'{"question": "q", "history": [{"role": "system", "content": "x"}]}',
    "operator": b'{"question": "q", "filter": {"op": "drop"}}',
    "file-kind": b'{"question": "q", "filter": {"op": "match", "field": "file_kind",'
    b' "any_of": ["poem"]}}',
    "acl-field": b'{"question": "q", "filter": {"op": "match", "field": "acl", "any_of": ["x"]}}',
    "clauses": json.dumps(
        {
            "question": "q",
            "filter": {
                "op": "or",
                "of": [{"op": "match", "field": "kind", "any_of": ["x"]}] * 101,
            },
        }
    ).encode(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_bad_body_is_a_problem(client: TestClient, body: bytes) -> None:
    assert_problem(post(client, body), 400, 422)


def test_a_deep_filter_is_refused(client: TestClient) -> None:
    body = b'{"op":"not","of":' * 600 + b"1" + b"}" * 600
    assert_problem(post(client, b'{"question": "q", "filter": ' + body + b"}"), 400, 422)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_read_as_json(client: TestClient, kind: str) -> None:
    """A page elsewhere can send these without being asked for permission by the browser."""
    headers = {"Content-Type": kind} if kind else {}
    response = client.post("/api/v1/answers", content=b'{"question": "q"}', headers=headers)
    assert_problem(response, 415)


def test_a_body_over_the_limit_is_refused_by_its_length(client: TestClient) -> None:
    problem = assert_problem(post(client, b"x" * 20_001), 413)
    assert "20000" in problem["detail"]


def test_a_body_over_the_limit_is_refused_while_it_arrives(fake: FakeApp) -> None:
    """A sender who promises nothing is stopped where the limit is passed, not at the end."""
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 1_000
            assert sent < 100_000, "the server goes on reading"
            yield {"type": "http.request", "body": b"x" * 1_000, "more_body": True}

    async def run() -> list[dict]:
        messages: list[dict] = []
        source = endless()
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
            "path": "/api/v1/answers", "raw_path": b"/api/v1/answers", "query_string": b"",
            "root_path": "", "scheme": "http", "client": None, "server": None,
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        }  # fmt: skip

        async def send(message: dict) -> None:
            messages.append(message)

        await create_app(fake)(scope, lambda: anext(source), send)
        return messages

    messages = asyncio.run(run())
    assert messages[0]["status"] == 413


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "9" * 30])
def test_a_length_that_lies_is_refused(client: TestClient, length: str) -> None:
    response = client.post(
        "/api/v1/answers", content=b"{}", headers={**JSON, "Content-Length": length}
    )
    assert_problem(response, 400)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/documents?faild=true",
        "/api/v1/documents?failed=maybe",
        "/api/v1/documents?failed=true&failed=false",
        "/api/v1/documents?domain=",
        "/api/v1/documents?domain=a%00b",
        "/api/v1/documents?" + "x" * 300 + "=1",
        "/api/v1/sources?limit=-1",
        "/api/v1/documents/doc-1/versions/0/original",
        "/api/v1/documents/doc-1/versions/99999999999999999999/text",
        "/api/v1/documents/doc-1/versions/one/text",
        "/api/v1/documents/a%00b/versions/1/text",
        "/api/v1/traces/" + "x" * 201,
        "/api/v1/traces/%F0%9F%92%A9",
    ],
)
def test_bad_parameters_are_refused(client: TestClient, path: str) -> None:
    assert_problem(client.get(path), 422)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api/v1/nowhere", "/api/v1/traces/../../etc", "/static/../server.py"]
)
def test_unknown_paths_are_problems(client: TestClient, path: str) -> None:
    assert assert_problem(client.get(path), 404)["code"] == "not_found"


def test_anothers_document_is_not_found(client: TestClient) -> None:
    response = client.get("/api/v1/documents/doc-9/versions/1/original")
    assert assert_problem(response, 404)["retryable"] is False


def test_a_wrong_method_names_the_right_ones(client: TestClient) -> None:
    response = client.delete("/api/v1/answers")
    assert_problem(response, 405)
    assert response.headers["allow"] == "POST"


def test_a_full_disk_is_typed_and_says_when_to_return(client: TestClient) -> None:
    response = post(client, b'{"question": "full disk"}')
    problem = assert_problem(response, 507)
    assert problem["retryable"] is True
    assert problem["hint"] == "Make room."
    assert response.headers["retry-after"] == "60"


def test_a_bug_is_told_without_its_inside(client: TestClient, logged: list[dict]) -> None:
    problem = assert_problem(post(client, b'{"question": "bug"}'), 500)
    assert "secret" not in json.dumps(problem)
    (line,) = logged
    assert problem["instance"] == f"urn:uuid:{line['failure']}"
    assert "secret" in str(line["exc_info"])


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.1:8000", "[::2]"]
)
def test_a_foreign_host_name_is_not_served(client: TestClient, host: str) -> None:
    assert_problem(client.get("/", headers={"Host": host}), 421)


@pytest.mark.parametrize("host", ["", "a b", "localhost:port", "localhost/", "@localhost"])
def test_a_malformed_host_is_refused(client: TestClient, host: str) -> None:
    assert_problem(client.get("/", headers={"Host": host}), 400)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:9"])
def test_names_of_this_machine_are_served(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8000", 200),
        ("http://evil.example", 403),
        ("http://localhost:9999", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_pages_of_another_origin_are_refused(client: TestClient, origin: str, status: int) -> None:
    response = post(client, b'{"question": "q"}', Origin=origin)
    assert response.status_code == status


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/api/v1/sources", "/nowhere"])
def test_every_response_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize("user", ["x" * 101, ""])
def test_a_strange_person_is_refused(client: TestClient, user: str) -> None:
    assert_problem(post(client, b'{"question": "q"}', **{"X-Ratchet-As": user}), 422)


def test_more_answers_than_allowed_are_told_to_come_back(fake: FakeApp) -> None:
    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_app(fake))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            slow = [
                asyncio.create_task(client.post("/api/v1/answers", json={"question": SLOW}))
                for _ in range(2)
            ]
            while len(fake.seen) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            refused = [
                await client.post("/api/v1/answers", json={"question": "q"}),
                await client.post("/api/v1/searches", json={"query": "q"}),
            ]
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
            return [*refused, await client.post("/api/v1/answers", json={"question": "q"})]

    *refused, after = asyncio.run(run())
    for response in refused:
        assert_problem(response, 503)
        assert response.headers["retry-after"] == "2"
    assert after.status_code == 200
