"""The embedded Index: Qdrant Edge in processes of its own, reached over a Unix socket.

Edge freezes its process while it works, and allows one opener per directory. So this Index is a
client: the first one on a folder starts the engine, and API, worker and command line share it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

import rag
from rag.backends.qdrant_edge_wire import BUFFER, Frame, pack, receive
from rag.backends.qdrant_payload import (
    checked_name,
    checked_query,
    checked_vector,
    checked_vectors,
    encode,
    filter_tree,
    nearest_first,
    permitted,
    to_stored,
)
from rag.errors import EngineError, GenerationMismatch, NotFound, RagError, StorageFull
from rag.file_kinds import FileKind
from rag.types import Candidates, Filter, IndexQuery, Payload, Point, Scored

BATCH = 32
"""Points per request: a search that comes meanwhile waits for one batch at most."""
MAX_SOCKET_PATH = 100
MAX_LOG_BYTES = 1_000_000
POLL_S = 0.1
PATIENCE_S = 60.0
"""For one answer. Nothing takes as long but a process that is stopped, or a disk that hangs."""
RETRY_PAUSES_S = (0.0, 0.05, 0.2, 0.5)
"""A process being killed still takes connections for a moment: one retry can meet it again."""
_PAYLOADS = TypeAdapter(list[Payload])
REBUILD = "Drop the generation and sync again: it is rebuilt from the stored documents."


class QdrantEdgeIndex:
    """Index on Qdrant Edge, one shard directory per generation under `folder`.

    Used from one event loop. A dead engine is started again and the call repeated: every call can
    be repeated safely.
    """

    def __init__(self, folder: Path, optimize_above: int = 20_000) -> None:
        self._folder = folder.absolute()
        self._optimize_above = optimize_above
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._starting = asyncio.Lock()

    async def create(self, generation: str, dimension: int) -> None:
        await self._call({"op": "create", "dimension": dimension}, generation)

    async def generations(self) -> Mapping[str, int]:
        return (await self._call({"op": "generations"})).head["generations"]

    async def drop(self, generation: str) -> None:
        await self._call({"op": "drop"}, generation)

    async def upsert(self, generation: str, points: Sequence[Point]) -> None:
        if not points:
            await self.count(generation)
            return
        matrix = checked_vectors(points)
        rows = [_row(point) for point in points]  # all of them first: one may be refused
        for i in range(0, len(rows), BATCH):
            body, vectors = encode(rows[i : i + BATCH]), matrix[i : i + BATCH].tobytes()
            await self._call({"op": "upsert"}, generation, body, vectors)

    async def delete(self, generation: str, filter: Filter) -> None:
        await self._call({"op": "delete"}, generation, encode(filter_tree(filter)))

    async def set_file_kind(self, generation: str, filter: Filter, kind: FileKind) -> None:
        head = {"op": "set_file_kind", "kind": kind.value}
        await self._call(head, generation, encode(filter_tree(filter)))

    async def count(self, generation: str, filter: Filter | None = None) -> int:
        reply = await self._call({"op": "count"}, generation, encode(filter_tree(filter)))
        return reply.head["count"]

    async def search(self, generation: str, query: IndexQuery) -> Candidates:
        vector = checked_query(query)
        body = {
            "filter": permitted(query),
            "limit": query.limit,
            "indices": query.sparse.indices if query.sparse else (),
            "values": query.sparse.values if query.sparse else (),
        }
        raw = b"" if vector is None else vector.tobytes()
        reply = await self._call({"op": "search"}, generation, encode(body), raw)
        dense, sparse = (
            tuple(
                Scored.model_construct(score=score, chunk_id=id) for id, score in reply.head[name]
            )
            for name in ("dense", "sparse")
        )
        return Candidates.model_construct(dense=dense, sparse=sparse)

    async def payloads(self, generation: str, chunk_ids: Sequence[str]) -> Mapping[str, Payload]:
        reply = await self._call({"op": "payloads"}, generation, encode(list(chunk_ids)))
        return {payload.chunk_id: payload for payload in _payloads(reply, generation)}

    async def nearest(
        self, generation: str, vector: Sequence[float], *, above: float, limit: int
    ) -> list[tuple[float, Payload]]:
        asked = checked_vector(vector, limit).tobytes()
        head = {"op": "nearest", "above": above, "limit": limit}
        reply = await self._call(head, generation, b"", asked)
        found = zip(reply.head["scores"], _payloads(reply, generation), strict=True)
        return sorted(found, key=nearest_first)

    async def vectors(
        self, generation: str, chunk_ids: Sequence[str]
    ) -> Mapping[str, tuple[float, ...]]:
        found: dict[str, tuple[float, ...]] = {}
        for i in range(0, max(1, len(chunk_ids)), BATCH):
            asked = encode(list(chunk_ids[i : i + BATCH]))
            reply = await self._call({"op": "vectors"}, generation, asked)
            ids = reply.head["ids"]
            if ids:
                matrix = np.frombuffer(reply.vectors, np.float32).reshape(len(ids), -1)
                found.update(zip(ids, map(tuple, matrix.tolist()), strict=True))
        return found

    async def optimize(self, generation: str) -> None:
        head = {"op": "optimize", "above": self._optimize_above}
        start = True
        while (await self._call({**head, "start": start}, generation)).head["busy"]:
            start = False
            await asyncio.sleep(POLL_S)

    async def aclose(self) -> None:
        """Leave the engine, which ends soon after its last client."""
        await self._hang_up()

    async def _call(
        self,
        head: dict[str, Any],
        generation: str | None = None,
        body: bytes = b"",
        vectors: bytes = b"",
    ) -> Frame:
        if generation is not None:
            head = {**head, "generation": checked_name(generation)}
        request = pack(Frame(head, body, vectors))
        for pause in RETRY_PAUSES_S:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    reply = await self._exchange(request)
            except TimeoutError as error:
                raise EngineError(
                    f"The engine did not answer within {PATIENCE_S:g} s.",
                    hint=f"It may be stopped, or its disk hang. See {self._folder / 'engine.log'}.",
                ) from error
            except (ConnectionError, asyncio.IncompleteReadError):
                await self._hang_up()  # the idle connections are to the same dead engine
                await asyncio.sleep(pause)
                continue
            if "error" in reply.head:
                raise _translated(reply.head, generation)
            return reply
        raise EngineError(
            "The engine process is lost again and again.",
            hint=f"See {self._folder / 'engine.log'}.",
        )

    async def _exchange(self, request: bytes) -> Frame:
        reader, writer = self._idle.pop() if self._idle else await self._connect()
        try:
            writer.write(request)
            await writer.drain()
            reply = await receive(reader)
        except BaseException:  # cancelled too: the reply would be taken for the next call's
            writer.close()
            raise
        self._idle.append((reader, writer))
        return reply

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = _address(self._folder)
        async with self._starting:
            try:
                return await asyncio.open_unix_connection(address, limit=BUFFER)
            except (FileNotFoundError, ConnectionRefusedError):
                await self._start(address)
            return await asyncio.open_unix_connection(address, limit=BUFFER)

    async def _start(self, address: str) -> None:
        """Run the engine's launcher, which returns once somebody serves the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "engine.log"
        with path.open("ab") as log:
            if log.tell() > MAX_LOG_BYTES:
                log.truncate(0)
            launcher = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "rag.backends.qdrant_edge_engine"),
                *(str(self._folder), address),
                cwd=Path(rag.__file__).parent.parent,  # where `-m` finds this very package
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C here must not stop it for the other clients
            )
            if await launcher.wait() != 0:
                raise EngineError("The engine process did not start.", hint=f"See {path}.")

    async def _hang_up(self) -> None:
        idle, self._idle = self._idle, []
        for _, writer in idle:
            writer.close()
        # What ended a connection before us is no concern of ours any more.
        await asyncio.gather(*(w.wait_closed() for _, w in idle), return_exceptions=True)


def _payloads(reply: Frame, generation: str) -> list[Payload]:
    try:
        return _PAYLOADS.validate_json(reply.body)
    except ValidationError as error:
        raise EngineError(
            f"Generation {generation!r} holds payloads of another version of Ratchet.",
            hint=REBUILD,
        ) from error


def _row(point: Point) -> tuple[Any, ...]:
    """A point as a shard takes it, but for the dense vector, which travels as raw floats."""
    payload, terms = point.payload, point.sparse
    return payload.chunk_id, to_stored(payload), terms.indices, terms.values


def _translated(head: Mapping[str, str], generation: str | None) -> RagError:
    message = head["message"]
    match head["error"]:
        case "not_found":
            return NotFound(message, hint="Sync first: the index is built by a sync.")
        case "dimension":
            return GenerationMismatch(
                f"The vectors do not fit generation {generation!r}: {message}.",
                hint="Another embedding model built it; sync into a new generation.",
            )
        case "full":
            return StorageFull(
                f"The index cannot be written: {message}.",
                hint="Free space where the data folder is.",
            )
        case "disk":
            return EngineError(
                f"The disk under the index fails: {message}.",
                hint="Check the disk. Nothing that was acknowledged is lost once it works again.",
            )
        case _:
            return EngineError(f"Generation {generation!r} failed: {message}.", hint=REBUILD)


def _address(folder: Path) -> str:
    """The engine's socket: in the folder, or in a private one where its path would be too long."""
    path = folder / "engine.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return str(path)
    private = Path(tempfile.gettempdir()) / f"ratchet-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    status = private.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise EngineError(
            f"{private} must be a folder only you can enter.", hint="Remove it, or set TMPDIR."
        )
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    return str(private / f"{name}.sock")
