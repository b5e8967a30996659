"""How a deployment is kept: its last backup, what it stores, who does its runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from rag import __version__
from rag.app.parts import Parts
from rag.store.upkeep import Underway
from rag.types import Data

MEASURED_S = 60.0
"""Sizes are measured no more often: every kept file is looked at."""


class Backed(Data):
    """The last backup; `folder` is as it was named to `rag backup`."""

    at: datetime
    folder: str
    bytes: int
    rows: int
    files: int
    damaged: int
    """kept files that could not be backed up"""
    keys: bool
    """with what opens the stored credentials"""


class Verified(Data):
    """The last time that a backup was read back whole."""

    at: datetime
    folder: str
    taken_at: datetime
    """when that backup was made"""
    trouble: str = ""
    """what was wrong with it; empty for a good one"""


class HouseKept(Data):
    """What the last round deleted."""

    at: datetime
    files: int
    bytes: int
    deleted: Mapping[str, int] = {}
    """by what retention names"""


class Space(Data):
    """Bytes. None for what lies on a server of its own."""

    folder: str
    database: int | None
    files: int
    """originals and texts"""
    index: int | None
    free: int
    total: int


class Condition(Data):
    """How this deployment is kept."""

    version: str
    backup: Backed | None
    verified: Verified | None
    housekeeping: HouseKept | None
    stored: Space
    inside: bool
    """The server does runs itself; otherwise `rag worker` must."""
    runs: Underway


class Upkeep:
    """Looks at what there is; changes nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._measured: tuple[float, Space] | None = None

    async def look(self) -> Condition:
        """Raises Unavailable where the database or the data folder cannot be read."""
        done = await asyncio.to_thread(self._parts.upkeep.last)
        backup, verified = done.get("backup"), done.get("verification")
        house = done.get("housekeeping")
        return Condition(
            version=__version__,
            backup=backup and Backed(at=backup.at, **backup.details),
            verified=verified and Verified(at=verified.at, **verified.details),
            housekeeping=house and HouseKept(at=house.at, **house.details),
            stored=await self._stored(),
            inside=self._parts.settings.jobs.inside,
            runs=await asyncio.to_thread(self._parts.upkeep.runs),
        )

    async def _stored(self) -> Space:
        now = time.monotonic()
        if self._measured is None or now - self._measured[0] > MEASURED_S:
            self._measured = now, await asyncio.to_thread(self._measure)
        return self._measured[1]

    def _measure(self) -> Space:
        settings = self._parts.settings
        embedded = settings.index.engine == "qdrant_edge"
        disk = shutil.disk_usage(settings.data)
        return Space(
            folder=str(settings.data),
            database=self._parts.upkeep.size(settings.data),
            files=size(settings.data / "blobs"),
            index=size(settings.data / "index") if embedded else None,
            free=disk.free,
            total=disk.total,
        )


def size(folder: Path) -> int:
    """Bytes that all files below a folder take; one that vanishes meanwhile counts nothing."""
    total, todo = 0, [folder]
    while todo:
        try:
            with os.scandir(todo.pop()) as found:
                for one in found:
                    if one.is_dir(follow_symlinks=False):
                        todo.append(Path(one.path))
                    else:
                        found_here = one.stat(follow_symlinks=False)
                        # An index reserves more than it uses; what is reserved takes no room yet.
                        total += min(found_here.st_size, found_here.st_blocks * 512)
        except FileNotFoundError:
            continue
    return total
