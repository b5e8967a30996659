"""Many people at once, in little: the scenes of bench/load, for what must hold at any size."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bench.load.__main__ import IDLE, SCENES, SHORT
from bench.load.deployment import Server, deployed

PASSAGES = [
    f"Pump {n} of the works is serviced every {n} months. Its seal is changed by team {n % 7}."
    for n in range(2, 202)
]
QUESTIONS = [f"How often is pump {n} serviced?" for n in range(2, 62)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with deployed(tmp_path_factory.mktemp("load"), PASSAGES) as found:
        yield found


def played(server: Server, scene: str) -> dict:
    return asyncio.run(SCENES[scene](server, QUESTIONS, SHORT))


@pytest.mark.parametrize("scene", ["overhead", "throughput"])
def test_nobody_of_many_is_refused_or_told_half(server: Server, scene: str) -> None:
    found = played(server, scene)
    assert found["answers"] >= SHORT.people
    assert found["errors"] == {}


def test_no_stream_is_truncated_and_the_server_stays_healthy(server: Server) -> None:
    found = played(server, "streams")
    assert (found["streams"], found["truncated"]) == (SHORT.streams, 0)


def test_those_who_leave_leave_nothing(server: Server) -> None:
    found = played(server, "leaving")
    before, after = found["before"], found["after"]
    assert after["connections"] <= before["connections"] + IDLE
    assert after["tasks"] <= before["tasks"]
    # A pool of threads may still have grown, and each has a connection to the database.
    more_threads = max(0, after["threads"] - before["threads"])
    assert after["descriptors"] <= before["descriptors"] + 3 * more_threads + 2
