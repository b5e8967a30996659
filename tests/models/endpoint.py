"""An OpenAI-compatible streaming endpoint on loopback that fails in every way it is told to."""

import json
import select
import socket
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GOOD = ("The warranty ", "lasts 24 months ", "[1].")
USAGE = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}


class Endpoint:
    """`modes` are lived through one per request; the last one stays. "ok" when there is none."""

    def __init__(self):
        self.url = ""
        self.modes = []
        self.text = GOOD
        """Its pieces, or what makes them of the request."""
        self.usage = USAGE
        self.requests = []
        self.keys = []
        """What each request showed."""
        self.gone = threading.Event()
        """The client of a request that was being answered has left."""
        self.reached = threading.Event()
        self.ending = threading.Event()

    def mode(self):
        if len(self.modes) > 1:
            return self.modes.pop(0)
        return self.modes[0] if self.modes else "ok"


def chunk(text=None, finish=None, **more):
    delta = {"role": "assistant", "content": text} if text is not None else {}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "stub",
            "choices": [choice], **more}  # fmt: skip


@contextmanager
def endpoint(*modes):
    told = Endpoint()
    told.modes = list(modes)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.requests.append(body)
            told.keys.append(self.headers.get("Authorization", "").removeprefix("Bearer "))
            told.reached.set()
            mode, _, argument = told.mode().partition(":")
            if mode.isdigit():
                self.refuse(int(mode), argument)
            else:
                try:
                    getattr(self, f"be_{mode}")(body)
                except ConnectionError:
                    told.gone.set()

        def refuse(self, status, wait):
            # What is no time to wait is repeated, as some do with a key.
            said = f"told to say {status}" if not wait or wait.isdigit() else wait
            data = json.dumps({"error": {"message": said}}).encode()
            self.send_response(status)
            if wait.isdigit():
                self.send_header("Retry-After", wait)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def begin(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()

        def send(self, data, event=""):
            line = data if isinstance(data, str) else json.dumps(data)
            block = f"{f'event: {event}' if event else ''}\ndata: {line}\n\n".lstrip("\n").encode()
            self.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
            self.wfile.flush()

        def end(self, finish="stop", usage=True):
            self.send(chunk(finish=finish))
            if usage and told.usage:
                self.send({**chunk(), "choices": [], "usage": told.usage})
            self.done()

        def done(self):
            self.send("[DONE]")
            self.wfile.write(b"0\r\n\r\n")

        def hang(self, seconds=60.0):
            """Wait until the client leaves, or the test ends."""
            end = time.monotonic() + seconds
            while time.monotonic() < end and not told.ending.is_set():
                readable, _, _ = select.select([self.connection], [], [], 0.02)
                if readable and not self.connection.recv(1, socket.MSG_PEEK):
                    told.gone.set()
                    self.close_connection = True
                    return

        def be_ok(self, body):
            self.begin()
            self.send(chunk(""))
            for piece in told.text(body) if callable(told.text) else told.text:
                self.send(chunk(piece))
            self.end()

        def be_length(self, body):
            self.begin()
            for piece in told.text:
                self.send(chunk(piece))
            self.end("length")

        def be_uncounted(self, body):
            self.begin()
            for piece in told.text:
                self.send(chunk(piece))
            self.end(usage=False)

        def be_silent(self, body):
            self.hang()

        def be_headers_only(self, body):
            self.begin()
            self.hang()

        def be_stalled(self, body):
            self.begin()
            self.send(chunk(told.text[0]))
            self.hang()

        def be_dropped(self, body):
            self.close()

        def be_cut(self, body):
            self.begin()
            self.send(chunk(told.text[0]))
            self.close()

        def be_cut_early(self, body):
            self.begin()
            self.send(chunk(""))
            self.close()

        def close(self):
            self.wfile.flush()
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def be_bad_json(self, body):
            self.begin()
            self.send("{not json")
            self.done()

        def be_bad_json_late(self, body):
            self.begin()
            self.send(chunk(told.text[0]))
            self.send("{not json")
            self.done()

        def be_wrong_shape(self, body):
            self.begin()
            self.send({"id": 1, "choices": "none"})
            self.done()

        def be_login_page(self, body):
            data = b"<html><form>Sign in</form></html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def be_no_finish(self, body):
            self.begin()
            for piece in told.text:
                self.send(chunk(piece))
            self.done()

        def be_empty(self, body):
            self.begin()
            self.end()

        def be_blank(self, body):
            self.begin()
            self.send(chunk(" \n "))
            self.end()

        def be_error_event(self, body):
            self.begin()
            self.send({"error": {"message": "overloaded", "type": "server_error"}})
            self.done()

        def be_endless(self, body):
            self.begin()
            self.send(chunk(told.text[0]))
            self.send(chunk("word " * 2_000_000))
            self.end()

        def be_odd(self, body):
            """What is no fault: a comment, an event nobody knows, no choices, unknown fields."""
            self.begin()
            block = b": keep-alive\n\n"
            self.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
            self.send({**chunk(), "choices": []})
            for piece in told.text:
                self.send(chunk(piece, mood="fine"), event="message")
            self.end()

        def log_message(self, format, *args):
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            """A client that left early is part of the tests."""

    with Server(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield told
        finally:
            told.ending.set()
            server.shutdown()
            thread.join()
