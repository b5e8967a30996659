"""The verbs of the data team, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.datasets import Dataset, DatasetSpec, Difference, ExportManifest, ReviewState
from rag.learn.exporting import Format
from rag.redaction import Preview, RedactionRules
from rag.remote.line import Line, OnProgress, query
from rag.types import Principal

if TYPE_CHECKING:
    from rag.remote import RemoteApp


class RemoteDatasets:
    """What `rag.app.datasets.Datasets` does for a command line."""

    def __init__(self, app: RemoteApp) -> None:
        self._line: Line = app

    async def build(
        self,
        principal: Principal,
        spec: DatasetSpec,
        domain: str | None,
        progress: OnProgress,
    ) -> Dataset:
        body = {**spec.model_dump(mode="json"), "domain": domain}
        return Dataset.model_validate(
            await self._line.long("datasets", principal, domain, body, progress)
        )

    async def list(self, principal: Principal, domain: str | None) -> list[Dataset]:
        found = await self._line.json(
            "GET", "datasets", principal, domain, params=query(domain=domain)
        )
        return [Dataset.model_validate(one) for one in found["datasets"]]

    async def get(self, principal: Principal, name: str, domain: str | None) -> Dataset:
        params = query(domain=domain)
        return Dataset.model_validate(
            await self._line.json("GET", f"datasets/{name}", principal, domain, params=params)
        )

    async def diff(
        self, principal: Principal, one: str, other: str, domain: str | None
    ) -> Difference:
        params = query(domain=domain, before=one)
        path = f"datasets/{other}/diff"
        return Difference.model_validate(
            await self._line.json("GET", path, principal, domain, params=params)
        )

    async def formats(self, principal: Principal) -> list[Format]:
        found = await self._line.json("GET", "dataset-formats", principal)
        return [Format.model_validate(one) for one in found["formats"]]

    async def redaction(self, principal: Principal) -> RedactionRules:
        return RedactionRules.model_validate(await self._line.json("GET", "redaction", principal))

    async def preview(self, principal: Principal, text: str) -> Preview:
        body = {"text": text}
        found = await self._line.json("POST", "redaction/preview", principal, json=body)
        return Preview.model_validate(found)

    async def export(
        self, principal: Principal, name: str, format: str, domain: str | None
    ) -> tuple[ExportManifest, Path]:
        """Where the server has it: it and this program share the data folder."""
        path = f"datasets/{name}/exports"
        body = {"format": format}
        manifest = ExportManifest.model_validate(
            await self._line.json("POST", path, principal, domain, json=body)
        )
        folder = self._line.settings.data / "datasets" / ".exports"
        return manifest, folder / manifest.source.version[:16] / format


class RemoteCuration:
    """What `rag.app.curation.Curation` does for a command line."""

    def __init__(self, app: RemoteApp) -> None:
        self._line: Line = app

    async def review(
        self,
        principal: Principal,
        feedback_ids: Sequence[str],
        state: ReviewState,
        note: str = "",
        domain: str | None = None,
    ) -> int:
        body = {"feedback_ids": [*feedback_ids], "state": state, "note": note, "domain": domain}
        found = await self._line.json("PUT", "feedback/reviews", principal, domain, json=body)
        return int(found["changed"])
