"""Bare repositories made in memory order, and dulwich's own server on loopback to serve them."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from dulwich.index import commit_tree
from dulwich.objects import Blob, Commit
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

FILE, LINK, MODULE = 0o100644, 0o120000, 0o160000


class Bare:
    """A bare repository whose branch can be given any tree."""

    def __init__(self, path: Path, branch: str = "main") -> None:
        path.mkdir(parents=True)
        self.path, self.repo = path, Repo.init_bare(path)
        self.repo.refs.set_symbolic_ref(b"HEAD", f"refs/heads/{branch}".encode())
        self.branch, self._time = branch, 1_700_000_000

    def commit(
        self,
        files: dict[str | bytes, bytes],
        *,
        special: dict[str, tuple[int, bytes]] | None = None,
        branch: str = "",
        orphan: bool = False,
    ) -> bytes:
        """Makes `files` the whole content; `special` adds entries of other modes."""
        store, entries = self.repo.object_store, []
        for path, data in files.items():
            blob = Blob.from_string(data)
            store.add_object(blob)
            name = path if isinstance(path, bytes) else path.encode()
            entries.append((name, blob.id, FILE))
        for path, (mode, data) in (special or {}).items():
            blob = Blob.from_string(data)
            if mode != MODULE:
                store.add_object(blob)
            entries.append((path.encode(), blob.id, mode))
        return self.commit_tree(commit_tree(store, entries), branch=branch, orphan=orphan)

    def commit_tree(self, tree: bytes, *, branch: str = "", orphan: bool = False) -> bytes:
        ref = f"refs/heads/{branch or self.branch}".encode()
        commit = Commit()
        commit.tree = tree
        before = self.repo.refs.as_dict().get(ref)
        commit.parents = [before] if before and not orphan else []
        commit.author = commit.committer = b"A <a@example.org>"
        self._time += 1
        commit.author_time = commit.commit_time = self._time
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = b"change"
        self.repo.object_store.add_object(commit)
        self.repo.refs[ref] = commit.id
        return commit.id


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


class _Server(WSGIServer):
    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the tests."""


@contextmanager
def serving(app: object) -> Iterator[WSGIServer]:
    """A WSGI application on a free port of loopback; its `server_port` says which."""
    with make_server("127.0.0.1", 0, app, _Server, _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def smart_http(repo: Repo, path: str = "/r.git") -> object:
    return make_wsgi_chain(DictBackend({path: repo}))


def git_itself(folder: Path) -> object:
    """The repositories below `folder`, served by the installed git as real hosts do."""
    command = ["git", "-c", "uploadpack.allowFilter=true", "http-backend"]
    passed = ("PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE", "CONTENT_LENGTH")

    def app(environ, start):
        variables = {name: environ.get(name, "") for name in passed}
        variables |= {"GIT_PROJECT_ROOT": str(folder), "GIT_HTTP_EXPORT_ALL": "1"}
        variables |= {"PATH": os.environ["PATH"], "HOME": str(folder)}
        variables["GIT_PROTOCOL"] = environ.get("HTTP_GIT_PROTOCOL", "")
        variables["HTTP_CONTENT_ENCODING"] = environ.get("HTTP_CONTENT_ENCODING", "")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        done = subprocess.run(command, input=body, capture_output=True, env=variables, check=True)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")]
        start(dict(headers).get("Status", "200 OK"), headers)
        return [answer]

    return app
