"""One generation of the embedded engine: its folder, its shard process, and its optimisation.

The folder holds `generation.json` and one shard directory, named by a number that grows with each
optimisation. `generation.json` is written last and replaced atomically: it decides what exists.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

from rag.backends.qdrant_edge_wire import BUFFER, Frame, pack, receive

META = "generation.json"
STOP_S = 10.0


class Lost(Exception):
    """The shard process ended while it was needed."""


class Refused(Exception):
    """The shard process answered with a failure."""

    def __init__(self, reply: Frame) -> None:
        super().__init__(reply.head["message"])
        self.reply = reply


class Meta(NamedTuple):
    dimension: int
    shard: int = 0

    @classmethod
    def read(cls, folder: Path) -> Meta | None:
        """None where there is no generation; ValueError where its description is damaged."""
        try:
            values: Any = json.loads((folder / META).read_bytes())
            return cls(int(values["dimension"]), int(values["shard"]))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder / META} is damaged: {error}") from error

    def write(self, folder: Path) -> None:
        new = folder / f"{META}.new"
        with new.open("w") as file:
            json.dump(self._asdict(), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / META)


async def _spawn(mode: str, path: Path, dimension: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rag.backends.qdrant_edge_shard", mode, str(path), str(dimension)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=BUFFER,
    )


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


class Host:
    """A running shard process; calls are answered one at a time, in the order they came."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._in, self._out = process, process.stdin, process.stdout
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, path: Path, dimension: int) -> Host:
        """Open the shard, or create it where there is none. Raises Lost, or Refused with why."""
        process = await _spawn("serve", path, dimension)
        host = cls(process)
        try:
            first = await host._receive()
            if "error" in first.head:
                raise Refused(first)
        except BaseException:
            await _kill(process)
            raise
        return host

    async def call(self, request: Frame) -> Frame:
        async with self._turn:
            try:
                self._in.write(pack(request))
                await self._in.drain()
            except ConnectionError as error:
                raise Lost from error
            return await self._receive()

    async def _receive(self) -> Frame:
        try:
            return await receive(self._out)
        except asyncio.IncompleteReadError as error:
            raise Lost from error

    async def stop(self) -> None:
        """Let the call in progress finish, then have the process flush and end."""
        async with self._turn:
            self._in.close()
            try:
                await asyncio.wait_for(self._process.wait(), STOP_S)
            except TimeoutError:
                await _kill(self._process)


class Generation:
    """Serves one generation's calls; a shard process that died is replaced and asked again."""

    def __init__(self, folder: Path, meta: Meta) -> None:
        self._folder, self._meta = folder, meta
        self._host: Host | None = None
        self._starting = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._log: list[Frame] | None = None
        self._last_search: Frame | None = None
        self._optimizing: asyncio.Task[None] | None = None

    @classmethod
    async def create(cls, folder: Path, dimension: int) -> Generation:
        if folder.exists():  # a creation or a drop that was cut short
            await asyncio.to_thread(shutil.rmtree, folder)
        folder.mkdir()
        generation = cls(folder, Meta(dimension))
        await generation._running()
        generation._meta.write(folder)
        return generation

    @property
    def dimension(self) -> int:
        return self._meta.dimension

    @property
    def _path(self) -> Path:
        return self._folder / str(self._meta.shard)

    async def _running(self) -> Host:
        async with self._starting:
            if self._host is None:
                if (self._folder / META).exists() and not self._path.is_dir():
                    raise FileNotFoundError(f"{self._path} is missing")
                self._host = await Host.start(self._path, self._meta.dimension)
            return self._host

    async def read(self, request: Frame) -> Frame:
        """Pass a call on. Raises Lost when the process died of it twice."""
        if request.head["op"] == "search":
            self._last_search = request
        for attempt in (1, 2):
            host: Host | None = None
            try:
                host = await self._running()
                return await host.call(request)
            except Lost:
                if self._host is host:
                    self._host = None
                if attempt == 2:
                    raise
        raise AssertionError

    async def write(self, request: Frame) -> Frame:
        """Pass a write on; while a copy is being optimised, keep it for the copy too."""
        async with self._writing:
            reply = await self.read(request)
            if self._log is not None and "error" not in reply.head:
                self._log.append(request)
            return reply

    async def optimize(self, above: int, *, start: bool) -> bool:
        """Whether an optimisation is going on; with `start`, begin one that is due.

        It is due when more than `above` points are outside the graph. Raises what ended the last.
        """
        if self._optimizing is not None:
            if not self._optimizing.done():
                return True
            task, self._optimizing = self._optimizing, None
            await task
        elif start:
            due = (await self.read(Frame({"op": "unindexed"}))).head["count"] > above
            if due and self._optimizing is None:
                self._optimizing = asyncio.create_task(self._optimize())
            return due
        return False

    async def _optimize(self) -> None:
        """Optimise a copy in another process, bring it up to date, and serve from it instead.

        Searches never wait for it; writes wait while the files are copied and at the switch.
        """
        meta = Meta(self._meta.dimension, self._meta.shard + 1)
        copy = self._folder / str(meta.shard)
        host: Host | None = None
        try:
            async with self._writing:
                await self.read(Frame({"op": "flush"}))
                await asyncio.to_thread(_copy, self._path, copy)
                self._log = []
            process = await _spawn("optimize", copy, meta.dimension)
            try:
                if await process.wait() != 0:
                    raise Lost
            finally:
                await _kill(process)
            host = await Host.start(copy, meta.dimension)
            while len(self._log) > 1:
                await self._replay(host)
            if self._last_search is not None:  # the first search of a process is its slowest
                await host.call(self._last_search)
            async with self._writing:
                await self._replay(host)
                await host.call(Frame({"op": "flush"}))
                meta.write(self._folder)
                retired, old = self._host, self._path
                self._host, self._meta, host = host, meta, None
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)
            raise
        finally:
            self._log = None
            if host is not None:
                await host.stop()
        if retired is not None:
            await retired.stop()
        await asyncio.to_thread(shutil.rmtree, old)

    async def _replay(self, host: Host) -> None:
        assert self._log is not None
        frames, self._log = self._log, []
        for frame in frames:
            reply = await host.call(frame)
            if "error" in reply.head:
                raise Refused(reply)

    async def close(self) -> None:
        if self._optimizing is not None:
            self._optimizing.cancel()
            await asyncio.wait([self._optimizing])
        if self._host is not None:
            await self._host.stop()

    async def drop(self) -> None:
        """Remove the description first: what is left of a drop cut short is no generation."""
        (self._folder / META).unlink(missing_ok=True)
        await self.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """Raises OSError unless there is room for the copy, its optimised form and some more."""
    if target.exists():
        shutil.rmtree(target)
    size = sum(file.stat().st_size for file in source.rglob("*") if file.is_file())
    if shutil.disk_usage(source).free < 3 * size:
        raise OSError(errno.ENOSPC, f"optimising needs {3 * size >> 20} MB of free disk")
    shutil.copytree(source, target)
