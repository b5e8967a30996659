"""The folder of a dataset, read as it was built, and folders that appear whole beside others."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from pydantic import ValidationError

from rag.datasets import ROW, File, Manifest, Row, Split, Task, rows_path
from rag.errors import Conflict, NotFound, StorageFull, Unavailable

MANIFEST = "manifest.json"
README = "README.md"
CROISSANT = "croissant.json"
_UNFINISHED = ".unfinished-"


@contextmanager
def appearing(folder: Path) -> Generator[Path]:
    """A new empty folder beside `folder`, which becomes it, durably, when the block ends.

    Where the block fails, what was begun is removed; what a killed process began is removed by
    whoever writes beside it next. Raises Conflict where `folder` is there and not empty,
    StorageFull, or Unavailable where nothing can be written there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} is there already.", hint="Name a folder that is not there yet.")
    with _told(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        begun, lock = _begin(folder.parent)
        try:
            yield begun
            for path in sorted(begun.rglob("*")):
                _sync(path)
            _sync(begun)
            try:
                begun.rename(folder)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise Conflict(
                        f"{folder} was written by somebody else meanwhile.",
                        hint="Name a folder that is not there yet.",
                    ) from error
                raise
            _sync(folder.parent)
        finally:
            with suppress(OSError):
                shutil.rmtree(begun)
            os.close(lock)


def listed(folder: Path, *, but: tuple[str, ...] = ()) -> dict[str, File]:
    """Every file below a folder by its path there, with what it holds."""
    return {
        name: digest_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (name := path.relative_to(folder).as_posix()) not in but
    }


def digest_of(path: Path) -> File:
    """A file's digest and size, read in pieces."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return File(sha256=digest, size=file.tell())


def manifest_of(folder: Path) -> dict[str, Any]:
    """A folder's manifest as it stands there. Raises NotFound or Unavailable."""
    try:
        told = json.loads((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(
            f"{folder} has no {MANIFEST}.", hint="Is it the folder of a dataset or an export?"
        ) from error
    except (OSError, ValueError) as error:
        raise damaged(folder / MANIFEST) from error
    if not isinstance(told, dict):
        raise damaged(folder / MANIFEST)
    return cast(dict[str, Any], told)


class Built:
    """A dataset's folder. Whatever is read of it is checked against its manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.manifest = Manifest.model_validate(manifest_of(folder))
        except ValidationError as error:
            raise damaged(folder / MANIFEST) from error

    def rows(self, task: Task, split: Split) -> Iterator[Row]:
        """The rows in order. Raises Unavailable, at the latest at the end, if one was changed."""
        name = rows_path(task, split)
        wanted = self.manifest.files.get(name)
        if wanted is None:
            if self.manifest.rows.get(task, {}).get(split, 0):
                raise damaged(self.folder / name)
            return
        digest = hashlib.sha256()
        count = 0
        try:
            with (self.folder / name).open("rb") as file:
                for line in file:
                    digest.update(line)
                    count += 1
                    yield ROW.validate_json(line)
        except (FileNotFoundError, ValidationError) as error:
            raise damaged(self.folder / name) from error
        if digest.hexdigest() != wanted.sha256 or count != self.manifest.rows[task][split]:
            raise damaged(self.folder / name)


def damaged(path: Path) -> Unavailable:
    """What is there is not what was written."""
    return Unavailable(f"{path} is not what was built.", hint="Build the dataset again.")


def _begin(parent: Path) -> tuple[Path, int]:
    """A folder that is locked for as long as its process lives."""
    while True:
        begun = parent / f"{_UNFINISHED}{uuid4().hex}"
        begun.mkdir()
        try:
            lock = os.open(begun, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            # Swept between the two.
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if begun.is_dir():
            return begun, lock
        os.close(lock)


def _sweep(parent: Path) -> None:
    """Remove what nobody works on any more."""
    for left in parent.glob(f"{_UNFINISHED}*"):
        with suppress(OSError):
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(lock)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _told(folder: Path) -> Generator[None]:
    """What the disk refuses, in our words."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname in ("SQLITE_FULL", "SQLITE_IOERR_WRITE"):
            raise _full(folder, "the disk is full") from error
        raise Unavailable(f"Cannot write under {folder}: {error}.") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(folder, error.strerror or "") from error
        raise Unavailable(
            f"Cannot write under {folder}: {error.strerror or error}.",
            hint="See whether that folder can be written.",
        ) from error


def _full(folder: Path, why: str) -> StorageFull:
    return StorageFull(f"Cannot write under {folder}: {why}.", hint="Free some space on that disk.")
