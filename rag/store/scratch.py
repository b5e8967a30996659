"""Folders for what is needed only now: beside the other data, not where everybody's files lie."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import structlog

from rag.errors import Unavailable

NAME = "scratch"
FILES = "files"
LOCK = ".lock"

log = structlog.get_logger(__name__)


@contextmanager
def scratch(data: Path) -> Generator[Path]:
    """An empty folder that nobody else may read, gone with the block.

    What cannot be deleted then, or is left by whoever is killed within, `sweep` takes.
    """
    made = data / NAME / uuid4().hex
    with _alone(data):
        (made / FILES).mkdir(mode=0o700, parents=True)
        held = _hold(made)
    if held is None:
        raise Unavailable(f"The folder {made} cannot be locked.")
    try:
        yield made / FILES
    finally:
        _delete(made)
        os.close(held)


def sweep(data: Path) -> int:
    """Delete what was left behind by whoever is no more. Returns how many folders that were."""
    if not (data / NAME).is_dir():
        return 0
    with _alone(data):
        found = [(one, _hold(one)) for one in (data / NAME).iterdir() if one.name != LOCK]
    swept = 0
    for folder, held in found:
        if held is not None:
            swept += _delete(folder)
            os.close(held)
    return swept


@contextmanager
def _alone(data: Path) -> Generator[None]:
    """Between the making of a folder and its lock nobody may take it for left behind."""
    (data / NAME).mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / NAME / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _hold(folder: Path) -> int | None:
    """A lock on the folder for as long as this process lives; None where somebody else has it, its
    owner has just deleted it, or it is none of ours."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _delete(folder: Path) -> bool:
    """Whether it is gone: an engine that outlives its owner for a moment may still write there."""
    shutil.rmtree(folder, ignore_errors=True)
    if there := folder.exists():
        log.warning("scratch left behind", folder=str(folder))
    return not there
