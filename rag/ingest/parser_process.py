"""The processes that parse: a small server, parsers loaded, that forks workers from itself.

Run as `python -m rag.ingest.parser_process FD`, where FD is a Unix socket to the owner. The server
forks a worker in about ten milliseconds, because everything heavy is imported already, and is the
only one that kills and reaps workers, so a process id is never mistaken. It ends when its owner
does, however that ends, and takes the workers along.

Owner and server: `fork` (with the worker's socket attached) answers `{"pid"}`; `reap` answers how
the worker ended. Owner and worker: a request is the document's facts and its bytes; a reply is a
status, the text and the blocks in batches. Every message is frames of a length and that many bytes.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, cast

from pydantic import BaseModel, TypeAdapter

from rag.config import BACKGROUND_NICENESS, ParsingSettings
from rag.errors import DocumentFailed, DocumentRejected
from rag.ingest.admission import Reader
from rag.ingest.finishing import language
from rag.protocols import Parser
from rag.types import Block, Document, RawDocument

LENGTH = struct.Struct(">Q")
BLOCKS_PER_FRAME = 1_000
DOCUMENTS_PER_WORKER = 200
GROWTH_MB = 300
"""A worker is replaced once it holds this much more memory than when it was forked."""
OUT_OF_MEMORY_EXIT = 77
KEPT_OUT = ("torch",)
"""Modules no parser gets. spaCy takes torch where it is found, and its CUDA build reserves more
address space than a worker may have: without it, a worker starts small and fails at nothing."""
PR_SET_PDEATHSIG = 1

BLOCKS = TypeAdapter(tuple[Block, ...])


class Setup(BaseModel):
    """What the server needs to know before it forks."""

    parsers: tuple[str, ...]
    settings: ParsingSettings


class Outcome(BaseModel):
    """A worker's verdict on one document; the text and the blocks follow in their own frames."""

    error: str = ""
    reason: str = ""
    message: str = ""
    hint: str = ""
    document: dict[str, Any] | None = None
    block_frames: int = 0
    retire: bool = False


class Ending(BaseModel):
    """How a worker ended: the signal or the exit code, and the most memory it ever held."""

    signal: int = 0
    code: int = 0
    peak_mb: int = 0


def load_parsers(specs: Sequence[str], settings: ParsingSettings) -> list[Parser]:
    """Parsers built from `module:Class`, in order of preference."""
    parsers: list[Parser] = []
    for spec in specs:
        module, _, name = spec.partition(":")
        parsers.append(cast(Parser, getattr(importlib.import_module(module), name)(settings)))
    return parsers


# --- the server -------------------------------------------------------------------------------


def serve(control: socket.socket) -> None:
    """Fork and reap workers until the owner is gone."""
    owner = os.getppid()
    setup = Setup.model_validate_json(_read_frame(control))
    for name in KEPT_OUT:
        # Python's own mark of a module that must not be imported: trying raises ImportError.
        cast("dict[str, ModuleType | None]", sys.modules)[name] = None
    folder = Path(tempfile.mkdtemp(prefix="ratchet-parse-"))
    tempfile.tempdir = str(folder)
    workers: set[int] = set()
    try:
        reader = Reader(load_parsers(setup.parsers, setup.settings), setup.settings)
        language("A sentence, so that workers share the model. " * 3)
        gc.collect()
        gc.freeze()
        _send_frame(control, b'{"ready": true}')
        while _owner_asks(control, owner):
            message, fds, _flags, _address = socket.recv_fds(control, 64, 1)
            if not message:
                break
            verb, _, pid = message.decode().partition(" ")
            if verb == "fork":
                with socket.socket(fileno=fds[0]) as channel:
                    child = os.fork()
                    if child == 0:
                        control.close()
                        _worker(channel, reader, setup.settings, folder, os.getppid())
                workers.add(child)
                _send_frame(control, json.dumps({"pid": child}).encode())
            else:
                workers.discard(int(pid))
                _send_frame(control, _reap(int(pid), folder).model_dump_json().encode())
    finally:
        for pid in workers:
            _reap(pid, folder)
        shutil.rmtree(folder, ignore_errors=True)


def _owner_asks(control: socket.socket, owner: int) -> bool:
    """Wait for a message; False once the owner died, even if others keep its socket open."""
    while os.getppid() == owner:
        if select.select([control], [], [], 1.0)[0]:
            return True
    return False


def _reap(pid: int, folder: Path) -> Ending:
    """Kill a worker with everything it started, and say how it had ended."""
    finished, status, usage = os.wait4(pid, os.WNOHANG)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        # Forked a moment ago and not yet a group, or wholly gone.
        if finished == 0:
            os.kill(pid, signal.SIGKILL)
    if finished == 0:
        _, status, usage = os.wait4(pid, 0)
    shutil.rmtree(folder / str(pid), ignore_errors=True)
    peak = usage.ru_maxrss // (1024 if sys.platform == "linux" else 1024 * 1024)
    if os.WIFSIGNALED(status):
        return Ending(signal=os.WTERMSIG(status), peak_mb=peak)
    return Ending(code=os.waitstatus_to_exitcode(status), peak_mb=peak)


# --- a worker ---------------------------------------------------------------------------------


def _worker(
    channel: socket.socket, reader: Reader, settings: ParsingSettings, folder: Path, server: int
) -> None:
    """Parse documents from the channel until it closes; never returns."""
    code = 1
    try:
        _confine(settings, folder, server)
        _work(channel, reader, settings)
        code = 0
    except MemoryError:
        code = OUT_OF_MEMORY_EXIT
    except (BrokenPipeError, ConnectionResetError):
        code = 0
    finally:
        os._exit(code)


def _confine(settings: ParsingSettings, folder: Path, server: int) -> None:
    """Give up what a parser of strangers' files does not need."""
    os.setpgid(0, 0)
    os.nice(BACKGROUND_NICENESS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(0)
        # When memory runs out, a document is read again; the service would be gone.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    temporary = folder / str(os.getpid())
    temporary.mkdir()
    tempfile.tempdir = str(temporary)
    os.environ["TMPDIR"] = str(temporary)
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    memory = settings.memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (memory, memory))
    sys.addaudithook(_refuse_network)


def _refuse_network(event: str, _args: tuple[Any, ...]) -> None:
    """No document makes a parser call out: linked images, templates and schemas stay unread."""
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        raise PermissionError("A parser has no network.")


def _work(channel: socket.socket, reader: Reader, settings: ParsingSettings) -> None:
    start = _resident_mb()
    with channel.makefile("rb") as stream:
        for number in range(1, DOCUMENTS_PER_WORKER + 1):
            head = _read_exactly(stream)
            if head is None:
                return
            data = _read_exactly(stream)
            if data is None:
                return
            raw = RawDocument.model_validate({**json.loads(head), "data": data})
            del data
            _allow_cpu(settings.cpu_seconds)
            outcome, frames = _read(reader, raw)
            del raw
            retire = number == DOCUMENTS_PER_WORKER or _resident_mb() - start > GROWTH_MB
            outcome = outcome.model_copy(update={"retire": outcome.retire or retire})
            for frame in (outcome.model_dump_json().encode(), *frames):
                _send_frame(channel, frame)
            if outcome.retire:
                return


def _read(reader: Reader, raw: RawDocument) -> tuple[Outcome, list[bytes]]:
    """One document to its outcome. Only running out of memory may end the worker."""
    reserve = bytearray(4 * 2**20)
    try:
        document = reader.read(raw)
    except DocumentRejected as rejection:
        return _refusal("rejected", rejection), []
    except DocumentFailed as failure:
        return _refusal("failed", failure), []
    except (MemoryError, RecursionError) as error:
        del reserve
        deep = isinstance(error, RecursionError)
        return Outcome(
            error="rejected",
            reason="nesting" if deep else "resource_limit",
            message=f"'{raw.name}' "
            + ("is nested too deeply." if deep else "needs more memory than a parser may use."),
            hint="" if deep else "Split the document or raise parsing.memory_mb.",
            retire=True,
        ), []
    return _frames(document)


def _frames(document: Document) -> tuple[Outcome, list[bytes]]:
    """Text and blocks apart from the rest, so that the owner reads each in bounded steps."""
    blocks = document.blocks
    batches = [
        BLOCKS.dump_json(blocks[at : at + BLOCKS_PER_FRAME])
        for at in range(0, len(blocks), BLOCKS_PER_FRAME)
    ]
    rest = document.model_dump(mode="json", exclude={"text", "blocks"})
    outcome = Outcome(document=rest, block_frames=len(batches))
    return outcome, [document.text.encode(), *batches]


def _refusal(error: str, cause: DocumentRejected | DocumentFailed) -> Outcome:
    return Outcome(error=error, reason=cause.reason, message=cause.message, hint=cause.hint)


def _allow_cpu(seconds: int) -> None:
    """The kernel ends this process after `seconds` more of CPU time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(usage.ru_utime + usage.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _resident_mb() -> int:
    """Memory held now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * resource.getpagesize() // 2**20


# --- frames -----------------------------------------------------------------------------------


def _read_exactly(stream: BinaryIO) -> bytes | None:
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    length = LENGTH.unpack(head)[0]
    data = stream.read(length)
    return data if len(data) == length else None


def _read_frame(control: socket.socket) -> bytes:
    with control.makefile("rb") as stream:
        return _read_exactly(cast(BinaryIO, stream)) or b""


def _send_frame(channel: socket.socket, data: bytes) -> None:
    channel.sendall(LENGTH.pack(len(data)))
    channel.sendall(data)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as owner_socket:
        serve(owner_socket)
