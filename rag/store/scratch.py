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

NAME = "scratch"

log = structlog.get_logger(__name__)


@contextmanager
def scratch(data: Path) -> Generator[Path]:
    """An empty folder that nobody else may read, gone with the block.

    Whoever is killed within leaves it behind for `sweep`, which everyone who makes one does first.
    """
    sweep(data)
    made = data / NAME / uuid4().hex
    with _alone(data):
        made.mkdir(mode=0o700)
        held = _lock(made)
    assert held is not None
    try:
        yield made
    finally:
        shutil.rmtree(made)
        os.close(held)


def sweep(data: Path) -> int:
    """Delete what was left behind by whoever is no more. Returns how many folders that were."""
    swept = 0
    if not (data / NAME).is_dir():
        return swept
    with _alone(data):
        for left in (data / NAME).iterdir():
            if (held := _lock(left)) is None:
                continue
            try:
                shutil.rmtree(left)
                swept += 1
            except OSError as error:
                # An engine that outlived its owner for a moment may still write there.
                log.warning("scratch left behind", folder=str(left), reason=str(error))
            finally:
                os.close(held)
    return swept


@contextmanager
def _alone(data: Path) -> Generator[None]:
    """Between the making of a folder and its lock nobody may take it for left behind."""
    (data / NAME).mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(data / NAME, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _lock(folder: Path) -> int | None:
    """A hold on the folder for as long as this process lives; None where somebody else has it, or
    its owner has just deleted it."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
