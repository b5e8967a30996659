"""The examples of docs/ways-in.md and docs/api.md are run as they stand, on another domain."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest

import rag.app
from tests.ways.conftest import Deployment
from tests.ways.test_llamaindex import Echo

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "ways-in.md"


def examples(language: str, page: Path = PAGE) -> list[str]:
    """The page's blocks in a language; its pumps are lamps here."""
    blocks = re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)
    return [block.replace("pump", "lamp") for block in blocks]


def here(example: str, deployment: Deployment) -> str:
    assert "http://127.0.0.1:8000" in example
    return example.replace("http://127.0.0.1:8000", deployment.url)


def ran(script: str, deployment: Deployment) -> str:
    """What the script prints."""
    done = subprocess.run(
        ["bash", "-ec", here(script, deployment)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_holds_a_conversation_with_citations_by_rest(deployment: Deployment) -> None:
    (script,) = examples("sh", DOCS / "api.md")
    said = ran(script, deployment)
    decoder = json.JSONDecoder()
    first, end = decoder.raw_decode(said)
    events = re.findall(r"^event: (\w+)\ndata: (\{.*\})$", said[end:], re.MULTILINE)
    names = [name for name, _ in events]
    assert names[:2] == ["started", "hits"]
    assert {"token", "citation", "support"} <= set(names)
    assert names[-1] == "answer"
    second = json.loads(events[-1][1])
    kept = json.loads(said[said.rindex("\n\n") :])
    assert "24 months" in first["answer"]
    assert any("shows the receipt" in one["quote"] for one in second["citations"])
    assert [turn["answer"] for turn in kept["turns"]] == [first["answer"], second["answer"]]
    base = deployment.url + "/api/v1/documents"
    for answer in (first, second):
        for cited in answer["citations"]:
            place = f"{base}/{cited['document_id']}/versions/{cited['version']}/text"
            start, stop = cited["span"]
            assert httpx.get(place).text[start:stop] == cited["quote"]


def test_curl_holds_a_conversation_with_citations(deployment: Deployment) -> None:
    (script,) = examples("sh")
    said = ran(script, deployment)
    assert '"id":"lamps"' in said
    assert "24 months" in said
    assert said.rstrip().endswith("data: [DONE]")
    chunks = [json.loads(line) for line in re.findall(r"^data: (\{.*)$", said, re.MULTILINE)]
    (cited,) = (one for one in chunks if "annotations" in one["choices"][0]["delta"])
    quotes = [one["ratchet"]["quote"] for one in cited["choices"][0]["delta"]["annotations"]]
    assert any("shows the receipt" in quote for quote in quotes)


@pytest.mark.parametrize("which", ["openai", "mcp"])
def test_a_client_holds_a_conversation_with_citations(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], which: str
) -> None:
    (example,) = (one for one in examples("python") if f"from {which} import" in one)
    exec(compile(here(example, deployment), str(PAGE), "exec"), {"__name__": "example"})
    printed = capsys.readouterr().out
    assert "24 months" in printed
    assert "shows the receipt" in printed
    *_, rated = re.findall(r"trace: (\S+)", printed)
    assert printed.count("trace:") == 2
    (kept,) = deployment.run(deployment.app.feedback(deployment.app.person(None), rated))
    assert (kept.value, kept.surface) == (1, which)
    if which == "mcp":
        assert re.search(r"^cited: \S", printed, re.MULTILINE)


def test_the_retriever_answers_in_a_program(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = (one for one in examples("python") if "rag.llamaindex" in one)

    class Kept:
        """The deployment's app, which the example may not close."""

        person, search = deployment.app.person, deployment.app.search

        async def aclose(self) -> None: ...

    async def build(_: object) -> Kept:
        return Kept()

    monkeypatch.setattr(rag.app, "build", build)
    space: dict = {}
    exec(compile(example, str(PAGE), "exec"), space)
    data = deployment.app.settings.data
    told = deployment.run(space["answer"](data, "guest", "warranty on a new lamp", Echo()))
    assert "24 months" in str(told)
