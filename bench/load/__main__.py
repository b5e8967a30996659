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
from typing import Any

from bench.load.deployment import Server, deployed
from bench.load.people import EVENTS, JSON, Told, ask, health, left
from bench.load.stub_model import EACH_S, FIRST_S, TOKENS
from bench.search import read

PEOPLE, STREAMS, LEAVING = 50, 200, 2_000
SECONDS = 60.0
MODEL_S = FIRST_S + (TOKENS - 1) * EACH_S
SEARCH = ("embed", "dense", "sparse", "search")
Scene = Callable[[Server, Sequence[str], bool], Coroutine[Any, Any, dict[str, Any]]]


def spread(milliseconds: Sequence[float]) -> dict[str, float]:
    cut = quantiles(milliseconds, n=100)
    return {f"p{p}_ms": round(cut[p - 1], 1) for p in (50, 95, 99)} | {
        "worst_ms": round(max(milliseconds), 1)
    }


async def _in_turn(
    server: Server, questions: Sequence[str], model: str, accept: str, seconds: float
) -> tuple[list[Told], float, float]:
    """Fifty people who ask again once they are answered; with wall and processor seconds."""
    told: list[Told] = []
    turn = itertools.cycle(questions)
    began, spent = time.perf_counter(), server.cpu_s()

    async def person(n: int) -> None:
        await asyncio.sleep(n * MODEL_S / PEOPLE if model == "paced" else 0)
        while time.perf_counter() - began < seconds:
            told.append(await ask(server.port, n, next(turn), model, accept))

    await asyncio.gather(*(person(n) for n in range(PEOPLE)))
    return told, time.perf_counter() - began, server.cpu_s() - spent


def _searching(told: Told) -> float:
    """Seconds of embedding and search, as the answer itself tells."""
    timings = told.answer["timings"]
    return sum(timings.get(stage, 0.0) for stage in SEARCH) / 1000


async def overhead(server: Server, questions: Sequence[str], short: bool) -> dict[str, Any]:
    await _in_turn(server, questions, "paced", EVENTS, 5)
    told, wall, cpu = await _in_turn(server, questions, "paced", EVENTS, 10 if short else SECONDS)
    whole = [one for one in told if one.status == 200 and one.tokens and one.answer]
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


async def throughput(server: Server, questions: Sequence[str], short: bool) -> dict[str, Any]:
    told, wall, cpu = await _in_turn(server, questions, "instant", JSON, 5 if short else SECONDS)
    return {
        "answers": len(told),
        "errors": _errors(told),
        "answers_per_s": round(len(told) / wall, 1),
        "latency": spread([1000 * one.seconds for one in told]),
        "server_cpu_ms_per_answer": round(1000 * cpu / len(told), 1),
        "stages_p50_ms": _stages([one for one in told if one.answer]),
    }


async def streams(server: Server, questions: Sequence[str], short: bool) -> dict[str, Any]:
    model = "paced" if short else "slow"
    listening = asyncio.gather(
        *(ask(server.port, n, questions[n % len(questions)], model, EVENTS) for n in range(STREAMS))
    )
    taken: list[float] = []
    while not listening.done():
        taken.append(1000 * await health(server.port))
        await asyncio.sleep(0.2)
    told = await listening
    return {
        "streams": len(told),
        "truncated": sum(not one.answer for one in told),
        "seconds": round(max(one.seconds for one in told), 1),
        "tokens": [min(one.tokens for one in told), max(one.tokens for one in told)],
        "healthz": spread(taken),
    }


async def leaving(server: Server, questions: Sequence[str], short: bool) -> dict[str, Any]:
    rng = random.Random(11)
    # Pools grow to what is wanted at once, and stay so.
    await asyncio.gather(
        *(ask(server.port, n, questions[n], "paced", EVENTS) for n in range(PEOPLE))
    )
    await asyncio.sleep(3)
    before = server.held()
    places = asyncio.Semaphore(PEOPLE)
    count = LEAVING // 20 if short else LEAVING

    async def one(n: int) -> None:
        async with places:
            await left(server.port, n % STREAMS, questions[n % len(questions)], rng.random() * 1.5)

    began = time.perf_counter()
    await asyncio.gather(*(one(n) for n in range(count)))
    took = time.perf_counter() - began
    await asyncio.sleep(5)
    return {"left": count, "seconds": round(took, 1), "before": before, "after": server.held()}


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
    passages = read(given.passages, given.count)
    questions = [" ".join(text.split()[:12]) for text in passages[:: max(1, len(passages) // 500)]]
    with TemporaryDirectory(prefix="ratchet-load-", ignore_cleanup_errors=True) as scratch:
        began = time.perf_counter()
        with deployed(Path(scratch), passages) as server:
            ready = {"chunks": server.chunks(), "read_s": round(time.perf_counter() - began, 1)}
            print(json.dumps({"section": "load", "result": ready}), flush=True)
            for name in given.only:
                found = asyncio.run(SCENES[name](server, questions, given.short))
                print(json.dumps({"section": f"load {name}", "result": found}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
