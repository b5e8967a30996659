"""Fetching from a git server: checked addresses, bounded bytes, and no history.

dulwich speaks the protocol; what it connects to and how much it accepts is decided here.
"""

from __future__ import annotations

import mmap
import shutil
import socket
import ssl
import struct
import tempfile
import time
import zlib
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha1
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors import _ssh
from rag import egress
from rag.errors import Forbidden, SourceError

_OFFSET_DELTA, _NAMED_DELTA, _DIGEST = 6, 7, 20


class Remote(Protocol):
    """What of a git source's configuration matters here."""

    @property
    def url(self) -> str: ...
    @property
    def username(self) -> str: ...
    @property
    def token(self) -> SecretStr | None: ...
    @property
    def ssh(self) -> _ssh.SshConfig | None: ...
    @property
    def max_bytes(self) -> int: ...
    @property
    def max_repository_bytes(self) -> int: ...
    @property
    def timeout_s(self) -> float: ...
    @property
    def networks(self) -> tuple[str, ...]: ...


def refs(remote: Remote, wanted: bytes) -> dict[Any, Any]:
    """What the server's reference `wanted` points to; others may be named too."""
    with _client(remote) as (client, path):
        return dict(client.get_refs(path, ref_prefix=[wanted]).refs)


def fetch(remote: Remote, commits: Sequence[bytes]) -> tuple[Path, Any]:
    """A bare repository with these commits' files, and the folder of its own that holds it."""
    from dulwich.repo import Repo

    folder = Path(tempfile.mkdtemp(prefix="ratchet-git-"))
    repository: Any = Repo.init_bare(folder)
    try:
        pack, commit, abort = repository.object_store.add_pack()
        try:
            _receive(remote, commits, repository.get_graph_walker(), pack)
            check_pack(pack, remote.max_repository_bytes)
        except BaseException:
            abort()
            raise
        commit()
    except BaseException:
        repository.close()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder, repository


def _receive(remote: Remote, commits: Sequence[bytes], walker: Any, pack: IO[bytes]) -> None:
    meter = _Meter(remote)

    def wants(_refs: Any, _depth: int | None = None, **_: Any) -> list[bytes]:
        return list(commits)

    def write(data: bytes) -> int:
        meter.count(data)
        return pack.write(data)

    # Servers that can are asked to leave out the files that would be rejected as too large.
    leave_out = b"blob:limit=%d" % (remote.max_bytes + 1)
    with _client(remote) as (client, path):
        client.fetch_pack(
            path, wants, walker, write, progress=meter.count, depth=1, filter_spec=leave_out
        )
    pack.flush()


class _Meter:
    """Counts what arrives, until it is too much or takes too long."""

    def __init__(self, remote: Remote) -> None:
        self._left = remote.max_repository_bytes
        self._end = time.monotonic() + remote.timeout_s

    def count(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise SourceError("The repository is larger than max_repository_bytes.")
        if time.monotonic() > self._end:
            raise SourceError("The repository was not received within timeout_s.")


def check_pack(pack: IO[bytes], limit: int) -> None:
    """Raises when the pack is damaged, or unpacks to more than `limit` bytes; holds none of it.

    Every object says its size before its data, and a delta says the size of its result; both are
    added up, and the data is unpacked to nowhere to see that it keeps to what it said.
    """
    total = 0
    with mmap.mmap(pack.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 12
        for _ in range(struct.unpack(">L", data[8:12])[0]):
            kind = data[at] >> 4 & 7
            size, at = _varint(data, at, first_bits=4)
            if kind == _OFFSET_DELTA:
                _, at = _varint(data, at)
            elif kind == _NAMED_DELTA:
                at += _DIGEST
            total += size
            if total > limit:
                raise SourceError("The repository unpacks to more than max_repository_bytes.")
            start, at = _unpack_to_nowhere(data, at, size)
            if kind in (_OFFSET_DELTA, _NAMED_DELTA):
                _, behind = _varint(start, 0)
                total += _varint(start, behind)[0]
        if sha1(memoryview(data)[:at], usedforsecurity=False).digest() != data[at:]:
            raise SourceError("The repository sent a damaged pack.")


def _varint(data: bytes | mmap.mmap, at: int, first_bits: int = 7) -> tuple[int, int]:
    """A number in groups of bits, lowest first, and where it ends."""
    byte = data[at]
    number, shift = byte & ((1 << first_bits) - 1), first_bits
    while byte & 0x80:
        at += 1
        byte = data[at]
        number |= (byte & 0x7F) << shift
        shift += 7
    return number, at + 1


def _unpack_to_nowhere(data: mmap.mmap, at: int, size: int) -> tuple[bytes, int]:
    """The first bytes of a compressed object, and where it ends."""
    stream, start = zlib.decompressobj(), b""
    while not stream.eof:
        block = data[at : at + 65536]
        if not block or size < 0:
            break
        out = stream.decompress(block, 1 << 20)
        start = start or out[:32]
        size -= len(out)
        at += len(block) - len(stream.unconsumed_tail) - len(stream.unused_data)
    if size or not stream.eof:
        raise SourceError("The repository sent a damaged pack.")
    return start, at


@contextmanager
def _client(remote: Remote) -> Generator[tuple[Any, bytes]]:
    parts, wait = urlsplit(remote.url), min(60, remote.timeout_s)
    with ExitStack() as opened:
        over = _over_ssh if parts.scheme == "ssh" else _over_http
        yield over(remote, wait, opened), parts.path.encode()


def _over_http(remote: Remote, timeout: float, opened: ExitStack) -> Any:
    """Smart HTTP whose every connection, redirected ones too, goes to a checked address."""
    import urllib3
    from dulwich.client import HttpGitClient
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    def dial(host: str, port: int) -> socket.socket:
        address = egress.resolve_now(host, port, remote.networks)
        return socket.create_connection((address, port), timeout)

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            if remote.url.startswith("https:"):
                raise Forbidden("An https repository redirects to http; not followed.")
            return dial(self.host, self.port)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return dial(self.host, self.port)

    class Smart(HttpGitClient):
        def _http_request(self, *args: Any, **kwargs: Any) -> Any:
            response, read = super()._http_request(*args, **kwargs)
            kind = response.headers.get("Content-Type") or ""
            if not kind.startswith("application/x-git-"):
                raise SourceError(
                    f"{remote.url} answers with '{kind}', which is not git.",
                    hint="It may be a login page: check the address and the credentials.",
                )
            meter = _Meter(remote)

            def metered(size: int) -> bytes:
                data = read(size)
                meter.count(data)
                return data

            return response, metered

    class Pools(urllib3.PoolManager):
        def urlopen(self, *args: Any, **kwargs: Any) -> Any:
            response = super().urlopen(*args, **kwargs)
            opened.callback(response.close)
            return response

    pools = Pools(
        retries=urllib3.Retry(total=5, connect=0, read=0, redirect=5),
        timeout=timeout,
        ssl_context=ssl.create_default_context(),
    )
    guarded: dict[str, Any] = {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": Secure}),
    }
    pools.pool_classes_by_scheme = guarded
    opened.callback(pools.clear)
    parts = urlsplit(remote.url)
    token = remote.token.get_secret_value() if remote.token else None
    return Smart(
        f"{parts.scheme}://{parts.netloc}/",
        pool_manager=pools,
        username=remote.username if token else None,
        password=token,
        timeout=timeout,
    )


def _over_ssh(remote: Remote, timeout: float, opened: ExitStack) -> Any:
    """Git over SSH to a checked address and a known host; no program of this machine is run."""
    from dulwich.client import SSHGitClient, SSHVendor

    parts = urlsplit(remote.url)
    port = parts.port or 22

    class Vendor(SSHVendor):
        def run_command(self, host: str, command: bytes, *_: Any, **__: Any) -> Any:
            assert remote.ssh is not None
            transport = _ssh.connect(host, port, remote.ssh, remote.networks, timeout)
            opened.callback(transport.close)
            return _SshChannel(transport, command, timeout)

    return SSHGitClient(parts.hostname or "", port, vendor=Vendor())


class _SshChannel:
    """A remote command as dulwich wants it."""

    def __init__(self, transport: Any, command: bytes, timeout: float) -> None:
        self._transport = transport
        self._channel = transport.open_session(timeout=timeout)
        self._channel.settimeout(timeout)
        self._channel.exec_command(command)
        self.stderr = None

    def can_read(self) -> bool:
        return bool(self._channel.recv_ready())

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (block := self._channel.recv(size - len(data))):
            data += block
        return data

    def write(self, data: bytes) -> None:
        self._channel.sendall(data)

    def close(self) -> None:
        self._transport.close()
