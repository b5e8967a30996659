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

from rag.config import load, refuse_exposed, warnings
from rag.errors import ConfigError, Locked
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

        with started(services["api"], elsewhere("api")) as (api, said):
            url = re.findall(r"http://127\.0\.0\.1:\d+", said)[0]
            assert healthy(services["api"], url)
            assert httpx.get(f"{url}/api/v1/sources").status_code == 401
            assert api.stdout is not None
            admin = first_admin(url, api.stdout.readline())
            body = {"connector": "files", "config": {"path": str(docs)}, "name": "docs"}
            assert admin.post("/sources", json=body).status_code == 201
            run = admin.post("/sources/docs/sync").json()
            assert run["state"] == "queued", "the API leaves it to a worker"
            with started(services["worker"], elsewhere("worker")) as (worker, ready):
                assert ready.startswith("Working")
                with pytest.raises(Locked):
                    DataFolder.acquire(data)
                events = admin.get(f"/runs/{run['id']}/events").text
                ended = json.loads(events.strip().splitlines()[-1].removeprefix("data: "))
                assert (ended["state"], ended["report"]["added"]) == ("succeeded", 1)
                assert f":{worker.pid}:" in ended["worker"]
                asked = {"question": "How long is the warranty of the lamp L-7?"}
                answer = admin.post("/answers", json=asked).json()
                assert "30 months" in answer["answer"]
                assert answer["citations"][0]["document"]
                worker.send_signal(signal.SIGTERM)
                assert worker.wait(60) == 0
            admin.close()
        assert not healthy(services["api"], url)


def first_admin(url: str, said: str) -> httpx.Client:
    """Follow the link that the first start printed, as a browser does."""
    (link,) = re.findall(r"http://localhost:8000/join#(\S+)", said)
    admin = httpx.Client(base_url=f"{url}/api/v1", headers={"Origin": url}, timeout=120)
    chosen = {"token": link, "name": "ada", "password": "seven green pumps hum"}
    assert admin.post("/invitations/accept", json=chosen).status_code == 200
    assert admin.post("/invitations/accept", json=chosen).status_code == 404, "good once"
    assert "admin" in admin.get("/session").json()["roles"]
    return admin


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
    published = {name: one["ports"] for name, one in services.items() if "ports" in one}
    assert published == {"api": ["127.0.0.1:8000:8000"]}
    assert not any("network_mode" in one for one in services.values())


def test_the_api_is_reached_by_others_only_where_they_sign_in(
    services: dict[str, Any], tmp_path: Path
) -> None:
    opened = compose({**FILLED, "PUBLISH": "0.0.0.0:80", "PUBLIC_URL": "https://ask.example.org"})
    api = opened["services"]["api"]
    assert api["ports"] == ["0.0.0.0:80:8000"]
    for environment in (services["api"]["environment"], api["environment"]):
        refuse_exposed(load(data=tmp_path, environ=environment))
        without = {**environment, "RAG_ACCOUNTS__REQUIRED": "false"}
        with pytest.raises(ConfigError, match="nobody signs in"):
            refuse_exposed(load(data=tmp_path, environ=without))
    assert api["environment"]["RAG_SERVER__PUBLIC_URL"] == "https://ask.example.org"


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
