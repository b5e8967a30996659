# pyright: basic
"""End-to-end ingest against embedding alone and against LlamaIndex's pipeline, and re-syncs.

`python -m bench.ingest [DOCUMENTS] [RUNS]` prints JSON: chunks per second of a sync and of the
encoder alone, documents per second of the peer on the same files, the ratios run by run, and the
share of the first sync's time that an unchanged and a one-document re-sync take.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from statistics import median

from rag.app import App, build
from rag.config import load
from rag.ingest.write import embedded_text
from rag.types import Principal, RawDocument

_TEXT = (
    "pump seal bearing impeller casing flow head pressure torque shaft coupling alignment valve "
    "maintenance interval warranty delivery customer service centre inspection clearance gasket "
    "motor speed power voltage alarm controller sensor temperature vibration lubricant grease"
)
WORDS = _TEXT.split()


def write_documents(folder: Path, count: int) -> None:
    """Markdown documents of a few sections each, the same ones every time."""
    rng = Random(7)
    folder.mkdir(parents=True)
    for number in range(count):
        sections = []
        for section in range(3):
            sentences = [
                " ".join(rng.choices(WORDS, k=rng.randint(8, 20))).capitalize() + "."
                for _ in range(rng.randint(4, 9))
            ]
            sections.append(f"## Section {section}\n\n{' '.join(sentences)}")
        text = f"# Document {number}\n\n" + "\n\n".join(sections)
        (folder / f"{number:05}.md").write_text(text)


async def measure(documents: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(
        prefix="ratchet-bench-",
        ignore_cleanup_errors=True,  # the engine may still be closing
    ) as scratch:
        root = Path(scratch)
        write_documents(root / "documents", documents)
        app = await build(load(root / "data"))
        try:
            await app.warm()
            me = app.person(None)
            await app.add_source(
                me, connector="files", config={"path": str(root / "documents")}, name="bench"
            )
            # The parser server starts once per process, not once per sync.
            await app._parts.parsers.parse(
                RawDocument(key="w", uri="w", name="w.md", data=b"# Warm\n\nwarm up")
            )
            first = await app.sync(me)
            unchanged = await _timed(app, me)
            changed = root / "documents" / "00003.md"
            changed.write_text(changed.read_text() + "\n\nOne more sentence was added.")
            one = await _timed(app, me)
            texts = await _chunks(app, root / "documents")
            started = time.perf_counter()
            for start in range(0, len(texts), 256):
                await app._parts.embedder.embed_documents(texts[start : start + 256])
            alone = time.perf_counter() - started
        finally:
            await app.aclose()
        peer = _peer(root / "documents")
    return {
        "chunks": first.chunks,
        "ingest_chunks_per_s": first.chunks / first.seconds,
        "embed_chunks_per_s": len(texts) / alone,
        "ratio": (first.chunks / first.seconds) / (len(texts) / alone),
        "peer_documents_per_s": documents / peer["seconds"],
        "peer_chunks": peer["chunks"],
        "times_the_peer": (documents / first.seconds) / (documents / peer["seconds"]),
        "unchanged_share": unchanged / first.seconds,
        "one_changed_share": one / first.seconds,
    }


def _peer(folder: Path) -> dict[str, float]:
    """A process of its own, so that neither side warms the other."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bench.peer", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return json.loads(ran.stdout)


async def _timed(app: App, me: Principal) -> float:
    return (await app.sync(me)).seconds


async def _chunks(app: App, folder: Path) -> list[str]:
    texts: list[str] = []
    for path in sorted(folder.iterdir()):
        raw = RawDocument(key=path.name, uri=str(path), name=path.name, data=path.read_bytes())
        document = await app._parts.parsers.parse(raw)
        texts.extend(embedded_text(chunk) for chunk in app._parts.chunker.chunk(document))
    return texts


def run(documents: int = 300, runs: int = 5) -> dict[str, object]:
    found = [asyncio.run(measure(documents)) for _ in range(runs)]
    return {
        "documents": documents,
        "runs": runs,
        "median": {name: round(median(one[name] for one in found), 4) for name in found[0]},
        "ratios": [round(one["ratio"], 3) for one in found],
        "times_the_peer": [round(one["times_the_peer"], 2) for one in found],
    }


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:]]
    print(json.dumps(run(*arguments), indent=2))
