"""The verbs of adding models and giving them keys, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from rag.models.told import DeclaredModel
from rag.remote.line import Line
from rag.types import Principal

if TYPE_CHECKING:
    from rag.config import AddedModelSettings
    from rag.remote import RemoteApp


class RemoteDeclared:
    """What `rag.app.added_models.DeclaredModels` does for a command line."""

    def __init__(self, app: RemoteApp) -> None:
        self._line: Line = app

    async def list(self, principal: Principal) -> list[DeclaredModel]:
        found = await self._line.json("GET", "models/declared", principal)
        return [DeclaredModel.model_validate(one) for one in found["models"]]

    async def put(
        self, principal: Principal, name: str, settings: AddedModelSettings, key: str | None = None
    ) -> DeclaredModel:
        body = {"settings": settings.model_dump(mode="json", exclude_unset=True), "key": key}
        return DeclaredModel.model_validate(
            await self._line.json("PUT", _path(name), principal, json=body)
        )

    async def remove(self, principal: Principal, name: str) -> None:
        await self._line.send("DELETE", _path(name), principal)

    async def set_key(self, principal: Principal, name: str, key: str) -> DeclaredModel:
        path = f"{_path(name)}/key"
        return DeclaredModel.model_validate(
            await self._line.json("PUT", path, principal, json={"key": key})
        )

    async def remove_key(self, principal: Principal, name: str) -> None:
        await self._line.send("DELETE", f"{_path(name)}/key", principal)


def _path(name: str) -> str:
    return f"models/declared/{quote(name, safe='')}"
