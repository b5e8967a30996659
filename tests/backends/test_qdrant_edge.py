"""The embedded engine's processes under faults: killed, shared, damaged, abandoned."""

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from array import array
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from rag.backends import qdrant_edge_shard
from rag.backends.qdrant_edge import QdrantEdgeIndex, _translated
from rag.backends.qdrant_edge_engine import Engine
from rag.backends.qdrant_edge_wire import Frame
from rag.backends.qdrant_filter import INDEXED
from rag.errors import EngineError, InvalidInput, StorageFull
from rag.testing.index import ALL, DIMENSION, make_point
from rag.types import And, IndexQuery, Match

QUERY = IndexQuery(dense=(1.0, 0.0, 0.0, 0.0), readers=ALL, limit=5)
DEADLINE_S = 20.0


def processes(folder: Path, module: str) -> list[psutil.Process]:
    """The running engine or shard processes of a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if f"rag.backends.{module}" in line and any(str(folder) in part for part in line):
            found.append(process)
    return found


def engines(folder: Path) -> list[psutil.Process]:
    return processes(folder, "qdrant_edge_engine")


def shards(folder: Path) -> list[psutil.Process]:
    return processes(folder, "qdrant_edge_shard")


async def appears(condition) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def gone(folder: Path) -> None:
    """Return once no process of the folder is left."""
    await appears(lambda: not engines(folder) + shards(folder))


def with_index(folder: Path, scenario, **options) -> None:
    """Run a scenario on an index of `folder` and see every process end afterwards."""

    async def whole():
        index = QdrantEdgeIndex(folder, **options)
        try:
            await scenario(index)
        finally:
            await index.aclose()
        await gone(folder)

    asyncio.run(whole())


@pytest.mark.parametrize("victim", ["engine", "shard", "both"])
def test_acknowledged_writes_survive_kill_9(tmp_path, victim):
    async def scenario(index):
        await index.create("one", DIMENSION)
        for round in range(3):
            await index.upsert("one", [make_point(round * 200 + n) for n in range(200)])
            await index.delete("one", Match(field="document_id", any_of=(f"doc-{round}",)))
            before = await index.count("one")
            victims = {"engine": engines, "shard": shards}
            for name in victims if victim == "both" else [victim]:
                for process in victims[name](tmp_path):
                    process.kill()
            assert await index.count("one") == before
            assert len((await index.search("one", QUERY)).dense) == 5

    with_index(tmp_path, scenario)


def test_calls_in_flight_survive_kill_9(tmp_path):
    async def scenario(index):
        await index.create("one", DIMENSION)

        async def write(start):
            for n in range(start, start + 200, 20):
                await index.upsert("one", [make_point(n + i) for i in range(20)])

        async def kill():
            for _ in range(2):
                await asyncio.sleep(0.1)
                for process in engines(tmp_path):
                    process.kill()
                await asyncio.sleep(0.5)

        await asyncio.gather(kill(), *(write(start) for start in range(0, 1000, 200)))
        assert await index.count("one") == 1000

    with_index(tmp_path, scenario)


CLIENT = """
import asyncio, sys
from pathlib import Path
from rag.backends import qdrant_edge_shard
from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.testing.index import make_point

async def main(folder, start, wait):
    index = QdrantEdgeIndex(Path(folder))
    await index.create("one", 4)
    for n in range(start, start + 100, 10):
        await index.upsert("one", [make_point(n + i) for i in range(10)])
    print("written", flush=True)
    await asyncio.sleep(wait)
    await index.aclose()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
"""


def client(folder: Path, start: int, wait: float) -> subprocess.Popen:
    command = [sys.executable, "-c", CLIENT, str(folder), str(start), str(wait)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_several_client_processes_share_one_engine(tmp_path):
    clients = [client(tmp_path, start, wait=0) for start in (0, 100, 200)]
    for process in clients:
        output, _ = process.communicate(timeout=60)
        assert (process.returncode, output) == (0, "written\n")

    async def scenario(index):
        assert await index.generations() == {"one": 300}
        assert len(engines(tmp_path)) == 1
        assert len(shards(tmp_path)) == 1

    with_index(tmp_path, scenario)


def test_the_engine_ends_with_a_client_that_was_killed(tmp_path):
    with client(tmp_path, 0, wait=60) as process:
        assert process.stdout.readline() == "written\n"
        assert len(engines(tmp_path)) == 1
        process.send_signal(signal.SIGKILL)
    asyncio.run(gone(tmp_path))


def test_a_crowd_of_first_calls_starts_one_engine(tmp_path):
    async def scenario(index):
        await index.create("one", DIMENSION)
        counts = await asyncio.gather(*(index.count("one") for _ in range(50)))
        assert set(counts) == {0}
        assert len(engines(tmp_path)) == 1

    with_index(tmp_path, scenario)


def test_a_cancelled_call_leaves_the_next_one_its_own_reply(tmp_path):
    async def scenario(index):
        await index.create("one", DIMENSION)
        points = [make_point(n) for n in range(100)]
        for delay in (0.0, 0.001, 0.003, 0.01):
            call = asyncio.create_task(index.upsert("one", points))
            await asyncio.sleep(delay)
            call.cancel()
            await asyncio.wait([call])
            assert isinstance(await index.count("one"), int)
            assert len((await index.search("one", QUERY)).dense) <= 5

    with_index(tmp_path, scenario)


def spoil_segments(generation: Path) -> None:
    for file in (generation / "0" / "segments").rglob("*"):
        if file.is_file():
            file.write_bytes(b"\xff" * 100)


def spoil_config(generation: Path) -> None:
    (generation / "0" / "edge_config.json").write_text("{")


def spoil_description(generation: Path) -> None:
    (generation / "generation.json").write_text('{"dimension"')


def remove_shard(generation: Path) -> None:
    shutil.rmtree(generation / "0")


@pytest.mark.parametrize("spoil", [spoil_segments, spoil_config, spoil_description, remove_shard])
def test_a_damaged_generation_says_so_and_harms_no_other(tmp_path, spoil):
    async def fill(index):
        for name in ("good", "bad"):
            await index.create(name, DIMENSION)
            await index.upsert(name, [make_point(n) for n in range(10)])

    async def scenario(index):
        for _ in range(2):
            with pytest.raises(EngineError, match="rebuilt"):
                await index.count("bad")
        with pytest.raises(EngineError):
            await index.search("bad", QUERY)
        assert len((await index.search("good", QUERY)).dense) == 5
        assert await index.generations() == {"bad": 0, "good": 10}
        await index.drop("bad")
        await index.create("bad", DIMENSION)
        await index.upsert("bad", [make_point(1)])
        assert await index.generations() == {"bad": 1, "good": 10}

    with_index(tmp_path, fill)
    spoil(tmp_path / "bad")
    with_index(tmp_path, scenario)


def test_a_creation_cut_short_is_begun_again(tmp_path):
    (tmp_path / "one" / "0" / "segments").mkdir(parents=True)

    async def scenario(index):
        assert await index.generations() == {}
        await index.create("one", DIMENSION)
        assert await index.count("one") == 0

    with_index(tmp_path, scenario)


def test_optimize_swaps_in_a_copy_with_every_write_made_meanwhile(tmp_path):
    async def scenario(index):
        await index.create("one", DIMENSION)
        await index.upsert("one", [make_point(n) for n in range(400)])
        (old,) = shards(tmp_path)
        optimizing = asyncio.create_task(index.optimize("one"))
        written = 400
        while not optimizing.done():
            await index.upsert("one", [make_point(written + n) for n in range(10)])
            written += 10
            gone = And(
                of=(
                    Match(field="document_id", any_of=("doc-1",)),
                    Match(field="source", any_of=("files",)),
                )
            )
            await index.delete("one", gone)
            assert await index.count("one", gone) == 0
            assert len((await index.search("one", QUERY)).dense) == 5
            await asyncio.sleep(0.05)
        await optimizing
        left = sum(n % 3 != 1 for n in range(written))
        assert await index.count("one") == left
        assert old.pid not in [process.pid for process in shards(tmp_path)]
        assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["1", "generation.json"]
        for process in engines(tmp_path) + shards(tmp_path):
            process.kill()
        assert await index.count("one") == left

    with_index(tmp_path, scenario, optimize_above=100)


def test_optimize_leaves_a_small_generation_alone(tmp_path):
    async def scenario(index):
        await index.create("one", DIMENSION)
        await index.upsert("one", [make_point(n) for n in range(100)])
        await index.optimize("one")
        assert (tmp_path / "one" / "0").is_dir()

    with_index(tmp_path, scenario, optimize_above=100)


def test_optimize_cut_by_kill_9_changes_nothing(tmp_path):
    async def scenario(index):
        await index.create("one", DIMENSION)
        await index.upsert("one", [make_point(n) for n in range(400)])
        optimizing = asyncio.create_task(index.optimize("one"))
        await appears(lambda: len(shards(tmp_path)) == 2)
        for process in engines(tmp_path):
            process.kill()
        await optimizing
        assert await index.count("one") == 400
        await index.optimize("one")
        assert await index.count("one") == 400
        assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["1", "generation.json"]

    with_index(tmp_path, scenario, optimize_above=100)


@pytest.mark.parametrize("length", [0, 150])
def test_only_the_owner_can_reach_the_engine(tmp_path, length, monkeypatch):
    """Also where the folder's path is too long for a socket."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    folder = tmp_path / ("x" * length) if length else tmp_path / "index"

    async def scenario(index):
        await index.create("one", DIMENSION)
        (address,) = [p for p in tmp_path.rglob("*.sock") if p.is_socket()]
        assert stat.S_IMODE(address.stat().st_mode) & 0o077 == 0
        assert (address.parent == folder) == (length == 0)
        if length:
            assert stat.S_IMODE(address.parent.stat().st_mode) == 0o700

    with_index(folder, scenario)


def test_a_socket_folder_others_can_enter_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / f"ratchet-{os.getuid()}").mkdir(mode=0o755)

    async def scenario():
        with pytest.raises(EngineError, match="only you"):
            await QdrantEdgeIndex(tmp_path / ("x" * 150)).generations()

    asyncio.run(scenario())


def test_a_limit_below_one_is_refused(tmp_path):
    async def scenario(index):
        await index.create("one", DIMENSION)
        with pytest.raises(InvalidInput):
            await index.search("one", QUERY.model_copy(update={"limit": 0}))

    with_index(tmp_path, scenario)


def test_a_full_disk_refuses_writes_and_goes_on_answering(tmp_path, monkeypatch):
    async def fill(index):
        await index.create("one", DIMENSION)
        await index.upsert("one", [make_point(1)])

    async def calls():
        engine = Engine(tmp_path)
        one = {"generation": "one"}
        monkeypatch.setattr("rag.backends.qdrant_edge_engine.RESERVE_BYTES", 2**80)
        for head in ({"op": "upsert", **one}, {"op": "create", "dimension": 4, "generation": "b"}):
            assert (await engine._answer(Frame(head, b"[]"))).head["error"] == "full"
        assert (await engine._answer(Frame({"op": "count", **one}))).head == {"count": 1}
        everything = b'{"op": "match", "field": "source", "any_of": ["files"]}'
        assert (await engine._answer(Frame({"op": "delete", **one}, everything))).head == {}
        assert (await engine._answer(Frame({"op": "count", **one}))).head == {"count": 0}
        await engine.close()

    with_index(tmp_path, fill)
    asyncio.run(calls())
    error = _translated({"error": "full", "message": "no room"}, "one")
    assert isinstance(error, StorageFull)


def test_engine_and_shard_load_nothing_heavy():
    code = (
        "import sys, rag.backends.qdrant_edge_engine, rag.backends.qdrant_edge_shard;"
        "print(sorted({'numpy', 'pydantic', 'torch', 'qdrant_client'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_writes_share_a_flush_and_none_waits_for_ever(tmp_path: Path, monkeypatch):
    """In this process, as the shard's own does it, on a clock of ours."""
    now = [100.0]
    monkeypatch.setattr(qdrant_edge_shard.time, "monotonic", lambda: now[0])
    rows = [[str(UUID(int=1)), {}, [1], [1.0]]]
    write = Frame({"op": "upsert"}, json.dumps(rows).encode(), array("f", [1.0] * 4).tobytes())
    shard = qdrant_edge_shard.Shard(tmp_path / "0", DIMENSION)
    try:
        assert shard.patience is None
        shard.answer(write)
        least, most = qdrant_edge_shard.UNFLUSHED_S
        assert shard.patience == least
        now[0] += least - 0.1
        shard.answer(write)
        assert shard.patience == qdrant_edge_shard.IDLE_S, "a moment of silence is enough now"
        now[0] += most - least
        assert shard.patience == qdrant_edge_shard.IDLE_S
        now[0] += 0.2
        assert shard.patience == 0, "silence or not"
        shard.flush()
        assert shard.patience is None
    finally:
        shard.close()


def test_a_shard_of_before_a_field_was_indexed_indexes_it_when_it_is_opened(
    tmp_path: Path, monkeypatch
):
    path = tmp_path / "0"
    # A process holds what it claimed until it ends, and this one opens the shard twice.
    monkeypatch.setattr(qdrant_edge_shard, "_claim", lambda _: None)
    with monkeypatch.context() as before:
        before.delitem(INDEXED, "file_kind")
        qdrant_edge_shard.Shard(path, DIMENSION).close()
    shard = qdrant_edge_shard.Shard(path, DIMENSION)
    try:
        assert shard._shard.info().payload_schema.keys() == INDEXED.keys()
    finally:
        shard.close()
