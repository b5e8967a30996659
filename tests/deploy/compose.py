"""docker-compose.yml and Dockerfile as a test reads them, and their processes started by hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
FILLED = {"POSTGRES_PASSWORD": "p0stgresPassw0rd", "QDRANT_API_KEY": "qdrantKey"}
"""What the reader of .env.example is told to fill in."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def compose(env: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables replaced; as the engine does, one that is missing is an error."""

    def value(match: re.Match[str]) -> str:
        name, how, word = match.groups()
        if env.get(name):
            return env[name]
        if how == "?":
            raise KeyError(name)
        return word or ""

    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    return yaml.safe_load(_VARIABLE.sub(value, text))


def example(*, commented: bool = False) -> dict[str, str]:
    """What .env.example sets, and what it offers to set."""
    lines = (line.removeprefix("#") if commented else line for line in EXAMPLE.splitlines())
    pairs = (line.partition("=") for line in lines if re.match(r"[A-Z_]+=", line))
    return {name: value for name, _, value in pairs}


def entrypoint() -> list[str]:
    """The image's command, which the compose file's is put behind; here run from the checkout."""
    (words,) = re.findall(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert yaml.safe_load(words) == ["rag"]
    return [sys.executable, "-m", "rag"]


def image_variables() -> dict[str, str]:
    *_, line = re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE)
    found = dict(word.split("=", 1) for word in line.split())
    return {name: value for name, value in found.items() if name != "PATH"}


@contextmanager
def started(
    service: Mapping[str, Any], replaced: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service's process with its environment, but for the places replaced; and its first line."""
    environment = {**image_variables(), **service["environment"]}
    assert set(replaced) <= set(environment), "only what the file sets may be replaced"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}
    process = subprocess.Popen(
        [*entrypoint(), *service["command"]],
        env={**inherited, **environment, **replaced},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
