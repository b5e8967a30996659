"""The verbs of sources, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rag.remote.line import Line, query
from rag.types import ConnectorInfo, Principal, Rotated, Schedule, SourceInfo

if TYPE_CHECKING:
    from rag.store.uploads import Upload


class SourceVerbs(Line):
    """What admins do with sources and uploads."""

    async def add_source(
        self,
        principal: Principal,
        *,
        connector: str,
        config: Mapping[str, Any],
        name: str | None = None,
        domain: str | None = None,
    ) -> SourceInfo:
        body = {"connector": connector, "config": dict(config), "name": name, "domain": domain}
        return SourceInfo.model_validate(
            await self.json("POST", "sources", principal, domain, json=body)
        )

    async def sources(self, principal: Principal, domain: str | None = None) -> list[SourceInfo]:
        found = await self.json("GET", "sources", principal, domain, params=query(domain=domain))
        return [SourceInfo.model_validate(one) for one in found["sources"]]

    async def connectors(self, principal: Principal) -> list[ConnectorInfo]:
        found = await self.json("GET", "connectors", principal)
        return [ConnectorInfo.model_validate(one) for one in found["connectors"]]

    async def check_connector(
        self, principal: Principal, *, connector: str, config: Mapping[str, Any]
    ) -> str:
        path = f"connectors/{quote(connector, safe='')}/check"
        found = await self.json("POST", path, principal, json={"config": dict(config)})
        return str(found["reads"])

    async def source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> SourceInfo:
        return SourceInfo.model_validate(await self._of("GET", principal, source, "", domain))

    async def check_source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> str:
        return str((await self._of("POST", principal, source, "/check", domain))["reads"])

    async def change_source(
        self,
        principal: Principal,
        source: str,
        config: Mapping[str, Any],
        domain: str | None = None,
    ) -> SourceInfo:
        body = {"config": dict(config)}
        return SourceInfo.model_validate(
            await self._of("PATCH", principal, source, "", domain, json=body)
        )

    async def pause_source(
        self, principal: Principal, source: str, paused: bool, domain: str | None = None
    ) -> SourceInfo:
        body = {"paused": paused}
        return SourceInfo.model_validate(
            await self._of("PUT", principal, source, "/pause", domain, json=body)
        )

    async def remove_source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> int:
        return int((await self._of("DELETE", principal, source, "", domain))["documents"])

    async def release_hold(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> int:
        return int((await self._of("POST", principal, source, "/release", domain))["documents"])

    async def retry(
        self,
        principal: Principal,
        source: str,
        document: str | None = None,
        domain: str | None = None,
    ) -> int:
        body = {"document_id": document}
        done = await self._of("POST", principal, source, "/retry", domain, json=body)
        return int(done["documents"])

    async def upload(
        self,
        principal: Principal,
        source: str,
        name: str,
        data: bytes,
        *,
        media_type: str | None = None,
        readers: Sequence[str] = (),
        domain: str | None = None,
    ) -> Upload:
        # Imported only where it is used: other verbs need no database.
        from rag.store.uploads import Upload

        sent = await self.json(
            "PUT",
            _upload_path(source, name),
            principal,
            domain,
            params=query(domain=domain, readers=",".join(readers) or None),
            headers={"Content-Type": media_type or "application/octet-stream"},
            content=data,
        )
        return Upload.model_validate(sent)

    async def uploads(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> list[Upload]:
        from rag.store.uploads import Upload

        found = await self._of("GET", principal, source, "/uploads", domain)
        return [Upload.model_validate(one) for one in found["uploads"]]

    async def remove_upload(
        self, principal: Principal, source: str, name: str, domain: str | None = None
    ) -> None:
        path = _upload_path(source, name)
        await self.send("DELETE", path, principal, domain, params=query(domain=domain))

    async def rotate_keys(self, principal: Principal) -> Rotated:
        return Rotated.model_validate(await self.json("POST", "keys/rotate", principal))

    async def schedule_source(
        self,
        principal: Principal,
        source: str,
        schedule: Schedule | None,
        domain: str | None = None,
    ) -> SourceInfo:
        body = schedule.model_dump(exclude_defaults=True) if schedule else {}
        return SourceInfo.model_validate(
            await self._of("PUT", principal, source, "/schedule", domain, json=body)
        )


def _upload_path(source: str, name: str) -> str:
    from rag.store.uploads import checked_name

    # Checked here as well: the client would follow dots and slashes to another route.
    return f"sources/{quote(source, safe='')}/uploads/{quote(checked_name(name), safe='')}"
