# pyright: basic
"""`python -m bench.load PASSAGES_GZ [--passages N] [--only SCENE ...] [--short]` prints JSON.

One server as `rag start` runs it (SQLite, the embedded engine, single-user mode acting for many
people), a stub model on a timetable, and the people, three processes on one machine. The encoder is
replaced by hashing, which takes no time to speak of: its cost is measured elsewhere.

- overhead: 50 people ask one question after the other of a model that takes 300 ms to its first
  token and 15 ms for each of 150. Overhead is what a person waits for beyond that and the search.
- throughput: 50 people, a model that answers at once, whole answers.
- streams: 200 people listen to a token a second, while /healthz is asked.
- leaving: 2,000 people ask and go away; then everything is held as before.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from bench.load.deployment import PEOPLE, Server, deployed
from bench.load.people import EVENTS, JSON, Told, ask, health, left
from bench.load.stub_model import EACH_S, FIRST_S, TOKENS
from bench.search import read

MODEL_S = FIRST_S + (TOKENS - 1) * EACH_S
LET_GO_S = 60
"""How long what they held may take to be let go of."""
IDLE = 1
"""Lines to the model that may be kept for the next question; whether there is one when counting
begins is by chance."""
SEARCH = ("embed", "dense", "sparse", "search")


class Scale(NamedTuple):
    """How many people ask and for how long; listen at once, to which model; ask and go away."""

    people: int = 50
    seconds: float = 60.0
    streams: int = 200
    listen_to: str = "slow"
    leaving: int = 2_000


SHORT = Scale(people=20, seconds=3.0, streams=40, listen_to="paced", leaving=60)
Scene = Callable[[Server, Sequence[str], Scale], Coroutine[Any, Any, dict[str, Any]]]


def spread(milliseconds: Sequence[float]) -> dict[str, float]:
    cut = quantiles(milliseconds, n=100)
    return {f"p{p}_ms": round(cut[p - 1], 1) for p in (50, 95, 99)} | {
        "worst_ms": round(max(milliseconds), 1)
    }


async def _in_turn(
    server: Server, questions: Sequence[str], model: str, accept: str, people: int, seconds: float
) -> tuple[list[Told], float, float]:
    """People who ask again once they are answered; with wall and processor seconds."""
    told: list[Told] = []
    turn = itertools.cycle(questions)
    began, spent = time.perf_counter(), server.cpu_s()

    async def person(n: int) -> None:
        await asyncio.sleep(n * MODEL_S / people if model == "paced" else 0)
        while time.perf_counter() - began < seconds:
            told.append(await ask(server.port, n, next(turn), model, accept))

    await asyncio.gather(*(person(n) for n in range(people)))
    return told, time.perf_counter() - began, server.cpu_s() - spent


def _searching(told: Told) -> float:
    """Seconds of embedding and search, as the answer itself tells."""
    timings = told.answer["timings"]
    return sum(timings.get(stage, 0.0) for stage in SEARCH) / 1000


async def overhead(server: Server, questions: Sequence[str], scale: Scale) -> dict[str, Any]:
    await _in_turn(server, questions, "paced", EVENTS, scale.people, scale.seconds / 12)
    told, wall, cpu = await _in_turn(
        server, questions, "paced", EVENTS, scale.people, scale.seconds
    )
    whole = [one for one in told if one.whole]
    above = [1000 * (one.seconds - MODEL_S - _searching(one)) for one in whole]
    return {
        "answers": len(told),
        "errors": _errors(told),
        "answers_per_s": round(len(told) / wall, 1),
        "overhead": spread(above),
        "first_word": spread([1000 * (one.first_s - FIRST_S - _searching(one)) for one in whole]),
        "search": spread([1000 * _searching(one) for one in whole]),
        "server_cpu_ms_per_answer": round(1000 * cpu / len(told), 1),
        "stages_p50_ms": _stages(whole),
    }


def _errors(told: Sequence[Told]) -> dict[str, int]:
    """By code; those without one were cut off, or are empty."""
    wrong = [one.code for one in told if one.status != 200 or not one.answer.get("answer")]
    return {code or "cut off": wrong.count(code) for code in sorted(set(wrong))}


def _stages(told: Sequence[Told]) -> dict[str, float]:
    names = sorted({name for one in told for name in one.answer["timings"]})
    return {
        name: round(quantiles([one.answer["timings"].get(name, 0) for one in told], n=2)[0], 1)
        for name in names
    }


async def throughput(server: Server, questions: Sequence[str], scale: Scale) -> dict[str, Any]:
    told, wall, cpu = await _in_turn(
        server, questions, "instant", JSON, scale.people, scale.seconds
    )
    return {
        "answers": len(told),
        "errors": _errors(told),
        "answers_per_s": round(len(told) / wall, 1),
        "latency": spread([1000 * one.seconds for one in told]),
        "server_cpu_ms_per_answer": round(1000 * cpu / len(told), 1),
        "stages_p50_ms": _stages([one for one in told if one.answer]),
    }


async def streams(server: Server, questions: Sequence[str], scale: Scale) -> dict[str, Any]:
    listening = asyncio.gather(
        *(
            ask(server.port, n, questions[n % len(questions)], scale.listen_to, EVENTS)
            for n in range(scale.streams)
        )
    )
    taken: list[float] = []
    while not listening.done():
        taken.append(1000 * await health(server.port))
        await asyncio.sleep(0.2)
    told = await listening
    return {
        "streams": len(told),
        "truncated": sum(not one.whole for one in told),
        "seconds": round(max(one.seconds for one in told), 1),
        "healthz": spread(taken),
    }


async def leaving(server: Server, questions: Sequence[str], scale: Scale) -> dict[str, Any]:
    rng = random.Random(11)
    # Pools grow to what is wanted at once, and stay so.
    await asyncio.gather(
        *(
            ask(server.port, n, questions[n % len(questions)], "paced", EVENTS)
            for n in range(scale.people)
        )
    )
    await asyncio.sleep(3)
    before = after = server.held()
    places = asyncio.Semaphore(scale.people)

    async def one(n: int) -> None:
        async with places:
            await left(server.port, n % PEOPLE, questions[n % len(questions)], rng.random() * 1.5)

    began = time.perf_counter()
    await asyncio.gather(*(one(n) for n in range(scale.leaving)))
    took = time.perf_counter() - began
    for _ in range(LET_GO_S):
        # What a slow machine has not noticed yet it does notice; what leaks stays.
        await asyncio.sleep(1)
        after = server.held()
        if (
            after["tasks"] <= before["tasks"]
            and after["connections"] <= before["connections"] + IDLE
        ):
            break
    return {
        "left": scale.leaving,
        "seconds": round(took, 1),
        "before": before,
        "after": after,
    }


SCENES: dict[str, Scene] = {
    "overhead": overhead,
    "throughput": throughput,
    "leaving": leaving,
    "streams": streams,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passages", type=Path)
    parser.add_argument("--count", type=int, default=50_000, help="passages to read")
    parser.add_argument("--only", nargs="*", choices=list(SCENES), default=list(SCENES))
    parser.add_argument("--short", action="store_true", help="see that it works")
    given = parser.parse_args()
    scale = SHORT if given.short else Scale()
    passages = read(given.passages, given.count)
    questions = [" ".join(text.split()[:12]) for text in passages[:: max(1, len(passages) // 500)]]
    with TemporaryDirectory(prefix="ratchet-load-", ignore_cleanup_errors=True) as scratch:
        began = time.perf_counter()
        with deployed(Path(scratch), passages) as server:
            ready = {"chunks": server.chunks(), "read_s": round(time.perf_counter() - began, 1)}
            print(json.dumps({"section": "load", "result": ready}), flush=True)
            for name in given.only:
                found = asyncio.run(SCENES[name](server, questions, scale))
                print(json.dumps({"section": f"load {name}", "result": found}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
