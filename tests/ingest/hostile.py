"""A parser that does what the text tells it to: loaded by the parser processes of the tests."""

import ctypes
import importlib
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import ClassVar

from rag.config import ParsingSettings
from rag.errors import DocumentFailed
from rag.types import Block, Document, RawDocument


class HostileParser:
    media_types: ClassVar[frozenset[str]] = frozenset({"text/plain"})

    def __init__(self, settings: ParsingSettings) -> None:
        self.hoard: list[bytearray] = []

    def parse(self, raw: RawDocument, media_type: str) -> Document:
        text = raw.data.decode()
        order, _, value = text.partition(" ")
        if order == "sleep":
            time.sleep(float(value))
        elif order == "spin":
            while True:
                pass
        elif order == "hog":
            self.hoard.append(bytearray(int(value) * 2**20))
        elif order == "crash":
            ctypes.string_at(0)
        elif order == "exit":
            os._exit(int(value))
        elif order == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        elif order == "raise":
            raise ValueError(value)
        elif order == "truncated":
            raise OSError("image file is truncated")
        elif order == "import":
            importlib.import_module(value)
        elif order == "wrap":
            try:
                importlib.import_module(value)
            except ImportError as error:
                raise RuntimeError("This format needs a library.") from error
        elif order == "dlopen":
            ctypes.CDLL(value)
        elif order == "open":
            text = Path(value).read_text(encoding="ascii")
        elif order == "recurse":
            return self.parse(raw, media_type)
        elif order == "later":
            raise DocumentFailed("busy", value)
        elif order == "connect":
            socket.create_connection(("127.0.0.1", int(value)), timeout=1)
        elif order == "env":
            text = " ".join(os.environ)
        elif order == "pid":
            text = f"process {os.getpid()} {os.getppid()}"
        elif order == "modules":
            text = " ".join(name for name, module in sys.modules.items() if module is not None)
        elif order == "oom":
            text = Path("/proc/self/oom_score_adj").read_text(encoding="ascii")
        elif order == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif order == "child":
            text = f"process {os.spawnlp(os.P_NOWAIT, 'sleep', 'sleep', '300')} and words"
        elif order == "misfit":
            end = len(text) + 5
            return Document(
                title="",
                text=text,
                media_type=media_type,
                blocks=(Block(kind="text", start=0, end=end),),
            )
        elif order == "many":
            blocks = tuple(Block(kind="text", start=n, end=n + 1) for n in range(int(value)))
            return Document(title="", text="x" * int(value), blocks=blocks, media_type=media_type)
        block = Block(kind="text", start=0, end=len(text))
        return Document(title="", text=text, blocks=(block,), media_type=media_type)


class NoParser:
    """One whose module loads and which cannot be built."""

    media_types: ClassVar[frozenset[str]] = frozenset({"text/plain"})

    def __init__(self, settings: ParsingSettings) -> None:
        raise RuntimeError("no such engine here")
