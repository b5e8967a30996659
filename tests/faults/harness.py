"""Kills syncs and compares what is left with an oracle that only knows the folder.

After a kill, before anything is repaired: every document that was live answers, whole and once,
with the text it had or the text it has now; one that was deleted may be gone; nothing else answers.
After the next sync: exactly the folder, no point too many, nothing left to sweep.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil
from sqlalchemy import select

from rag.store.models import DocumentRow
from tests.faults.victim import STEPS
from tests.support import Bench, RealBench

REPO = Path(__file__).parents[2]
LONGEST_RUN_S = 2.0
LONGEST_REAL_RUN_S = 12.0
DOCUMENTS = 24
WORDS = ("turbine", "gasket", "bearing", "impeller", "flange", "coupling", "valve", "motor")


@dataclass
class Kill:
    """What was done to a sync and what came of it."""

    fault: str
    killed: bool
    problems: list[str] = field(default_factory=list[str])


class Harness:
    """One data folder that lives through any number of kills."""

    def __init__(self, root: Path, url: str, seed: int, *, real: bool = False) -> None:
        self.root, self.url, self.real = root, url, real
        self.random = Random(seed)
        self.folder = root / "documents"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.serial = 0
        self.nursery: subprocess.Popen[str] | None = None

    def kill_once(self, fault: str = "") -> Kill:
        """Change the folder, sync, kill it on the way, check, sync again, check."""
        before = self.texts()
        self.change()
        after = self.texts()
        fault, killed = self.strike(fault or self.any_fault())
        kill = Kill(fault, killed)
        kill.problems += asyncio.run(self._survivors(before, after))
        self._run("-")
        kill.problems += asyncio.run(self._exactly(after))
        return kill

    # --- the folder ---

    def texts(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.folder.iterdir()}

    def change(self) -> None:
        """Some documents more, some other, some gone; never so many gone that it is held."""
        names = sorted(path.name for path in self.folder.iterdir())
        self.random.shuffle(names)
        for name in names[: self.random.randint(1, 4)]:
            self._write(name)
        for name in names[4 : 4 + self.random.randint(1, 4)]:
            (self.folder / name).unlink()
        while len(list(self.folder.iterdir())) < DOCUMENTS:
            self.serial += 1
            self._write(f"{self.serial:05}.txt")
        if self.random.random() < 0.3 and not self.real:
            self._write("broken.txt", "UNPARSABLE")

    def _write(self, name: str, first: str = "") -> None:
        paragraphs = [
            f"{name} {number} " + " ".join(self.random.choices(WORDS, k=8))
            for number in range(self.random.randint(1, 5))
        ]
        (self.folder / name).write_text("\n\n".join([*([first] if first else []), *paragraphs]))

    # --- the fault ---

    def any_fault(self) -> str:
        kind = self.random.choice(("step", "step", "step", "moment", "engine"))
        if kind != "step":
            longest = LONGEST_REAL_RUN_S if self.real else LONGEST_RUN_S
            return f"{kind} {self.random.uniform(0, longest):.2f}"
        when = self.random.choice(("before", "after"))
        return f"{self.random.choice(STEPS)}:{when}:{self.random.randint(1, 3)}"

    def strike(self, fault: str) -> tuple[str, bool]:
        """A sync that is killed at a step or a moment, or whose engine is; whether it was."""
        kind, _, pause = fault.partition(" ")
        if not pause:
            return fault, self._run(fault)
        victim = self._start("-")
        time.sleep(float(pause))
        if kind == "moment":
            # It may have ended; its number is not given to another one so soon.
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        else:
            self._kill_engine()
        return fault, self._ended() == -signal.SIGKILL or kind == "engine"

    def _kill_engine(self) -> None:
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or ())
            if "qdrant_edge" in line and str(self.root) in line:
                process.kill()

    def _start(self, step: str) -> int:
        """The process that syncs, forked by one that has imported all it needs."""
        if self.nursery is None:
            self.errors = (self.root / "victims.log").open("w+")
            self.nursery = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.faults.victim", str(self.root), self.url),
                    *(["real"] if self.real else []),
                ],
                cwd=REPO,
                env={**os.environ, "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                text=True,
            )
        assert self.nursery.stdin is not None
        self.nursery.stdin.write(f"{step}\n")
        self.nursery.stdin.flush()
        return self._told("begun")

    def _told(self, word: str) -> int:
        """The number that follows the word; the test's own limit ends a wait for ever."""
        assert self.nursery is not None
        assert self.nursery.stdout is not None
        said, _, number = self.nursery.stdout.readline().partition(" ")
        assert said == word, (said, number, self._log())
        return int(number)

    def _ended(self) -> int:
        return self._told("ended")

    def _run(self, step: str) -> bool:
        """Whether the sync was killed; one that ends in an error of its own is a failure."""
        self._start(step)
        code = self._ended()
        assert code in (0, -signal.SIGKILL), self._log()
        return code != 0

    def _log(self) -> str:
        return (self.root / "victims.log").read_text()[-2_000:]

    def close(self) -> None:
        if self.nursery is not None:
            with self.nursery:
                self.nursery.kill()
            self.errors.close()

    # --- the oracle ---

    async def _survivors(self, before: dict[str, str], after: dict[str, str]) -> list[str]:
        answering = await self._answering()
        problems: list[str] = []
        for name in before.keys() | after.keys() | answering.keys():
            texts = [text[name] for text in (before, after) if name in text]
            if any("UNPARSABLE" in text for text in texts):
                continue  # it answers as it did before it was spoilt, which may be long ago
            allowed = {self._shown(text) for text in texts}
            if len(texts) < 2:
                allowed.add(())
            if answering.get(name, ()) not in allowed:
                problems.append(f"after the kill {name} answers {answering.get(name)}")
        return problems

    async def _exactly(self, texts: dict[str, str]) -> list[str]:
        answering = await self._answering()
        good = {name: self._shown(text) for name, text in texts.items() if "UNPARSABLE" not in text}
        problems = [
            f"after the next sync {name} answers {answering.get(name)}, not {wanted}"
            for name, wanted in good.items()
            if answering.get(name) != wanted
        ]
        problems += [
            f"after the next sync {name} answers and should not"
            for name in answering.keys() - texts.keys()
        ]
        bench = self._bench()
        try:
            live = await bench.generation()
            points = await bench.index.count(live.id)
            placed = bench.ledger.generations.placed(live.id)[1]
            if points != placed:
                problems.append(f"the index holds {points} points for {placed} chunks")
            if left := bench.ledger.placements.orphans():
                problems.append(f"{len(left)} orphans were not swept")
            if problems:
                problems += self._failures(bench)
        finally:
            await bench.close()
        return problems

    def _failures(self, bench: Bench) -> list[str]:
        """Why documents wait for another attempt, which may be why they answer as before."""
        with bench.database.read() as session:
            rows = session.scalars(select(DocumentRow).where(DocumentRow.state == "failed"))
            return [f"{row.key} failed ({row.reason}): {row.message}" for row in rows]

    async def _answering(self) -> dict[str, tuple[str, ...]]:
        """Every passage that a search could show, by document, in order."""
        bench = self._bench()
        try:
            answering = await bench.answering()
        finally:
            await bench.close()
        if not self.real:
            return answering
        return {name: tuple(" ".join(texts).split()) for name, texts in answering.items()}

    def _bench(self) -> Bench:
        return RealBench(self.root, self.url) if self.real else Bench(self.root, self.url)

    def _shown(self, text: str) -> tuple[str, ...]:
        """What a document with this text answers: its paragraphs, or, cut for real, its words."""
        if self.real:
            return tuple(text.split())
        return tuple(part for part in text.split("\n\n") if part.strip())
