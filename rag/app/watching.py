"""Watching folders: sources that ask for it are synced soon after something changes under them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]

from rag.app.facade import App
from rag.errors import RagError

LOOK_SECONDS = 5.0
"""How often it is seen which sources there are to watch."""
QUIET_MS = 500
"""A folder must be still for so long, so that what is being copied is not read in halves."""
PATIENCE_MS = 5_000
"""One that is never still is synced all the same."""
RETRY_SECONDS = 60.0
WATCH = "watch"
"""Who asked for a sync that nobody asked for."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Watched:
    """A source and what it reads, told apart from another folder made in its place."""

    domain: str
    source: str
    name: str
    root: Path
    device: int
    inode: int


async def watch(app: App, look_seconds: float = LOOK_SECONDS) -> None:
    """Sync sources with the setting `watch` whenever something changed; runs until cancelled.

    Each is also synced when its watch begins, for what happened while nobody looked.
    """
    while True:
        watched = await _to_watch(app)
        if not watched:
            await asyncio.sleep(look_seconds)
            continue
        try:
            await _follow(app, watched, look_seconds)
        except (OSError, RuntimeError) as error:
            # No such folder any more, or more folders than the system lets one watch.
            log.warning("cannot watch", reason=str(error), retry_seconds=RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)


async def _follow(app: App, watched: frozenset[_Watched], look_seconds: float) -> None:
    """Sync what changes, and what failed before, until there is something else to watch."""
    now = asyncio.get_running_loop().time
    due, due_at = watched, now()
    async for changes in awatch(
        *{one.root for one in watched},
        watch_filter=None,
        debounce=PATIENCE_MS,
        step=QUIET_MS,
        rust_timeout=int(look_seconds * 1_000),
        yield_on_timeout=True,
    ):
        paths = [Path(path) for _, path in changes]
        touched = {one for one in watched if any(path.is_relative_to(one.root) for path in paths)}
        if paths and not touched:
            # Some systems report paths with links resolved: then it could be any.
            touched = watched
        chosen = touched | due if now() >= due_at else touched
        synced = await asyncio.gather(*(_sync(app, one) for one in chosen))
        failed = {one for one, well in zip(chosen, synced, strict=True) if not well}
        due = (due - chosen) | failed
        if failed:
            due_at = now() + RETRY_SECONDS
        if await _to_watch(app) != watched:
            return


async def _sync(app: App, one: _Watched) -> bool:
    """Whether the source could be read."""
    try:
        who = app.person(None, one.domain).model_copy(update={"id": WATCH})
        report = await app.sync(who, source=one.source, domain=one.domain)
    except RagError as error:
        log.warning("watched source not synced", source=one.name, reason=str(error))
    except Exception:
        # One source's trouble must not end the watch of the others.
        log.exception("watched source not synced", source=one.name)
    else:
        log.info("watched source synced", source=one.name, **report.model_dump())
        return True
    return False


async def _to_watch(app: App) -> frozenset[_Watched]:
    """The sources that are not paused, want to be watched, and read something that is there."""
    found: set[_Watched] = set()
    for domain in {app.settings.domain, *app.settings.domains}:
        try:
            sources = await app.sources(app.person(None, domain), domain)
        except RagError as error:
            log.debug("domain not watched", domain=domain, reason=str(error))
            continue
        for source in sources:
            root = _root(source.config)
            if root is None or source.paused:
                continue
            try:
                status = await asyncio.to_thread(root.stat)
            except OSError:
                continue
            found.add(_Watched(domain, source.id, source.name, root, status.st_dev, status.st_ino))
    return frozenset(found)


def _root(config: Mapping[str, Any]) -> Path | None:
    """What a source's setting `watch` is about: its `path` on this machine."""
    if config.get("watch") is not True or "path" not in config:
        return None
    return Path(str(config["path"])).expanduser().absolute()
