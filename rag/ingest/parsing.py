"""Parsing in processes that can be killed, so that no document harms the one that serves answers.

`ParserPool` owns the parser server (rag.ingest.parser_process) and talks to its workers. A parser
that hangs, crashes or eats memory costs its own document only: the worker is replaced and the pool
goes on. The event loop never waits for more than a short read.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from rag.config import ParsingSettings
from rag.errors import DocumentFailed, DocumentRejected
from rag.ingest.parser_process import (
    BLOCKS,
    LENGTH,
    OUT_OF_MEMORY_EXIT,
    Ending,
    Outcome,
    Setup,
)
from rag.types import Block, Document, RawDocument

__all__ = ["PARSER_FINGERPRINT", "PARSER_UNAVAILABLE", "ParserPool"]

PARSER_FINGERPRINT = "ratchet-parse-2"
"""Changes whenever the same bytes would be parsed into another Document."""

PARSER_UNAVAILABLE = "parser_unavailable"
"""The reason of a failure to get a process at all."""
START_SECONDS = 120
FRAME_BYTES = 16 * 2**20
"""Largest message beside a document's text: a broken parser cannot fill our memory."""
CONTROL_SECONDS = 30
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH")
"""All that a parser sees of our environment: keys and tokens stay with us."""
SENT_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class ParserPool:
    """Parses documents side by side, each in a process with limits of memory, CPU and time.

    `parsers` are `module:Class` names, in order of preference; the classes are loaded in the
    parser server only, each built as `Class(settings)`. Use a pool within one event loop.
    """

    def __init__(self, settings: ParsingSettings, parsers: Sequence[str]) -> None:
        self.workers = settings.workers or max(1, (os.cpu_count() or 1) // 2)
        self._settings = settings
        self._parsers = tuple(parsers)
        self._slots = asyncio.Semaphore(self.workers)
        self._starting = asyncio.Lock()
        self._server: _Server | None = None
        self._idle: list[_Worker] = []
        self._reaping: set[asyncio.Task[None]] = set()
        self._closed = False

    async def parse(self, raw: RawDocument) -> Document:
        """The text with its structure. Raises DocumentRejected (for good) or DocumentFailed."""
        if len(raw.data) > self._settings.max_bytes:
            raise DocumentRejected(
                "too_large",
                f"'{raw.name}' has {len(raw.data):,} bytes; {self._settings.max_bytes:,} are read.",
                hint="Split the document or raise parsing.max_bytes.",
            )
        async with self._slots:
            worker = await self._take(raw.name)
            try:
                async with asyncio.timeout(self._settings.wall_seconds):
                    outcome, text, blocks = await worker.exchange(raw)
            except TimeoutError:
                await self._discard(worker)
                raise DocumentRejected(
                    "timeout",
                    f"'{raw.name}' was not parsed within {self._settings.wall_seconds} seconds.",
                    hint="Split the document or raise parsing.wall_seconds.",
                ) from None
            except (OSError, EOFError) as error:
                raise await self._verdict(raw.name, worker) from error
            except BaseException:
                self._discard_later(worker)
                raise
            if outcome.retire:
                self._discard_later(worker)
            else:
                self._idle.append(worker)
        if outcome.document is None:
            cause = DocumentRejected if outcome.error == "rejected" else DocumentFailed
            raise cause(outcome.reason, outcome.message, hint=outcome.hint)
        return Document.model_validate({**outcome.document, "text": text, "blocks": blocks})

    async def aclose(self) -> None:
        """End every parser process. A parse under way fails as transient."""
        self._closed = True
        for worker in self._idle:
            worker.channel.close()
        self._idle.clear()
        await asyncio.gather(*self._reaping)
        async with self._starting:
            if self._server is not None:
                await self._server.aclose()
                self._server = None

    async def _take(self, name: str) -> _Worker:
        """A worker that is alive, forked if none is idle."""
        while self._idle:
            worker = self._idle.pop()
            if worker.alive():
                return worker
            await self._discard(worker)
        try:
            async with self._starting:
                if self._closed:
                    raise EOFError("the parser pool is closed")
                if self._server is not None and self._server.ended():
                    await self._server.aclose()
                    self._server = None
                if self._server is None:
                    self._server = await _Server.start(self._settings, self._parsers)
                forking = asyncio.create_task(self._server.fork())
            try:
                return await asyncio.shield(forking)
            except asyncio.CancelledError:
                forking.add_done_callback(self._discard_forked)
                raise
        except (OSError, EOFError, TimeoutError) as error:
            raise DocumentFailed(
                PARSER_UNAVAILABLE, f"No parser process for '{name}': {error}."
            ) from error

    async def _discard(self, worker: _Worker) -> None:
        """Kill a worker; that its server is gone too is fine, since workers die with it."""
        try:
            await worker.reap()
        except (OSError, EOFError, TimeoutError):
            worker.channel.close()

    def _discard_later(self, worker: _Worker) -> None:
        task = asyncio.create_task(self._discard(worker))
        self._reaping.add(task)
        task.add_done_callback(self._reaping.discard)

    def _discard_forked(self, forking: asyncio.Task[_Worker]) -> None:
        if not forking.cancelled() and forking.exception() is None:
            self._discard_later(forking.result())

    async def _verdict(self, name: str, worker: _Worker) -> DocumentRejected | DocumentFailed:
        """What a worker's end says about the document it was parsing."""
        outside = DocumentFailed("parser_killed", f"The parser of '{name}' was ended from outside.")
        try:
            ending = await worker.reap()
        except (OSError, EOFError, TimeoutError):
            return outside
        if ending.signal == signal.SIGXCPU:
            return DocumentRejected(
                "timeout",
                f"'{name}' needs more than {self._settings.cpu_seconds} seconds of CPU time.",
                hint="Split the document or raise parsing.cpu_seconds.",
            )
        crowded = ending.signal and ending.peak_mb > 0.6 * self._settings.memory_mb
        if ending.signal in SENT_FROM_OUTSIDE or not (ending.signal or ending.code):
            return outside
        if crowded or ending.code == OUT_OF_MEMORY_EXIT:
            return DocumentRejected(
                "resource_limit",
                f"'{name}' needs more than {self._settings.memory_mb} MB to be parsed.",
                hint="Split the document or raise parsing.memory_mb.",
            )
        return DocumentRejected(
            "corrupt", f"'{name}' crashes its parser.", hint="Save the document anew and retry."
        )


class _Worker:
    """The owner's end of one worker: at most one document at a time."""

    def __init__(self, server: _Server, pid: int, channel: socket.socket, frame_bytes: int) -> None:
        self.pid = pid
        self.channel = channel
        self._server = server
        self._frame_bytes = frame_bytes

    def alive(self) -> bool:
        """False once the worker closed its end."""
        try:
            return self.channel.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    async def exchange(self, raw: RawDocument) -> tuple[Outcome, str, list[Block]]:
        """Send a document, read its outcome. Raises OSError or EOFError when the worker dies."""
        await _send_frame(self.channel, raw.model_dump_json(exclude={"data"}).encode())
        await _send_frame(self.channel, raw.data)
        outcome = Outcome.model_validate_json(await _read_frame(self.channel, FRAME_BYTES))
        text, blocks = "", list[Block]()
        if outcome.document is not None:
            text = (await _read_frame(self.channel, self._frame_bytes)).decode()
            for _ in range(outcome.block_frames):
                batch = await _read_frame(self.channel, self._frame_bytes)
                blocks.extend(BLOCKS.validate_json(batch))
                await asyncio.sleep(0)
        return outcome, text, blocks

    async def reap(self) -> Ending:
        """Kill the worker if it lives and say how it ended."""
        self.channel.close()
        return Ending.model_validate_json(await self._server.ask(f"reap {self.pid}"))


class _Server:
    """The owner's end of the parser server."""

    def __init__(
        self, process: subprocess.Popen[bytes], control: socket.socket, frame_bytes: int
    ) -> None:
        self._process = process
        self._control = control
        self._frame_bytes = frame_bytes
        self._turn = asyncio.Lock()
        self._broken = False

    @classmethod
    async def start(cls, settings: ParsingSettings, parsers: tuple[str, ...]) -> _Server:
        """A server with every parser loaded. Raises OSError, EOFError or TimeoutError."""
        control, theirs = socket.socketpair()
        control.setblocking(False)
        with theirs, tempfile.TemporaryFile() as errors:
            process = await asyncio.to_thread(_spawn, theirs, errors)
            server = cls(process, control, FRAME_BYTES + 8 * settings.max_text_chars)
            try:
                setup = Setup(parsers=parsers, settings=settings)
                await _send_frame(control, setup.model_dump_json().encode())
                theirs.close()
                async with asyncio.timeout(START_SECONDS):
                    await _read_frame(control, FRAME_BYTES)
            except EOFError:
                await server.aclose()
                errors.seek(0)
                last = errors.read()[-2_000:].decode(errors="replace").strip().splitlines()
                raise EOFError(last[-1] if last else "the parser server ended") from None
            except BaseException:
                await server.aclose()
                raise
        return server

    def ended(self) -> bool:
        return self._broken or self._process.poll() is not None

    async def fork(self) -> _Worker:
        """A fresh worker."""
        channel, theirs = socket.socketpair()
        channel.setblocking(False)
        with theirs:
            try:
                reply = json.loads(await self.ask("fork", theirs.fileno()))
            except BaseException:
                channel.close()
                raise
        return _Worker(self, int(reply["pid"]), channel, self._frame_bytes)

    async def ask(self, message: str, *fds: int) -> bytearray:
        """One request, one reply. A failure gives up the server, and its workers with it."""
        async with self._turn:
            if self.ended():
                raise EOFError("the parser server has ended")
            try:
                socket.send_fds(self._control, [message.encode()], fds)
                async with asyncio.timeout(CONTROL_SECONDS):
                    return await _read_frame(self._control, FRAME_BYTES)
            except BaseException:
                # The reply may come yet and would be taken for that of the next request.
                self._broken = True
                raise

    async def aclose(self) -> None:
        """Close the control socket, upon which the server kills its workers and ends."""
        self._control.close()
        try:
            await asyncio.to_thread(self._process.wait, 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)


def _spawn(control: socket.socket, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the server away from our terminal, so that Ctrl-C reaches it through us only."""
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    environment |= {
        "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "rag.ingest.parser_process", str(control.fileno())],
        pass_fds=[control.fileno()],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,
    )


# --- frames -----------------------------------------------------------------------------------


async def _send_frame(channel: socket.socket, data: bytes) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(channel, LENGTH.pack(len(data)))
    await loop.sock_sendall(channel, data)


async def _read_frame(channel: socket.socket, limit: int) -> bytearray:
    length: int = LENGTH.unpack(await _read_exactly(channel, LENGTH.size))[0]
    if length > limit:
        raise EOFError("the parser process sent more than a document can hold")
    return await _read_exactly(channel, length)


async def _read_exactly(channel: socket.socket, length: int) -> bytearray:
    """Exactly `length` bytes. Raises EOFError where the other side closed early."""
    loop = asyncio.get_running_loop()
    data = bytearray(length)
    view = memoryview(data)
    while view:
        count = await loop.sock_recv_into(channel, view)
        if count == 0:
            raise EOFError("the parser process closed its socket")
        view = view[count:]
    return data
