"""An admin adds a model to a running server over HTTP, and people's next questions go to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.models.endpoint import endpoint
from tests.ways.conftest import running, written

FIRST, SECOND = "sk-first-0123456789", "sk-second-987654321"
QUESTION = {"question": "How long is the warranty on a new lamp?"}


def test_added_asked_given_another_key_and_removed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []

    def told(response: httpx.Response, status: int = 200) -> Any:
        heard.append(response.text)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    with endpoint() as stub, running(written(tmp_path)) as made:
        http = httpx.Client(base_url=f"{made.url}/api/v1/", timeout=60)
        with http:
            settings = {"provider": "openai_like", "model": "m", "base_url": stub.url}
            given = {"settings": settings, "key": FIRST}
            added = told(http.put("models/declared/big", json=given))
            assert added["key"]["origin"] == "added"
            told(http.put("models/default", json={"model": "big"}))
            answer = told(http.post("answers", json=QUESTION))
            assert (answer["model"], stub.keys) == ("big", [FIRST])
            assert "24 months" in answer["answer"]
            told(http.put("models/declared/big/key", json={"key": SECOND}))
            again = told(http.post("answers", json=QUESTION))
            assert (again["model"], stub.keys) == ("big", [FIRST, SECOND])
            refused = told(http.delete("models/declared/big"), 409)
            assert "it answers in 'lamps'" in refused["detail"]
            for one in (answer, again):
                told(http.get(f"traces/{one['trace_id']}"))
            for path in ("models", "models/declared", "models/costs", "audit"):
                told(http.get(path))
            heard.append(http.get("data").text)
            assert '"table": "model_keys"' in heard[-1]
            assert told(http.post("keys/rotate"))["models"] == 1
            told(http.post("answers", json=QUESTION))
            assert stub.keys[-1] == SECOND
            told(http.put("models/default", json={"model": "extractive"}))
            told(http.delete("models/declared/big"), 204)
            assert told(http.post("answers", json=QUESTION))["model"] == "extractive"
            gone = told(http.post("answers", json={**QUESTION, "model": "big"}), 404)
            assert "There is no model 'big'" in gone["detail"]
    said = capfd.readouterr()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for key in (FIRST, SECOND):
        assert key not in "".join(heard) + said.out + said.err
        assert key.encode() not in kept
