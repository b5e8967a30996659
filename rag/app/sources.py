"""What admins do with sources: add, try, look, pause, remove, release a hold, retry."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import structlog

from rag import plugins, readers
from rag.app.credentials import Credentials
from rag.app.domains import Domains
from rag.app.parts import Parts
from rag.app.uploads import CONNECTOR as UPLOADS
from rag.app.uploads import UploadsConfig, UploadsConnector
from rag.domain import PackSource
from rag.errors import ConfigError, InvalidInput, RagError, SourceError
from rag.protocols import Connector, ReadersByKey
from rag.types import SourceInfo

log = structlog.get_logger(__name__)

# What the address of a source and a line on a terminal can hold.
_NAME = re.compile(r"(?!\.{1,2}$)[^/\x00-\x1f\x7f]{1,200}")


class Sources:
    """The sources of every domain; credentials leave this class only inside a connector."""

    def __init__(self, parts: Parts, domains: Domains, credentials: Credentials) -> None:
        self._ledger = parts.ledger
        self._vault = parts.vault
        self._uploads = parts.uploads
        self._blobs = parts.blobs
        self._domains = domains
        self._credentials = credentials

    async def add(
        self, connector: str, config: Mapping[str, Any], name: str | None, domain: str | None
    ) -> SourceInfo:
        """Register a source after its connector accepted the configuration and could reach it."""
        chosen = self._domains.get(domain)
        await self.check(connector, config)
        label = name or _default_name(connector, config)
        if not _NAME.fullmatch(label):
            raise InvalidInput(f"'{label}' cannot name a source.", hint="Use letters and digits.")
        shown, secrets = plugins.divide(plugins.settings(connector, config))

        def known(sealed: str) -> bool:
            return self._vault.open(sealed) == secrets

        async with self._credentials.sealed(secrets) as sealed:
            return await asyncio.to_thread(
                self._ledger.sources.add,
                chosen.pack.name,
                label,
                connector,
                shown,
                sealed,
                tuple(secrets),
                known,
            )

    async def add_from_pack(self, domain: str | None) -> int:
        """Register what the pack itself brings, once: one that is there stays as it is, and one
        that an admin removed stays away."""
        missing = await self._missing(domain)
        for source in missing:
            await self.add(source.connector, source.config, source.name, domain)
        return len(missing)

    async def _missing(self, domain: str | None) -> list[PackSource]:
        """What the pack brings that was never registered."""
        pack = self._domains.get(domain).pack
        known = {source.name for source in await self.list(domain)}
        brought = [source.name for source in pack.sources]
        known |= await asyncio.to_thread(self._ledger.sources.removed, pack.name, brought)
        return [source for source in pack.sources if source.name not in known]

    async def compare_with_pack(self, domain: str | None) -> None:
        """Log each source of the pack that is not read, or not as pack.toml says.

        An edit of pack.toml changes no source that is registered, since admins may have set it.
        """
        pack = self._domains.get(domain).pack
        for source in await self._missing(domain):
            log.warning(
                "pack_source_not_read",
                source=source.name,
                message=f"{pack.root / 'pack.toml'} brings a source that is not read yet.",
                hint="rag start adds it. Take it out of pack.toml if it is not wanted.",
            )
        known = {source.name: source for source in await self.list(domain)}
        for brought in pack.sources:
            if brought.name not in known:
                continue
            try:
                differs = await self._differing(brought, known[brought.name])
            except RagError as error:
                log.warning("pack_source_unusable", source=brought.name, message=str(error))
                continue
            if differs:
                log.warning(
                    "pack_source_differs",
                    source=brought.name,
                    settings=", ".join(differs),
                    message=f"The source is not read as {pack.root / 'pack.toml'} says.",
                    hint=f"Follow it: rag source set {brought.name} --set KEY=VALUE or --unset KEY."
                    if "connector" not in differs
                    else "Rename it in pack.toml: the connector of a source never changes.",
                )

    async def _differing(self, brought: PackSource, source: SourceInfo) -> list[str]:
        if brought.connector != source.connector:
            return ["connector"]
        wanted = await asyncio.to_thread(plugins.settings, brought.connector, brought.config)
        used = plugins.settings(source.connector, await self._whole(source))
        fields = type(wanted).model_fields
        return [name for name in fields if getattr(wanted, name) != getattr(used, name)]

    async def check(self, connector: str, config: Mapping[str, Any]) -> str:
        """What such a source would read, in one sentence. Raises InvalidInput when it cannot."""
        try:
            return await _checked(await asyncio.to_thread(self._connector, connector, config))
        except (ConfigError, SourceError) as error:
            # Whoever wrote the configuration can put it right; nothing of ours is broken.
            raise InvalidInput(error.message, hint=error.hint) from error
        except RagError:
            raise
        except Exception as error:
            raise InvalidInput(f"The connector '{connector}' cannot use this: {error}.") from error

    async def check_known(self, source: str, domain: str | None) -> str:
        return await _checked(await self.open(await self.get(source, domain)))

    async def open(self, source: SourceInfo) -> Connector:
        """The source's connector with its credentials; the caller closes it."""
        config = await self._whole(source)
        return await asyncio.to_thread(self._connector, source.connector, config, source)

    async def accept(self, source: SourceInfo, given: Mapping[str, Any]) -> None:
        """Have the connector try a source with other settings. Raises InvalidInput, SourceError."""
        await self.check(source.connector, _patched(await self._whole(source), given))

    async def change(self, parts: Parts, source: SourceInfo, given: Mapping[str, Any]) -> None:
        """Read it with other settings once its connector accepted them; what is not given stays.

        The next sync lists the source whole, so that what was read before obeys them too. Whom
        they let in no longer, finds nothing of it from the next question on.
        """
        found = await asyncio.to_thread(parts.ledger.sources.get, source.domain, source.id)
        before = await self._whole(found)
        config = _patched(before, given)
        # Once more: somebody else may have changed it since it was accepted.
        await self.check(found.connector, config)
        # Closed first: were this cut short, the next sync would open again what should be open.
        await self._close(parts, found, before, config)
        shown, secrets = plugins.divide(plugins.settings(found.connector, config))
        async with self._credentials.sealed(secrets) as sealed:
            names = tuple(secrets)
            await asyncio.to_thread(parts.ledger.sources.change, found.id, shown, sealed, names)

    async def _close(
        self, parts: Parts, source: SourceInfo, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        connector = await asyncio.to_thread(self._connector, source.connector, after, source)
        was, now = (
            readers.named(plugins.settings(source.connector, config).model_dump(mode="json"))
            for config in (before, after)
        )

        def close() -> None:
            left: dict[frozenset[str], list[str]] = {}
            for key, known in parts.ledger.known(source.id).items():
                fewer = (
                    readers.in_both(known.readers, connector.readers_of(key))
                    if isinstance(connector, ReadersByKey)
                    else readers.narrowed(known.readers, was, now)
                )
                if fewer != known.readers and not known.deleted:
                    left.setdefault(fewer, []).append(known.document_id)
            for fewer, documents in left.items():
                parts.ledger.set_readers(documents, fewer)

        try:
            await asyncio.to_thread(close)
        finally:
            await connector.aclose()

    async def _whole(self, source: SourceInfo) -> dict[str, Any]:
        """Its settings with its credentials."""
        sealed = await asyncio.to_thread(self._ledger.sources.sealed, source.id)
        return plugins.join(source.config, await asyncio.to_thread(self._vault.open, sealed))

    async def list(self, domain: str | None) -> list[SourceInfo]:
        name = self._domains.get(domain).pack.name
        return await asyncio.to_thread(self._ledger.sources.list, name)

    async def get(self, source: str, domain: str | None) -> SourceInfo:
        """A source by name or id. Raises NotFound."""
        name = self._domains.get(domain).pack.name
        return await asyncio.to_thread(self._ledger.sources.get, name, source)

    async def pause(self, source: str, paused: bool, domain: str | None) -> SourceInfo:
        found = await self.get(source, domain)
        await asyncio.to_thread(self._ledger.sources.pause, found.id, paused)
        return await self.get(source, domain)

    @staticmethod
    async def remove(parts: Parts, source: SourceInfo) -> int:
        """Stop reading a source and delete its documents, at once; returns how many they were."""
        return await asyncio.to_thread(parts.ledger.sources.remove, source.id)

    @staticmethod
    async def release(parts: Parts, source: SourceInfo) -> int:
        """Believe the deletions that are held: those documents go now. Returns how many."""
        held = await asyncio.to_thread(parts.ledger.held, source.id)
        await asyncio.to_thread(parts.ledger.delete, held)
        return len(held)

    async def retry(self, source: str, document: str | None, domain: str | None) -> int:
        """Give what is not indexed another chance at the next sync. Returns how many."""
        found = await self.get(source, domain)
        count = await asyncio.to_thread(self._ledger.retry, found.id, document)
        if count:
            # A listing from a cursor on would not name them again.
            await asyncio.to_thread(self._ledger.sources.relist, found.id)
        return count

    def _connector(
        self, name: str, config: Mapping[str, Any], source: SourceInfo | None = None
    ) -> Connector:
        if name != UPLOADS:
            return plugins.connector(name, config)
        # What is uploaded is kept here, so its connector alone is given a part of ours.
        settings = cast(UploadsConfig, plugins.settings(name, config))
        return UploadsConnector(settings, self._uploads, self._blobs, source)


async def _checked(connector: Connector) -> str:
    try:
        return await connector.check()
    finally:
        await connector.aclose()


def _patched(config: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with those given: an object key by key, None takes one away (RFC 7396)."""
    changed = dict(config)
    for key, value in given.items():
        if value is None:
            changed.pop(key, None)
        elif isinstance(value, Mapping):
            inner: object = changed.get(key)
            below = cast("object", inner if isinstance(inner, Mapping) else {})
            changed[key] = _patched(
                cast("Mapping[str, Any]", below), cast("Mapping[str, Any]", value)
            )
        else:
            changed[key] = value
    return changed


def _default_name(connector: str, config: Mapping[str, Any]) -> str:
    path = config.get("path")
    return (Path(str(path)).resolve().name or connector) if path else connector
