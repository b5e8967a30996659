# pyright: basic
"""The real server with an encoder that takes no time: `python -m bench.load.serve ...` is `rag`.

So what is measured is the framework, the engine and the database. SIGUSR1 has it write how many
tasks its loop has into `tasks` in its working folder.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from rag.app import composition
from rag.backends.encoder import SWITCH_S
from rag.cli import main
from rag.config import Settings
from rag.testing.fakes import HashingEmbedder

DIMENSION = 384


class Instant(HashingEmbedder):
    async def embed_query(self, text: str) -> tuple[float, ...]:
        # The first question is the server's own, as it warms up.
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, counted)
        return await super().embed_query(text)


def counted() -> None:
    Path("tasks.new").write_text(str(len(asyncio.all_tasks())))
    Path("tasks.new").rename("tasks")


def instant(_: Settings) -> Instant:
    # As a real encoder has it.
    sys.setswitchinterval(SWITCH_S)
    return Instant(DIMENSION)


if __name__ == "__main__":
    composition._embedder = instant
    main()
