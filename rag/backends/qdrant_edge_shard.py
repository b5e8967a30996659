"""The process that holds one Qdrant Edge shard: reads a frame, runs it, answers, in order.

Edge holds the interpreter lock while it works, so each generation has a process of its own: a
build beside the live generation, a crash or a damaged folder reaches no other one. It imports
nothing heavy, and ends when its standard input closes, so it cannot outlive the engine.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import sys
import time
from array import array
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import qdrant_edge as edge

from rag.backends.qdrant_edge_wire import Frame, pack, read
from rag.backends.qdrant_filter import APART, BODY, INDEXED, Words, translate, whole
from rag.backends.qdrant_order import Ranked, settle, widen

WORDS = Words(edge.Filter, edge.FieldCondition, edge.MatchAny, edge.RangeFloat)
FLUSH_EVERY = 2048
"""Points between two flushes: few enough that none holds up a search for more than 50 ms."""
IDLE_S = 0.5
UNFLUSHED_S = (30.0, 60.0)
"""A write waits so long for others to share its flush: at least, then for a moment of silence; and
at most. Each keeps searches waiting, for a quarter of a second where other files are written too.
"""
CLAIM_PATIENCE_S = 30.0
_SCHEMA = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "integer": edge.PayloadSchemaType.Integer,
    "float": edge.PayloadSchemaType.Float,
}


class Shard:
    """One shard directory and what can be asked of it; every acknowledged write is in its WAL."""

    def __init__(self, path: Path, dimension: int) -> None:
        self._dimension = dimension
        self._unflushed = 0
        self._since = 0.0
        self._shard = self._load(path) if path.is_dir() else self._create(path)

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which to flush; None where there is nothing to."""
        if not self._unflushed:
            return None
        least, most = (self._since + wait - time.monotonic() for wait in UNFLUSHED_S)
        return max(IDLE_S, least) if most > 0 else 0.0

    def _create(self, path: Path) -> edge.EdgeShard:
        path.mkdir()
        _claim(path)
        return _indexed(edge.EdgeShard.create(str(path), _config(self._dimension)))

    def _load(self, path: Path) -> edge.EdgeShard:
        _claim(path)
        return _indexed(edge.EdgeShard.load(str(path)))

    def flush(self) -> None:
        self._shard.flush()
        self._unflushed = 0

    def close(self) -> None:
        self.flush()
        self._shard.close()

    def answer(self, request: Frame) -> Frame:
        body: Any = json.loads(request.body) if request.body else None
        match request.head["op"]:
            case "upsert":
                return self._upsert(body, request.vectors)
            case "delete":
                filter = translate(body, WORDS)
                self._shard.update(edge.UpdateOperation.delete_points_by_filter(filter))
                return self._written(1)
            case "set_file_kind":
                return self._set_file_kind(translate(body, WORDS), request.head["kind"])
            case "count":
                filter = translate(body, WORDS)
                return Frame({"count": self._shard.count(edge.CountRequest(filter=filter))})
            case "search":
                return self._search(body, request.vectors)
            case "nearest":
                return self._nearest(request)
            case "payloads":
                return self._payloads(body)
            case "vectors":
                return self._vectors(body)
            case "flush":
                self.flush()
                return Frame({})
            case "unindexed":
                return Frame({"count": self._points_without_graph()})
            case unknown:
                raise ValueError(f"unknown operation {unknown!r}")

    def _points_without_graph(self) -> int:
        info = self._shard.info()
        # Sparse vectors count as indexed from the start; what lies above them is in the graph.
        return info.points_count - max(0, info.indexed_vectors_count - info.points_count)

    def _written(self, points: int) -> Frame:
        if not self._unflushed:
            self._since = time.monotonic()
        self._unflushed += points
        if self._unflushed >= FLUSH_EVERY:
            self.flush()
        return Frame({})

    def _dense(self, raw: bytes, count: int) -> list[list[float]]:
        vectors = array("f")
        vectors.frombytes(raw)
        width = len(vectors) // count
        if width != self._dimension:
            raise DimensionError(f"vectors have {width} dimensions, not {self._dimension}")
        return [vectors[i : i + width].tolist() for i in range(0, len(vectors), width)]

    def _upsert(
        self, rows: list[tuple[str, dict[str, Any], list[int], list[float]]], raw: bytes
    ) -> Frame:
        points = [
            edge.Point(id, {"dense": dense, "bm25": edge.SparseVector(indices, values)}, payload)
            for (id, payload, indices, values), dense in zip(
                rows, self._dense(raw, len(rows)), strict=True
            )
        ]
        self._shard.update(edge.UpdateOperation.upsert_points(points))
        return self._written(len(points))

    def _set_file_kind(self, filter: edge.Filter, kind: str) -> Frame:
        points = self._shard.count(edge.CountRequest(filter=filter))
        self._shard.update(edge.UpdateOperation.set_payload_by_filter(filter, {APART: kind}))
        return self._written(points)

    def _search(self, body: dict[str, Any], raw: bytes) -> Frame:
        filter, limit = translate(body["filter"], WORDS), body["limit"]
        queries: dict[str, edge.Query] = {}
        if raw:
            queries["dense"] = edge.Query.Nearest(self._dense(raw, 1)[0], using="dense")
        if body["indices"]:
            terms = edge.SparseVector(body["indices"], body["values"])
            queries["bm25"] = edge.Query.Nearest(terms, using="bm25")
        found = self._ranked(queries, filter, limit)
        return Frame({"dense": found.get("dense", ()), "sparse": found.get("bm25", ())})

    def _payloads(self, ids: list[edge.PointId]) -> Frame:
        records = self._shard.retrieve(ids, with_payload=[BODY, APART], with_vector=False)
        return Frame({}, _wholes(record.payload for record in records))

    def _nearest(self, request: Frame) -> Frame:
        query = edge.Query.Nearest(self._dense(request.vectors, 1)[0], using="dense")
        found = self._shard.query(
            edge.QueryRequest(
                limit=request.head["limit"],
                query=query,
                score_threshold=request.head["above"],
                with_payload=[BODY, APART],
            )
        )
        return Frame({"scores": [one.score for one in found]}, _wholes(p.payload for p in found))

    def _vectors(self, ids: list[edge.PointId]) -> Frame:
        records = self._shard.retrieve(ids, with_payload=False, with_vector=["dense"])
        raw = array("f")
        for record in records:
            assert isinstance(record.vector, dict)
            raw.extend(cast("list[float]", record.vector["dense"]))
        return Frame({"ids": [str(record.id) for record in records]}, b"", raw.tobytes())

    def _ranked(
        self, queries: dict[str, edge.Query], filter: edge.Filter | None, limit: int
    ) -> dict[str, list[Ranked]]:
        ranked: dict[str, list[Ranked]] = {}
        fetch = limit + 1
        while queries:
            requests = [
                edge.QueryRequest(limit=fetch, query=query, filter=filter)
                for query in queries.values()
            ]
            found = self._shard.query_batch(edge.QueryBatchRequest(requests))
            for name, points in zip(list(queries), found, strict=True):
                hits = [Ranked(str(point.id), point.score) for point in points]
                settled = settle(hits, fetch, limit)
                if settled is not None:
                    ranked[name] = settled
                    del queries[name]
            fetch = widen(fetch)
        return ranked


def _wholes(stored: Iterable[Mapping[str, Any] | None]) -> bytes:
    return f"[{','.join(whole(one) for one in stored if one)}]".encode()


def _indexed(shard: edge.EdgeShard) -> edge.EdgeShard:
    """The shard with an index of every field that has to have one, also if it was made without."""
    missing = INDEXED.keys() - shard.info().payload_schema.keys()
    for field in sorted(missing):
        kind = _SCHEMA[INDEXED[field]]
        shard.update(edge.UpdateOperation.create_field_index(field, kind))
    if missing:
        shard.flush()
    return shard


def _claim(path: Path) -> None:
    """Hold the directory until this process ends, waiting for a predecessor that is still ending.

    Edge locks its log only after it has read the segments: opened while another process flushes
    and leaves, a shard comes up without the points that were just flushed.
    """
    directory = os.open(path, os.O_RDONLY)
    deadline = time.monotonic() + CLAIM_PATIENCE_S
    while True:
        try:
            return fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _end_with_the_engine() -> None:
    """Have the kernel end this process when standard input closes, whatever it is doing then.

    For work that holds the interpreter lock and never comes back to look.
    """
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([0], [], [], 0)[0]:
        sys.exit("the engine is gone")


class DimensionError(Exception):
    """Vectors of another embedder."""


def _config(dimension: int, indexing_threshold_kb: int | None = None) -> edge.EdgeConfig:
    return edge.EdgeConfig(
        vectors={"dense": edge.EdgeVectorParams(dimension, edge.Distance.Cosine)},
        sparse_vectors={"bm25": edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=indexing_threshold_kb),
    )


def optimize(path: Path, dimension: int) -> None:
    """Build the graph over a directory nobody else has open, giving way to searches."""
    _end_with_the_engine()
    os.nice(10)
    shard = edge.EdgeShard.load(str(path), _config(dimension, indexing_threshold_kb=1))
    shard.optimize()
    shard.flush()
    shard.close()


def _failure(error: Exception) -> Frame:
    text = str(error)
    if isinstance(error, DimensionError) or "dimension error" in text:
        kind = "dimension"
    elif "No space left" in text or "os error 28" in text:
        kind = "full"
    elif "(os error 5)" in text:
        kind = "disk"
    else:
        kind = "engine"
    return Frame({"error": kind, "message": text})


def serve(path: Path, dimension: int) -> None:
    """Answer frames from standard input until it closes; the first frame out says how it began."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not end up between two frames

    def reply(frame: Frame) -> None:
        replies.write(pack(frame))
        replies.flush()

    try:
        shard = Shard(path, dimension)
    except Exception as error:  # noqa: BLE001 -- Edge raises nothing narrower
        reply(_failure(error))
        return
    reply(Frame({}))
    while True:
        patience = shard.patience
        if patience == 0 or (patience and not select.select([0], [], [], patience)[0]):
            shard.flush()
        request = read(sys.stdin.buffer)
        if request is None:
            break
        try:
            answer = shard.answer(request)
        except Exception as error:  # noqa: BLE001 -- Edge raises nothing narrower
            answer = _failure(error)
        reply(answer)
    shard.close()


if __name__ == "__main__":
    mode, folder, size = sys.argv[1:]
    {"serve": serve, "optimize": optimize}[mode](Path(folder), int(size))
