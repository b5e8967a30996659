"""The data folder and who owns it: one process writes, the others go through it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from rag.errors import ConfigError, Conflict, Locked
from rag.types import Data, utc_now

LOCK_NAME = "owner.lock"
UNFINISHED = "restore.unfinished"
"""Lies in a folder while a backup is restored into it."""
PATIENCE = 10
PAUSE_S = 0.02


class Owner(Data):
    """The process that holds a data folder; `url` is where it serves, empty when it does not."""

    pid: int
    url: str
    started: datetime


class DataFolder:
    """A hold on a folder, given up by `release` or by the death of the process.

    One process owns it alone; or many share it, where everything but blobs and keys is on servers.
    """

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def acquire(cls, path: Path, url: str = "", *, shared: bool = False) -> DataFolder:
        """Make the folder if needed and own or share it. Raises Locked naming the owner, or
        ConfigError."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = (path / LOCK_NAME).open("a+", encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"The data folder {path} cannot be written: {error.strerror}.",
                hint="Choose another with --data or RAG_DATA, or fix its permissions.",
            ) from error
        try:
            _lock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        except OSError as error:
            lock.close()
            owner = cls.owner(path)
            by = f"process {owner.pid}" if owner else "another process"
            at = f" serving {owner.url}" if owner and owner.url else ""
            raise Locked(
                f"The data folder {path} is in use by {by}{at}.",
                hint="Stop that process, or choose another folder with --data.",
            ) from error
        if (path / UNFINISHED).exists():
            lock.close()
            raise ConfigError(
                f"A restore into {path} was cut off: what is there is not whole.",
                hint="Empty the folder, but for rag.toml and secret.keys, and restore again.",
            )
        if shared:
            return cls(path, lock)
        lock.seek(0)
        lock.truncate()
        lock.write(Owner(pid=os.getpid(), url=url, started=utc_now()).model_dump_json())
        lock.flush()
        return cls(path, lock)

    @staticmethod
    def owner(path: Path) -> Owner | None:
        """Who holds the folder now, or None. Never blocks and never takes the lock for long."""
        try:
            lock = (path / LOCK_NAME).open("r", encoding="utf-8")
        except OSError:
            return None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                try:
                    return Owner.model_validate(json.loads(lock.read()))
                except ValueError:
                    # The owner has the lock but has not written its name yet.
                    return None
        return None

    def refuse_used(self) -> None:
        """Raise Conflict where anything is kept already; a configuration and keys may be there."""
        harmless = (LOCK_NAME, "rag.toml", "secret.keys", "cache", "lost+found")
        used = [path.name for path in self.path.iterdir() if path.name not in harmless]
        if used:
            raise Conflict(
                f"The data folder {self.path} is not empty ({sorted(used)[0]}).",
                hint="Nothing was changed. Restore into a new one: rag --data NEW restore BACKUP.",
            )

    @contextmanager
    def unfinished(self) -> Generator[None]:
        """What is done within is whole or refused: whoever opens the folder amid it is told so."""
        mark = self.path / UNFINISHED
        mark.touch()
        yield
        mark.unlink()

    def release(self) -> None:
        self._lock.close()


def _lock(lock: IO[str], how: int) -> None:
    """Take the lock; whoever only asks for its owner holds it for a moment, which is waited for."""
    for _ in range(PATIENCE):
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except OSError:
            time.sleep(PAUSE_S)
        else:
            return
    fcntl.flock(lock, how | fcntl.LOCK_NB)
