"""As much of Qdrant's REST protocol as our client speaks, over Qdrant Edge, on loopback.

The unmodified `AsyncQdrantClient` talks to it, so that what we send over HTTP is exercised by the
real engine where no server is to be had. Collections live as long as the stand-in.
"""

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import qdrant_edge as edge

SCHEMA = edge.PayloadSchemaType
SCHEMAS = {"keyword": SCHEMA.Keyword, "integer": SCHEMA.Integer, "float": SCHEMA.Float}


class HttpError(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def to_filter(tree):
    if tree is None:
        return None
    return edge.Filter(
        **{
            clause: [to_condition(part) for part in tree[clause]]
            for clause in ("must", "should", "must_not")
            if tree.get(clause) is not None
        }
    )


def to_condition(tree):
    if "key" not in tree:
        return to_filter(tree)
    if tree.get("match") is not None:
        return edge.FieldCondition(tree["key"], match=edge.MatchAny(tree["match"]["any"]))
    return edge.FieldCondition(tree["key"], range=edge.RangeFloat(**tree["range"]))


def to_vector(value):
    if isinstance(value, dict):
        return edge.SparseVector(value["indices"], value["values"])
    return value


class Collections:
    """Named shards and the operations on them; one lock, because requests come in threads."""

    def __init__(self, folder):
        self.folder = folder
        self.shards = {}
        self.bodies = {}
        self.made = 0
        self.lock = threading.Lock()

    def shard(self, name):
        if name not in self.shards:
            raise HttpError(404, f"Not found: Collection `{name}` doesn't exist!")
        return self.shards[name]

    def list(self, body):
        return {"collections": [{"name": name} for name in self.shards]}

    def exists(self, body, name):
        return {"exists": name in self.shards}

    def info(self, body, name):
        shard, made = self.shard(name), self.bodies[name]
        count = shard.count(edge.CountRequest())
        hnsw = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}
        optimizer = {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 1000,
            "default_segment_number": 0,
            "flush_interval_sec": 5,
        }
        return {
            "status": "green",
            "optimizer_status": "ok",
            "segments_count": 1,
            "points_count": count,
            "payload_schema": {},
            "config": {
                "params": {
                    "vectors": made["vectors"],
                    "sparse_vectors": made["sparse_vectors"],
                },
                "hnsw_config": hnsw,
                "optimizer_config": optimizer,
            },
        }

    def create(self, body, name):
        if name in self.shards:
            raise HttpError(409, f"Wrong input: Collection `{name}` already exists!")
        assert body["vectors"]["dense"]["distance"] == "Cosine"
        assert body["sparse_vectors"]["bm25"]["modifier"] == "idf"
        dense = edge.EdgeVectorParams(body["vectors"]["dense"]["size"], edge.Distance.Cosine)
        sparse = edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)
        self.made += 1
        path = self.folder / str(self.made)
        path.mkdir()
        self.shards[name] = edge.EdgeShard.create(
            str(path), edge.EdgeConfig(vectors={"dense": dense}, sparse_vectors={"bm25": sparse})
        )
        self.bodies[name] = body
        return True

    def drop(self, body, name):
        shard = self.shards.pop(name, None)
        if shard is not None:
            shard.close()
        return shard is not None

    def index(self, body, name):
        schema = SCHEMAS[body["field_schema"]]
        self.shard(name).update(edge.UpdateOperation.create_field_index(body["field_name"], schema))
        return {"operation_id": 0, "status": "completed"}

    def upsert(self, body, name):
        points = [
            edge.Point(
                point["id"],
                {key: to_vector(value) for key, value in point["vector"].items()},
                point["payload"],
            )
            for point in body["points"]
        ]
        self.shard(name).update(edge.UpdateOperation.upsert_points(points))
        return {"operation_id": 0, "status": "completed"}

    def delete(self, body, name):
        operation = edge.UpdateOperation.delete_points_by_filter(to_filter(body["filter"]))
        self.shard(name).update(operation)
        return {"operation_id": 0, "status": "completed"}

    def set_payload(self, body, name):
        operation = edge.UpdateOperation.set_payload_by_filter(
            to_filter(body["filter"]), body["payload"]
        )
        self.shard(name).update(operation)
        return {"operation_id": 1, "status": "completed"}

    def count(self, body, name):
        request = edge.CountRequest(exact=body["exact"], filter=to_filter(body.get("filter")))
        return {"count": self.shard(name).count(request)}

    def query_batch(self, body, name):
        requests = [
            edge.QueryRequest(
                limit=search["limit"],
                query=edge.Query.Nearest(
                    to_vector(search["query"]["nearest"]), using=search["using"]
                ),
                filter=to_filter(search.get("filter")),
                with_payload=search.get("with_payload", False),
                score_threshold=search.get("score_threshold"),
            )
            for search in body["searches"]
        ]
        return [
            {
                "points": [
                    {"id": str(p.id), "version": 0, "score": p.score, "payload": p.payload}
                    for p in found
                ]
            }
            for found in self.shard(name).query_batch(edge.QueryBatchRequest(requests))
        ]

    def retrieve(self, body, name):
        records = self.shard(name).retrieve(
            body["ids"],
            with_payload=body["with_payload"],
            with_vector=body.get("with_vector", False),
        )
        return [
            {"id": str(one.id), "payload": one.payload, "vector": one.vector} for one in records
        ]


NAME = "/collections/([^/]+)"
ROUTES = [
    ("GET", "/collections", Collections.list),
    ("GET", NAME, Collections.info),
    ("GET", f"{NAME}/exists", Collections.exists),
    ("PUT", NAME, Collections.create),
    ("DELETE", NAME, Collections.drop),
    ("PUT", f"{NAME}/index", Collections.index),
    ("PUT", f"{NAME}/points", Collections.upsert),
    ("POST", f"{NAME}/points", Collections.retrieve),
    ("POST", f"{NAME}/points/delete", Collections.delete),
    ("POST", f"{NAME}/points/payload", Collections.set_payload),
    ("POST", f"{NAME}/points/count", Collections.count),
    ("POST", f"{NAME}/points/query/batch", Collections.query_batch),
]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    collections = None
    api_key = ""

    def answer(self):
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length) or b"null")
        try:
            if self.api_key and self.headers.get("api-key") != self.api_key:
                raise HttpError(401, "Must provide an API key")
            status, reply = 200, {"status": "ok", "time": 0.0, "result": self.route(body)}
        except HttpError as error:
            status, reply = error.status, {"status": {"error": str(error)}, "time": 0.0}
        except Exception as error:  # noqa: BLE001 -- Edge raises nothing narrower
            status, reply = 400, {"status": {"error": f"Wrong input: {error}"}, "time": 0.0}
        data = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def route(self, body):
        path = self.path.partition("?")[0]
        for method, pattern, operation in ROUTES:
            match = re.fullmatch(pattern, path)
            if method == self.command and match:
                with self.collections.lock:
                    return operation(self.collections, body, *match.groups())
        raise HttpError(404, f"no route {self.command} {path}")

    def log_message(self, *args):
        """Say nothing: tests read the replies."""


@contextmanager
def stand_in(folder, api_key=""):
    """Serve on a free port of loopback; yields the URL."""
    handler = type("Bound", (Handler,), {"collections": Collections(folder), "api_key": api_key})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        for shard in handler.collections.shards.values():
            shard.close()
