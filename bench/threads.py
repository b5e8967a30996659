# pyright: basic
"""Why each batch gets one core: `python -m bench.threads` prints chunks per second.

One batch at a time over all cores against one batch on each core, alone and beside a process that
is busy 15 % of the time, as parsing and writing are while documents are read.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import torch

from rag.backends.encoder import load_network, usable_cores
from rag.backends.local_model import locate

TEXT = "Pump {n} was serviced after {n}00 hours because the shaft seal leaked at {n} bar. "
CHUNKS = 800
BATCH = 16
RUNS = 5
BUSY, CYCLE = 0.15, 0.02


def run() -> dict[str, Any]:
    """Medians of alternating runs, in chunks per second."""
    model = load_network(locate("all-MiniLM-L6-v2", "", False, Path()), "SentenceTransformer")
    texts = ["".join(TEXT.format(n=n + i) for i in range(2 + n % 4)) for n in range(CHUNKS)]
    batches = [texts[start : start + BATCH] for start in range(0, CHUNKS, BATCH)]
    cores = usable_cores()
    rates: dict[str, list[float]] = {}
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(cores) as each:
        # The number of cores of an operation is a setting of the thread that starts it.
        one.submit(torch.set_num_threads, cores).result()
        for _ in each.map(lambda _: torch.set_num_threads(1), range(cores)):
            pass
        for _ in range(RUNS):
            for beside in ("alone", "beside_others"):
                with _others(beside == "beside_others"):
                    rates.setdefault(f"all_cores_{beside}", []).append(_rate(one, model, batches))
                    rates.setdefault(f"one_core_{beside}", []).append(_rate(each, model, batches))
    return {"cores": cores, **{name: round(median(all), 1) for name, all in rates.items()}}


def _rate(pool: ThreadPoolExecutor, model: Any, batches: Sequence[Sequence[str]]) -> float:
    began = time.perf_counter()
    list(pool.map(lambda batch: model.encode(batch, show_progress_bar=False), batches))
    return sum(map(len, batches)) / (time.perf_counter() - began)


@contextmanager
def _others(wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    process = multiprocessing.get_context("spawn").Process(target=_work_a_little, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _work_a_little() -> None:
    while True:
        until = time.perf_counter() + BUSY * CYCLE
        while time.perf_counter() < until:
            pass
        time.sleep((1 - BUSY) * CYCLE)


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=1)
    sys.stdout.write("\n")
