"""The examples of docs/ways-in.md are run as they stand, on another domain."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

import rag.app
from tests.ways.conftest import Deployment
from tests.ways.test_llamaindex import Echo

PAGE = Path(__file__).parents[2] / "docs" / "ways-in.md"


def examples(language: str) -> list[str]:
    """The page's blocks in a language; its pumps are lamps here."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [block.replace("pump", "lamp") for block in blocks]


def here(example: str, deployment: Deployment) -> str:
    assert "http://127.0.0.1:8000" in example
    return example.replace("http://127.0.0.1:8000", deployment.url)


def test_curl_holds_a_conversation_with_citations(deployment: Deployment) -> None:
    (script,) = examples("sh")
    ran = subprocess.run(
        ["bash", "-ec", here(script, deployment)], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert '"id":"lamps"' in ran.stdout
    assert "24 months" in ran.stdout
    assert ran.stdout.rstrip().endswith("data: [DONE]")
    chunks = [json.loads(line) for line in re.findall(r"^data: (\{.*)$", ran.stdout, re.MULTILINE)]
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
