"""The routes of models."""

import pytest
from fastapi.testclient import TestClient

from rag.api.policy import AS_HEADER
from rag.types import Principal, Role
from tests.api.fake import FakeApp


def test_which_there_are_and_whether_they_answer(client: TestClient) -> None:
    big, main = client.get("/api/v1/models").json()["models"]
    assert (big["input_price"], main["candidates"]) == (1.0, ["big", "extractive"])
    every = client.post("/api/v1/models/check", json={}).json()
    assert (every["ok"], [one["code"] for one in every["checks"]]) == (False, ["", "model_busy"])
    assert client.post("/api/v1/models/check", json={"model": "big"}).json()["ok"]
    assert client.post("/api/v1/models/check", json={"model": "none"}).status_code == 404


def test_what_they_cost(client: TestClient) -> None:
    found = client.get("/api/v1/models/costs?by=person&days=7").json()
    assert (found["by"], found["totals"][0]["cost"]) == ("person", 0.25)
    for wrong in ("by=key", "days=0", "days=4000", "month=1"):
        assert client.get(f"/api/v1/models/costs?{wrong}").status_code == 422
    assert client.get("/api/v1/models/costs?domain=pumps").json()["domain"] == "pumps"
    days = client.get("/api/v1/models/days?by=domain&days=7&domain=pumps").json()
    assert (days["by"], days["domain"], days["days"][0]["pace"]["ms_p50"]) == (
        "domain", "pumps", 900.0,
    )  # fmt: skip
    assert client.get("/api/v1/models/days?by=person").status_code == 422


def test_who_administers_another_domain_sees_what_is_of_it(
    client: TestClient, fake: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what all of them spent together, nor anything about keys."""
    everybody = fake.person

    def person(user: str | None, domain: str | None = None) -> Principal:
        found = everybody(user, domain)
        roles = {Role.USER, Role.ADMIN} if domain == "laws" else found.roles
        return found.model_copy(update={"roles": frozenset(roles)}) if user == "anna" else found

    monkeypatch.setattr(fake, "person", person)
    anna = {AS_HEADER: "anna", "X-Ratchet-Domain": "laws"}
    me = client.get("/api/v1/session", headers=anna).json()
    assert ("admin" in me["roles"], me["keeper"]) == (True, False)
    assert client.get("/api/v1/session").json()["keeper"]
    for path in ("", "/costs", "/days", "/default", "/conformance"):
        asked = client.get(f"/api/v1/models{path}?domain=laws", headers=anna)
        assert asked.status_code == 200, path
    checked = client.post("/api/v1/models/check", json={"model": "big"}, headers=anna)
    assert checked.status_code == 200
    for path in ("/costs", "/days", "/declared"):
        assert client.get(f"/api/v1/models{path}", headers={AS_HEADER: "anna"}).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("POST", "/check"), ("GET", "/costs"), ("GET", "/days"),
        ("POST", "/conformance"),
        ("GET", "/conformance"), ("PUT", "/default"), ("GET", "/default"), ("PUT", "/trial"),
        ("DELETE", "/trial"), ("GET", "/trial"), ("POST", "/rollback"), ("GET", "/declared"),
        ("PUT", "/declared/big"), ("DELETE", "/declared/big"), ("PUT", "/declared/big/key"),
        ("DELETE", "/declared/big/key"),
    ],
)  # fmt: skip
def test_only_admins_look_at_models(
    client: TestClient, fake: FakeApp, method: str, path: str
) -> None:
    asked = client.request(
        method, f"/api/v1/models{path}", json=None if method == "GET" else {"model": "big"},
        headers={AS_HEADER: "anna"},
    )  # fmt: skip
    assert asked.status_code == 403


def test_a_model_is_tried_and_chosen(client: TestClient) -> None:
    card = client.post("/api/v1/models/conformance", json={"model": "big"}).json()
    assert (card["score"], card["cases"][0]["passed"]) == (0.5, False)
    asked = {"json": {"model": "big"}, "headers": {"Accept": "text/event-stream"}}
    told = client.post("/api/v1/models/conformance", **asked).text
    assert ("event: progress" in told, "event: result" in told) == (True, True)
    assert client.get("/api/v1/models/conformance?model=big").json()["cards"] == [card]
    refused = client.put("/api/v1/models/default", json={"model": "big"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    given = {"model": "big", "override": "a trial"}
    chosen = client.put("/api/v1/models/default", json=given).json()
    assert chosen["override"] == "a trial"
    assert client.get("/api/v1/models/default").json()["choices"] == [chosen]
    assert client.put("/api/v1/models/default", json={"model": ""}).status_code == 422


def test_one_is_tried_beside_another_and_taken_back(client: TestClient) -> None:
    base = "/api/v1/models"
    assert client.get(f"{base}/trial").status_code == 404
    assert client.delete(f"{base}/trial").status_code == 409
    assert client.post(f"{base}/rollback", json={}).status_code == 409
    asked = {"model": "big", "how": "canary", "share": 0.1}
    assert client.put(f"{base}/trial", json=asked).status_code == 409
    assert client.put(f"{base}/trial", json={**asked, "model": "none"}).status_code == 404
    for wrong in ({"share": 0}, {"share": 1.1}, {"share": "NaN"}, {"how": "loud"}, {"model": ""}):
        assert client.put(f"{base}/trial", json={**asked, **wrong}).status_code == 422
    begun = client.put(f"{base}/trial", json={**asked, "override": "why not"}).json()
    assert begun["trial"] == {
        "id": "trial-1", "model": "big", "how": "canary", "share": 0.1, "score": None,
        "override": "why not",
    }  # fmt: skip
    told = client.get(f"{base}/trial").json()
    assert (told["answers"], told["figures"][1]["low"]) == ([30, 25], None)
    assert client.delete(f"{base}/trial").json()["trial"] is None
    assert client.post(f"{base}/rollback", json={"domain": "pumps"}).json()["model"] == ""


def test_a_model_is_added_with_a_key_that_never_comes_back(
    client: TestClient, fake: FakeApp
) -> None:
    base = "/api/v1/models/declared"
    settings = {"provider": "openai_like", "model": "m", "base_url": "https://models.example"}
    asked = {"settings": settings, "key": "sk-secret"}
    made = client.put(f"{base}/new", json=asked)
    assert (made.json()["declared"], made.json()["key"]["set_by"]) == ("added", "local")
    assert fake.declared.keys == {"new": "sk-secret"}
    answers = [made, client.get(base), client.put(f"{base}/big", json=asked)]
    assert answers[-1].status_code == 409
    answers.append(client.put(f"{base}/big/key", json={"key": "sk-secret-2"}))
    assert fake.declared.keys["big"] == "sk-secret-2"
    for wrong in (
        {**asked, "key": "sk-secret" * 1_000}, {**asked, "api_key": "sk-secret"}, {},
        {"settings": {**settings, "api_key": "sk-secret"}}, {"key": "sk-secret"},
        {"settings": {**settings, "networks": ["0.0.0.0/0"]}}, {"settings": {"model": "m"}},
        {"settings": {**settings, "context_window": 10**400}}, {**asked, "key": ["sk-secret"]},
        {"settings": {**settings, "base_url": ["sk-secret"]}},
    ):  # fmt: skip
        answers.append(client.put(f"{base}/new", json=wrong))
        assert answers[-1].status_code == 422, wrong
    for key in ("", "sk-secret" * 1_000, {"sk-secret": 1}):
        answers.append(client.put(f"{base}/new/key", json={"key": key}))
        assert answers[-1].status_code == 422
    assert not any("sk-secret" in one.text for one in answers)
    assert client.delete(f"{base}/new/key").status_code == 204
    assert client.delete(f"{base}/new/key").status_code == 404
    assert client.delete(f"{base}/new").status_code == 204
    assert client.delete(f"{base}/new").status_code == 404
    assert client.put(f"{base}/new/key", json={"key": "k"}).status_code == 404
