"""The engine process: shared by every client of one folder, it routes calls to shard processes.

The first client starts it; it ends shortly after the last one has gone, however that one ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import shutil
import socket
import sys
import time
from collections.abc import Generator
from pathlib import Path

from rag.backends.qdrant_edge_generation import META, Generation, Lost, Meta, Refused
from rag.backends.qdrant_edge_wire import BUFFER, Frame, pack, receive

LINGER_S = 0.5
"""How long it stays without clients: a new connection replaces a broken one meanwhile."""
LOCK_PATIENCE_S = 30.0
RESERVE_BYTES = 150_000_000
"""Disk space kept free of upserts: on a full disk Edge dies at its next step, reading included."""


class Engine:
    """Answers requests of any number of clients over the generations of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, Generation] = {}
        self._changing = asyncio.Lock()
        self._clients = 0
        self._left = asyncio.Event()

    async def serve(self, listener: socket.socket) -> None:
        """Listen until no client has been connected for LINGER_S."""
        server = await asyncio.start_unix_server(self._converse, sock=listener, limit=BUFFER)
        async with server:
            while True:
                await asyncio.sleep(LINGER_S)
                if self._clients == 0:
                    break
                self._left.clear()
                await self._left.wait()
        await self.close()

    async def close(self) -> None:
        for generation in self._open.values():
            await generation.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            # The client closes the connection when it is done, or dies: both end the conversation.
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    reply = await self._answer(await receive(reader))
                    writer.write(pack(reply))
                    await writer.drain()
        finally:
            writer.close()
            self._clients -= 1
            if self._clients == 0:
                self._left.set()

    async def _answer(self, request: Frame) -> Frame:
        try:
            try:
                return await self._route(request)
            except Lost:
                self._require_room()  # what it most likely died of
                return _failed("lost", "The shard process died twice on the same call")
        except Refused as error:
            return error.reply
        except OSError as error:
            kind = {errno.ENOSPC: "full", errno.EIO: "disk"}.get(error.errno or 0, "engine")
            return _failed(kind, error.strerror or str(error))
        except ValueError as error:
            return _failed("engine", str(error))

    async def _route(self, request: Frame) -> Frame:
        head = request.head
        if head["op"] == "generations":
            return Frame({"generations": await self._count_all()})
        name: str = head["generation"]
        if head["op"] == "create":
            return await self._create(name, head["dimension"])
        if head["op"] == "drop":
            return await self._drop(name)
        async with self._changing:
            generation = self._find(name)
        if generation is None:
            return _failed("not_found", f"There is no generation {name!r}.")
        match head["op"]:
            case "upsert":
                self._require_room()
                return await generation.write(request)
            case "delete" | "set_file_kind":
                return await generation.write(request)
            case "optimize":
                busy = await generation.optimize(head["above"], start=head["start"])
                return Frame({"busy": busy})
            case _:
                return await generation.read(request)

    def _require_room(self) -> None:
        if shutil.disk_usage(self._folder).free < RESERVE_BYTES:
            raise OSError(errno.ENOSPC, f"less than {RESERVE_BYTES >> 20} MB of disk are free")

    def _find(self, name: str) -> Generation | None:
        if name not in self._open:
            meta = Meta.read(self._folder / name)
            if meta is None:
                return None
            self._open[name] = Generation(self._folder / name, meta)
        return self._open[name]

    async def _create(self, name: str, dimension: int) -> Frame:
        async with self._changing:
            generation = self._find(name)
            if generation is None:
                self._require_room()
                self._open[name] = await Generation.create(self._folder / name, dimension)
            elif generation.dimension != dimension:
                return _failed("dimension", f"it has {generation.dimension} dimensions")
        return Frame({})

    async def _drop(self, name: str) -> Frame:
        async with self._changing:
            # Opened by its folder, not its description: a damaged generation must be droppable.
            generation = self._open.pop(name, None) or Generation(self._folder / name, Meta(0))
            if (self._folder / name).exists():
                await generation.drop()
        return Frame({})

    async def _count_all(self) -> dict[str, int]:
        """Points by generation; a damaged one counts as empty, and says why when it is used."""
        counts: dict[str, int] = {}
        for meta in sorted(self._folder.glob(f"*/{META}")):
            name = meta.parent.name
            reply = await self._answer(Frame({"op": "count", "generation": name}))
            if reply.head.get("error") != "not_found":
                counts[name] = reply.head.get("count", 0)
        return counts


def _failed(kind: str, message: str) -> Frame:
    return Frame({"error": kind, "message": message})


def _reachable(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(address) == 0


@contextlib.contextmanager
def _sole_engine(folder: Path, address: str) -> Generator[bool]:
    """Hold the folder's lock; False when another engine serves it, so that none is needed."""
    deadline = time.monotonic() + LOCK_PATIENCE_S
    with (folder / "engine.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if _reachable(address):
                    yield False
                    return
                if time.monotonic() > deadline:
                    sys.exit(f"another engine holds {folder} and does not answer")
                time.sleep(0.02)
            else:
                break
        yield True


def main(folder: Path, address: str) -> None:
    """Return once the folder is being served, by a detached process of ours or by another's."""
    os.umask(0o077)
    with _sole_engine(folder, address) as sole:
        if not sole:
            return
        Path(address).unlink(missing_ok=True)  # left by one that was killed
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen(128)
            if os.fork():
                # Without running any clean-up: lock and socket belong to the child now.
                os._exit(0)
            try:
                asyncio.run(Engine(folder).serve(listener))
            finally:
                Path(address).unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
