"""Each route passes its request to the facade and its answer back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag.api.openapi import document
from rag.api.opening import Opening
from rag.api.policy import Policy, public
from rag.api.server import create_app
from rag.api.ui import PAGES
from rag.config import AccountSettings, AnswerSettings, ServerSettings, Settings
from rag.errors import ConfigError
from rag.mcp import over_http
from rag.types import Check
from tests.api.fake import DOCUMENT, TRACE, FakeApp
from tests.api.routes import routes_of

ANSWER_KEYS = {
    "answer", "citations", "claims", "support", "removed", "conflicts", "cached", "abstained",
    "confidence",
    "searched", "standalone",
    "trace_id", "model", "timings", "usage",
}  # fmt: skip
CITATION_KEYS = {
    "n", "document_id", "document", "uri", "version", "chunk_id", "page", "span", "boxes", "quote",
}  # fmt: skip


def events(text: str) -> list[tuple[str, dict]]:
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_an_answer_has_its_whole_shape(client: TestClient) -> None:
    answer = client.post("/api/v1/answers", json={"question": "How long?"}).json()
    assert set(answer) == ANSWER_KEYS
    assert set(answer["citations"][0]) == CITATION_KEYS
    assert answer["trace_id"] == TRACE


def test_an_answer_streams_typed_events(client: TestClient) -> None:
    response = client.post(
        "/api/v1/answers", json={"question": "How long?"}, headers={"Accept": "text/event-stream"}
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    found = events(response.text)
    assert [name for name, _ in found] == ["started", "token", "answer"]
    assert set(found[-1][1]) == ANSWER_KEYS


def test_a_failure_before_the_first_event_is_an_ordinary_problem(client: TestClient) -> None:
    response = client.post(
        "/api/v1/answers",
        json={"question": "q", "model": "extractve"},
        headers={"Accept": "text/event-stream"},
    )
    assert response.status_code == 404
    assert response.json()["hint"] == "Did you mean 'extractive'?"


@pytest.mark.parametrize(
    ("question", "code"), [("late problem", "storage_full"), ("late bug", "internal")]
)
def test_a_failure_within_the_stream_is_a_last_event(
    client: TestClient, question: str, code: str
) -> None:
    response = client.post(
        "/api/v1/answers", json={"question": question}, headers={"Accept": "text/event-stream"}
    )
    name, problem = events(response.text)[-1]
    assert (name, problem["code"]) == ("error", code)
    assert "secret" not in response.text


def test_the_domains_that_can_be_asked(client: TestClient) -> None:
    assert client.get("/api/v1/domains").json() == {"domains": ["pumps"]}


def test_search_and_trace(client: TestClient) -> None:
    found = client.post("/api/v1/searches", json={"query": "warranty", "limit": 1}).json()
    assert found["hits"][0]["payload"]["document_id"] == DOCUMENT
    assert found["hits"][0]["scores"][0]["stage"] == "dense"
    assert client.get(f"/api/v1/traces/{TRACE}").json()["ts"].startswith("2026-01-01")


def test_documents_and_the_failed_ones(client: TestClient) -> None:
    whole = client.get("/api/v1/documents").json()
    assert (len(whole["documents"]), whole["next"]) == (2, None)
    first = client.get("/api/v1/documents?limit=1").json()
    rest = client.get("/api/v1/documents", params={"cursor": first["next"], "limit": 1}).json()
    assert (first["documents"] + rest["documents"], rest["next"]) == (whole["documents"], None)
    for wrong in ("limit=0", "limit=1001", "cursor=%00", "cursor="):
        assert client.get(f"/api/v1/documents?{wrong}").status_code == 422
    (bad,) = client.get("/api/v1/documents?failed=true").json()["documents"]
    assert bad["reason"] == "corrupt"


def test_the_chunks_of_a_version_come_in_pages(client: TestClient) -> None:
    path = f"/api/v1/documents/{DOCUMENT}/versions/1/chunks"
    first = client.get(path, params={"limit": 5}).json()
    rest = client.get(path, params={"limit": 5, "after": first["next"]}).json()
    ordinals = [one["ordinal"] for one in first["chunks"] + rest["chunks"]]
    assert (ordinals, rest["next"]) == (list(range(7)), None)
    for wrong in ("limit=0", "after=-1", "after=x"):
        assert client.get(f"{path}?{wrong}").status_code == 422


def test_originals_are_attachments_whatever_they_hold(client: TestClient) -> None:
    response = client.get(f"/api/v1/documents/{DOCUMENT}/versions/1/original")
    assert response.content == b"<script>alert(1)</script>"
    disposition = response.headers["content-disposition"]
    assert disposition == "attachment; filename*=UTF-8''w%C3%A4rranty%0D%0A.html"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]


def test_the_text_of_a_version_is_an_attachment(client: TestClient) -> None:
    response = client.get(f"/api/v1/documents/{DOCUMENT}/versions/1/text")
    assert response.text.startswith("A pump is covered")
    assert response.headers["content-disposition"].startswith("attachment")


def test_a_source_is_added_and_synced(client: TestClient) -> None:
    made = client.post("/api/v1/sources", json={"connector": "files", "config": {"path": "/x"}})
    assert made.status_code == 201
    assert client.get("/api/v1/sources").json()["sources"] == [made.json()]
    assert client.post("/api/v1/syncs", json={}).json()["added"] == 2


def test_a_source_is_given_other_settings(client: TestClient) -> None:
    client.post("/api/v1/sources", json={"connector": "files", "config": {"path": "/x"}})
    given = {"config": {"path": None, "hidden": True}}
    assert client.patch("/api/v1/sources/manuals", json=given).json()["config"] == {"hidden": True}
    assert client.patch("/api/v1/sources/gone", json=given).status_code == 404
    other = {"connector": "web", "config": {}}
    assert client.patch("/api/v1/sources/manuals", json=other).status_code == 422


def test_a_sync_streams_its_progress(client: TestClient) -> None:
    response = client.post("/api/v1/syncs", json={}, headers={"Accept": "text/event-stream"})
    found = events(response.text)
    assert [name for name, _ in found] == ["progress", "progress", "result"]
    assert found[0][1]["document"] == "1.md"
    assert found[-1][1]["chunks"] == 7


def test_a_failed_sync_is_a_problem_in_either_form(client: TestClient) -> None:
    for accept in ("application/json", "text/event-stream"):
        response = client.post(
            "/api/v1/syncs", json={"source": "manual"}, headers={"Accept": accept}
        )
        assert response.status_code == 404
        assert response.json()["code"] == "not_found"


def test_evaluations_rebuilds_and_checks(client: TestClient) -> None:
    assert client.post("/api/v1/evaluations", json={}).json()["recall@10"] == 0.97
    assert client.post("/api/v1/rebuilds", json={}).json() == {"documents": 2}
    found = client.get("/api/v1/checks").json()
    assert found["ok"] is True
    assert [check["name"] for check in found["checks"]] == ["database", "embedder"]


def test_asking_as_a_person_of_the_pack(client: TestClient, fake: FakeApp) -> None:
    client.post("/api/v1/answers", json={"question": "q"}, headers={"X-Ratchet-As": "anna"})
    assert fake.seen[-1][1].groups == {"service"}
    unknown = client.post("/api/v1/answers", json={"question": "q"}, headers={"X-Ratchet-As": "bo"})
    assert unknown.status_code == 404
    lacking = client.post("/api/v1/syncs", json={}, headers={"X-Ratchet-As": "anna"})
    assert (lacking.status_code, lacking.json()["code"]) == (403, "forbidden")


def test_a_request_is_about_one_domain(client: TestClient, fake: FakeApp) -> None:
    """Whose groups and roles count is never another domain's than the one that is asked."""
    asked: list[str | None] = []
    look = fake.person
    fake.person = lambda user, domain=None: (asked.append(domain), look(user))[1]  # type: ignore[method-assign]
    other = {"X-Ratchet-Domain": "other"}
    for send in (
        lambda headers: client.post(
            "/api/v1/answers", json={"question": "q", "domain": "here"}, headers=headers
        ),
        lambda headers: client.get("/api/v1/documents?domain=here", headers=headers),
    ):
        assert send({}).status_code == 200
        assert send({"X-Ratchet-Domain": "here"}).status_code == 200
        assert send(other).json()["code"] == "invalid_input"
    assert asked == ["here"] * 4
    assert client.get("/api/v1/documents", headers=other).status_code == 422
    client.get(f"/api/v1/traces/{TRACE}", headers=other)
    assert asked[-1] == "other", "where a request names none itself, the header does"


@pytest.mark.parametrize("path", ["/api/v1/blobs/collect", "/api/v1/keys/rotate"])
def test_what_is_about_every_domain_takes_a_role_in_the_default_one(
    client: TestClient, fake: FakeApp, path: str
) -> None:
    asked: list[str | None] = []
    look = fake.person
    fake.person = lambda user, domain=None: (asked.append(domain), look(user))[1]  # type: ignore[method-assign]
    refused = client.post(path, headers={"X-Ratchet-Domain": "other"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    default = fake.settings.domain
    for headers in ({}, {"X-Ratchet-Domain": default}):
        assert client.post(path, headers=headers).status_code == 200
    assert asked == [default] * 2


def test_people_are_let_into_groups_and_put_out(client: TestClient) -> None:
    made = client.put("/api/v1/groups/h%20r/members/bob").json()
    assert made == {"name": "h r", "members": [{"user": "bob", "added_by": "", "added_at": None}]}
    found = client.get("/api/v1/groups").json()["groups"]
    assert [one["name"] for one in found] == ["h r", "service"]
    assert client.delete("/api/v1/groups/h%20r/members/bob").json()["members"] == []
    assert client.put("/api/v1/groups/hr/members/%20").status_code == 422
    lacking = client.put("/api/v1/groups/hr/members/anna", headers={"X-Ratchet-As": "anna"})
    assert lacking.status_code == 403


def test_health_says_nothing_of_the_parts_and_readiness_does(
    client: TestClient, fake: FakeApp
) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["ready"] is True
    fake.checks = [Check(name="index", ok=False, detail="not reachable", hint="Start it.")]
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["checks"][0]["hint"] == "Start it."
    assert client.get("/healthz").status_code == 200


def test_while_the_app_is_built_it_is_alive_and_asks_to_come_back(fake: FakeApp) -> None:
    door = Opening()
    client = TestClient(door, base_url="http://localhost")
    assert client.get("/healthz").json() == {"status": "starting"}
    early = client.post("/api/v1/answers", json={"question": "q"})
    assert (early.status_code, early.headers["retry-after"]) == (503, "2")
    assert early.headers["content-type"] == "application/problem+json"
    door.open(create_app(fake))
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.post("/api/v1/answers", json={"question": "q"}).status_code == 200


def test_118_an_unusable_model_makes_it_not_ready_and_the_rest_works(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, answer=AnswerSettings(model="undeclared"))
    with TestClient(create_app(FakeApp(settings)), base_url="http://localhost") as client:
        assert client.get("/readyz").status_code == 503
        assert "undeclared" in client.get("/readyz").text
        assert client.post("/api/v1/searches", json={"query": "q"}).status_code == 200


def test_metrics_count_routes_answers_tokens_and_runs(client: TestClient) -> None:
    client.post("/api/v1/answers", json={"question": "q"})
    client.post("/api/v1/answers", json={"question": "unknown"})
    client.post("/api/v1/answers", json={"question": "q"}, headers={"Accept": "text/event-stream"})
    client.get("/nowhere/at-all")
    text = client.get("/metrics").text
    for line in (
        'ratchet_answers_total{abstained="false"} 2.0',
        'ratchet_answers_total{abstained="true"} 1.0',
        'ratchet_tokens_total{kind="prompt"} 9.0',
        'ratchet_runs_last_day{domain="d",kind="sync",source="n",state="failed"} 2.0',
        'ratchet_sync_documents_last_day{domain="d",outcome="rejected",source="n"} 4.0',
        'ratchet_sync_documents_last_day{domain="d",outcome="held",source="n"} 0.0',
        'ratchet_requests_total{method="POST",route="/api/v1/answers",status="200"} 3.0',
        'ratchet_requests_total{method="GET",route="unmatched",status="404"} 1.0',
        'ratchet_freshness_seconds_bucket{domain="d",kind="delete",le="1.0",source="n"} 2.0',
        'ratchet_freshness_seconds_bucket{domain="d",kind="delete",le="+Inf",source="n"} 3.0',
        'ratchet_freshness_seconds_sum{domain="d",kind="delete",source="n"} 9.5',
    ):
        assert line in text
    assert "nowhere" not in text


def test_the_page_of_the_widget_carries_no_script_of_its_own(tmp_path: Path) -> None:
    server = ServerSettings(embed_in=("https://intranet.example",))
    fake = FakeApp(Settings(data=tmp_path, server=server))
    client = TestClient(create_app(fake), base_url="http://localhost")  # type: ignore[arg-type]
    page = client.get("/widget")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script src=" in page.text
    assert page.text.count("<script") == 1
    assert "style=" not in page.text
    assert "onclick" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    script = client.get("/static/ask.js").text
    assert "innerHTML" not in script
    assert "style=" not in script
    assert client.get("/static/ask.css").headers["content-type"].startswith("text/css")


OPEN = {
    "/sign-in",
    "/session",
    "/oidc/start",
    "/oidc/callback",
    "/invitations/look",
    "/invitations/accept",
}
"""What anyone may call: it is how one becomes somebody."""


def test_every_route_declares_a_policy(fake: FakeApp) -> None:
    undeclared = []
    for route in routes_of(create_app(fake, over_http(fake))):  # type: ignore[arg-type]
        calls = [dependency.call for dependency in route.dependant.dependencies]
        declared = [call for call in calls if isinstance(call, Policy) or call is public]
        theirs = route.path.startswith(("/api/", "/v1/", "/mcp"))
        open_to_all = declared == [public] and route.path.removeprefix("/api/v1") not in OPEN
        if len(declared) != 1 or (theirs and open_to_all):
            undeclared.append(route.path)
    assert undeclared == []


def test_a_route_without_a_policy_would_be_found(fake: FakeApp) -> None:
    api = create_app(fake)

    @api.get("/api/v1/forgotten")
    def forgotten() -> None: ...

    (found,) = (route for route in routes_of(api) if route.path == "/api/v1/forgotten")
    assert found.dependant.dependencies == []


def test_every_route_is_known_here(fake: FakeApp) -> None:
    found = {route.path.removeprefix("/api/v1") for route in routes_of(create_app(fake))}
    version = "/documents/{document_id}/versions/{version}"
    assert found == {
        *PAGES,
        *("/assets/{name:path}", "/healthz", "/readyz", "/metrics"),
        *("/static/ask.js", "/static/ask.css"),
        *("/static/icon.svg", "/widget", "/widget.js"),
        *("/data", "/people/{name}/data", "/documents/{document_id}"),
        *("/searches/explain", "/generations"),
        *("/answers", "/searches", "/traces/{trace_id}", "/documents", "/sources", "/syncs"),
        *("/connectors", "/connectors/{connector}/check", "/keys/rotate", "/sources/{source}"),
        *(f"/sources/{{source}}/{verb}" for verb in ("check", "pause", "release", "retry")),
        *("/sources/{source}/uploads", "/sources/{source}/uploads/{name:path}"),
        *("/blobs/collect", "/upkeep", "/settings", "/settings/check"),
        *("/models", "/models/check", "/models/costs", "/models/days"),
        *("/models/conformance", "/models/default"),
        *("/models/trial", "/models/rollback", "/models/declared", "/models/declared/{name}"),
        "/models/declared/{name}/key",
        *("/feedback/reviews", "/datasets", "/datasets/{name}"),
        *("/dataset-formats", "/datasets/{name}/exports", "/datasets/{name}/exports/{format}"),
        *(
            "/datasets/{name}/diff",
            "/datasets/{name}/files",
            "/datasets/{name}/rows",
            "/datasets/{name}/preview",
            "/datasets/{name}/changes",
            "/datasets/{name}/clusters",
            "/redaction",
            "/redaction/preview",
        ),
        *("/dataset-builds", "/datasets/{name}/verifications", "/dataset-runs/{run_id}"),
        *("/dataset-runs/{run_id}/events", "/dataset-runs/{run_id}/cancel"),
        *("/feedback/assignments", "/feedback/reviewers", "/feedback/answers/{trace_id}"),
        *("/gaps", "/gaps/{cluster}/questions"),
        *("/candidates", "/candidates/llm", "/candidates/{name}", "/candidates/{name}/reports"),
        *(
            "/candidates/{name}/promotion",
            "/candidates/trial",
            "/gains",
            "/releases",
            "/releases/rollback",
        ),
        *("/agreement", "/agreement/raters", "/agreement/disputed"),
        *("/groups", "/groups/{group}/members/{user}", "/consent"),
        *("/traces/{trace_id}/feedback", "/traces/{trace_id}/feedback/{feedback_id}"),
        *("/conversations", "/conversations/{conversation_id}", "/shared-conversations/look"),
        "/conversations/{conversation_id}/share",
        "/conversations/{conversation_id}/turns/{n}",
        *(OPEN - {"/sign-in"}),
        *("/sessions", "/sessions/{session_id}", "/keys", "/keys/{key_id}", "/password"),
        *("/invitations", "/accounts", "/accounts/{name}", "/audit"),
        *("/accounts/{name}/sessions", "/accounts/{name}/sessions/{session_id}"),
        *("/keys/all", "/keys/all/{key_id}", "/invitations/{name}"),
        *("/groups", "/groups/{group}/members/{user}"),
        *("/sources/{source}/sync", "/sources/{source}/schedule", "/runs", "/runs/{run_id}"),
        *("/runs/{run_id}/events", "/runs/{run_id}/cancel"),
        *("/rebuilds", "/evaluations", "/checks", f"{version}/original", f"{version}/text"),
        *("/domains/about", f"{version}/view"),
        f"{version}/chunks",
        *("/domains", "/v1/models", "/v1/models/{model}", "/v1/chat/completions"),
        "/v1/chat/completions/{completion}",
    }


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_beyond_loopback_it_refuses_to_start(tmp_path: Path, host: str) -> None:
    settings = Settings(data=tmp_path, server=ServerSettings(host=host))
    with pytest.raises(ConfigError, match="nobody signs in"):
        create_app(FakeApp(settings))


def test_beyond_loopback_with_accounts_it_answers_to_its_public_name_alone(tmp_path: Path) -> None:
    server = ServerSettings(host="0.0.0.0")
    settings = Settings(data=tmp_path, server=server, accounts=AccountSettings(required=True))
    with pytest.raises(ConfigError, match="public_url"):
        create_app(FakeApp(settings))
    server = ServerSettings(host="0.0.0.0", public_url="https://ask.example.org:8443")
    app = create_app(FakeApp(settings.model_copy(update={"server": server})))
    for name, status in (("ask.example.org:8443", 200), ("ask.example.com", 421), ("[::1]", 200)):
        with TestClient(app, base_url=f"http://{name}") as client:
            assert client.get("/healthz").status_code == status


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
def test_this_machine_reaches_a_server_that_listens_beyond_it(tmp_path: Path, host: str) -> None:
    server = ServerSettings(host=host, public_url="https://ask.example.org")
    accounts = AccountSettings(required=True)
    app = FakeApp(Settings(data=tmp_path, server=server, accounts=accounts))
    with TestClient(create_app(app), base_url=server.local_url()) as client:
        assert client.get("/healthz").status_code == 200


def test_the_committed_openapi_document_is_current() -> None:
    golden = Path(__file__).parents[1] / "golden" / "openapi.json"
    assert json.loads(golden.read_text(encoding="utf-8")) == document(), (
        "the API changed; if that was meant: python -m rag.api.openapi > tests/golden/openapi.json"
    )
