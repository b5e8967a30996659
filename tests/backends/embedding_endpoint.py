"""A local server that speaks the OpenAI embeddings API and can be told to misbehave."""

import asyncio
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from rag.testing.fakes import HashingEmbedder

DIMENSION = 32
_EMBEDDER = HashingEmbedder(DIMENSION)


class Endpoint:
    """`replies` are given first, one per request, as (status, headers, body) or a function."""

    def __init__(self):
        self.url = ""
        self.requests = []
        self.headers = []
        self.replies = []


def vectors(body):
    texts = [text.encode("utf-8", "replace").decode() for text in body["input"]]
    found = asyncio.run(_EMBEDDER.embed_documents(texts))
    rows = [{"index": n, "embedding": list(row)} for n, row in enumerate(found)]
    return {"data": rows[::-1], "model": body["model"]}


@contextmanager
def endpoint():
    told = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.requests.append((self.path, body))
            told.headers.append(dict(self.headers))
            reply = told.replies.pop(0) if told.replies else (200, {}, vectors)
            status, headers, answer = reply
            answer = answer(body) if callable(answer) else answer
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format, *args):
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """A client that left early is part of the tests."""

    with Server(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()
