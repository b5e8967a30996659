"""The compose file: its API and worker as processes on this machine, and what it promises."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, make_url, text

from rag.config import load, warnings
from rag.errors import Locked
from rag.store.folder import DataFolder
from tests.backends.rest_standin import stand_in
from tests.deploy.compose import DOCKERFILE, FILLED, compose, example, image_variables, started

OURS = ("api", "worker")
THEIRS = ("postgres", "qdrant", "ollama", "vllm")


@pytest.fixture
def services() -> dict[str, Any]:
    return compose(FILLED)["services"]


def owned_by_ratchet(url: str) -> str:
    """The same database as the compose file's user sees it: its owner, by password, no more."""
    database = make_url(url)
    engine = create_engine(database, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = 'ratchet'")):
            password = FILLED["POSTGRES_PASSWORD"]
            connection.execute(text(f"CREATE ROLE ratchet LOGIN PASSWORD '{password}'"))
        connection.execute(text(f"ALTER DATABASE {database.database} OWNER TO ratchet"))
        connection.execute(text("ALTER SCHEMA public OWNER TO ratchet"))
    engine.dispose()
    return f"/{database.database}?host={database.query['host']}"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_its_api_and_worker_answer_from_what_they_read(
    services: dict[str, Any], tmp_path: Path, database_url: str
) -> None:
    data, docs = tmp_path / "data", tmp_path / "docs"
    for folder in (data, docs, tmp_path / "index"):
        folder.mkdir()
    (data / "rag.toml").write_text('[embedding]\nprecision = "fp32"\n')
    (docs / "lamp.txt").write_text("The lamp L-7 is covered by a warranty of 30 months.")
    place = owned_by_ratchet(database_url)
    with stand_in(tmp_path / "index", FILLED["QDRANT_API_KEY"]) as index:

        def elsewhere(name: str) -> dict[str, str]:
            """The service's places, hosts and ports replaced, and nothing else of them."""
            given = services[name]["environment"]
            database, found = re.subn(
                r"(?<=@)[\w.]+:5432/ratchet$", place, given["RAG_DATABASE__URL"]
            )
            assert found == 1
            engine, found = re.subn(r"^http://[\w.]+:6333$", index, given["RAG_INDEX__URL"])
            assert found == 1
            replaced = {
                "RAG_DATA": str(data),
                "RAG_DATABASE__URL": database,
                "RAG_INDEX__URL": engine,
            }
            return replaced | ({"RAG_SERVER__PORT": free_port()} if name == "api" else {})

        with started(services["api"], elsewhere("api")) as (_, said):
            url = re.findall(r"http://127\.0\.0\.1:\d+", said)[0]
            assert healthy(services["api"], url)
            body = {"connector": "files", "config": {"path": str(docs)}, "name": "docs"}
            assert httpx.post(f"{url}/api/v1/sources", json=body, timeout=60).status_code == 201
            run = httpx.post(f"{url}/api/v1/sources/docs/sync").json()
            assert run["state"] == "queued", "the API leaves it to a worker"
            with started(services["worker"], elsewhere("worker")) as (worker, ready):
                assert ready.startswith("Working")
                with pytest.raises(Locked):
                    DataFolder.acquire(data)
                events = httpx.get(f"{url}/api/v1/runs/{run['id']}/events", timeout=120).text
                ended = json.loads(events.strip().splitlines()[-1].removeprefix("data: "))
                assert (ended["state"], ended["report"]["added"]) == ("succeeded", 1)
                assert f":{worker.pid}:" in ended["worker"]
                asked = {"question": "How long is the warranty of the lamp L-7?"}
                answer = httpx.post(f"{url}/api/v1/answers", json=asked, timeout=120).json()
                assert "30 months" in answer["answer"]
                assert answer["citations"][0]["document"]
                worker.send_signal(signal.SIGTERM)
                assert worker.wait(60) == 0
        assert not healthy(services["api"], url)


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def healthy(service: dict[str, Any], url: str) -> bool:
    kind, python, *arguments = service["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    told = [word.replace("http://127.0.0.1:8000", url) for word in arguments]
    assert url in " ".join(told)
    return subprocess.run([sys.executable, *told], stderr=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize("missing", sorted(FILLED))
def test_nothing_starts_without_its_passwords(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        compose({**FILLED, missing: ""})


def test_other_machines_reach_nothing(services: dict[str, Any]) -> None:
    published = [port for one in services.values() for port in one.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    # On the host's network the address it binds is the host's.
    assert services["api"]["environment"]["RAG_SERVER__HOST"] == "127.0.0.1"
    assert [name for name, one in services.items() if "network_mode" in one] == ["api"]


@pytest.mark.parametrize("name", OURS)
def test_ours_may_do_no_more_than_they_must(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == ["data:/data"]
    user = re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)
    assert user == ["ratchet"]
    assert service["environment"]["RAG_DATA"] == image_variables()["RAG_DATA"] == "/data"
    assert set(service["depends_on"]) == {"postgres", "qdrant"}


@pytest.mark.parametrize("name", THEIRS)
def test_theirs_are_pinned_watched_and_kept(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert re.search(r":v?\d+(\.\d+)*$", service["image"])
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service.get("profiles", [name] if name in ("ollama", "vllm") else []) == (
        [name] if name in ("ollama", "vllm") else []
    )
    volumes = compose(FILLED)["volumes"]
    assert [volume.split(":")[0] for volume in service["volumes"]] == [name]
    assert name in volumes


def test_the_example_names_every_variable_and_only_real_settings(tmp_path: Path) -> None:
    offered = example(commented=True)
    used = set(re.findall(r"\$\{(\w+)", Path("docker-compose.yml").read_text(encoding="utf-8")))
    assert used <= set(offered)
    assert all(example()[name] == "" for name in FILLED), "no password is given away"
    pack = {"RAG_DOMAINS__MY_DOMAIN__PACK", "RAG_DOMAIN"}
    settings = {name: value for name, value in offered.items() if name.startswith("RAG_")}
    assert pack < set(settings)
    loaded = load(data=tmp_path / "data", environ=settings)
    assert warnings(loaded, mounts="") == []
    assert loaded.answer.model in loaded.models
