"""The routes by which admins add models while the server runs, and give them keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field, SecretStr

from rag.api.policy import Keeper
from rag.api.routes import RESPONSES
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.config import AddedModelSettings
from rag.models.told import DeclaredModel
from rag.types import Data as Body

Name = Annotated[str, Path(min_length=1, max_length=200, description="A model's name.")]
Key = Annotated[SecretStr, Field(min_length=1, max_length=4_000)]

router = APIRouter(prefix="/api/v1/models/declared", route_class=StrictRoute, responses=RESPONSES)


class DeclaredModels(Body):
    models: list[DeclaredModel]


class AddModel(Body):
    """What to ask, and the key to send there; without one, the key that it has stays."""

    settings: AddedModelSettings
    key: Key | None = None


class GiveKey(Body):
    key: Key


@router.get("")
async def declared(who: Keeper, server: Server) -> DeclaredModels:
    """The models of the configuration and those that were added, with their settings.

    Of a key it is told that there is one, and who gave it when.
    """
    return DeclaredModels(models=await server.app.declared.list(who))


@router.put("/{name}")
async def put(name: Name, body: AddModel, who: Keeper, server: Server) -> DeclaredModel:
    """Add a model, or let it be another, from the next question on.

    409 for a name that the configuration declares, and where its key is for another address.
    """
    key = body.key.get_secret_value() if body.key is not None else None
    return await server.app.declared.put(who, name, body.settings, key)


@router.delete("/{name}", status_code=204, response_class=Response)
async def remove(name: Name, who: Keeper, server: Server) -> None:
    """Forget an added model and its key; 409 where it answers, is tried or is configured."""
    await server.app.declared.remove(who, name)


@router.put("/{name}/key")
async def set_key(name: Name, body: GiveKey, who: Keeper, server: Server) -> DeclaredModel:
    """Give a model a key, also one that the configuration declares without; it is never told."""
    return await server.app.declared.set_key(who, name, body.key.get_secret_value())


@router.delete("/{name}/key", status_code=204, response_class=Response)
async def remove_key(name: Name, who: Keeper, server: Server) -> None:
    """Forget the key that an admin gave."""
    await server.app.declared.remove_key(who, name)
