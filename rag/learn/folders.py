"""Folders that are whole or not there."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from rag.errors import StorageFull, Unavailable


@contextmanager
def whole(target: Path) -> Generator[Path]:
    """A folder to write into, which becomes `target` when the block ends well; else it is removed.

    What was `target` before is replaced. Raises StorageFull, Unavailable.
    """
    beside = target.parent / f".{target.name}.{uuid4().hex[:8]}"
    try:
        beside.mkdir(parents=True)
        try:
            yield beside
            _keep(beside)
            if target.exists():
                old = target.parent / f".{target.name}.{uuid4().hex[:8]}"
                target.rename(old)
                shutil.rmtree(old)
            beside.rename(target)
            _sync(target.parent)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                "The disk is full; nothing was written.", hint="Free some space."
            ) from error
        raise Unavailable(f"The folder '{target}' cannot be written: {error.strerror}.") from error


def write_lines(path: Path, lines: Iterable[str]) -> tuple[int, dict[str, str | int]]:
    """One file of lines, each ended; how many there are, and the file's hash and size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size, count = hashlib.sha256(), 0, 0
    with path.open("wb") as file:
        for one in lines:
            data = f"{one}\n".encode()
            file.write(data)
            digest.update(data)
            size += len(data)
            count += 1
    return count, {"sha256": digest.hexdigest(), "size": size}


def _keep(folder: Path) -> None:
    """Everything in it survives a loss of power."""
    for path in sorted(folder.rglob("*")):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
