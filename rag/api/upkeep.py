"""The routes of how a deployment is set and kept: its settings, and what keeps it well."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from rag.api.policy import Keeper
from rag.api.routes import RESPONSES
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.app.drafting import Drafted
from rag.app.upkeep import Condition
from rag.config import ToldSection, told
from rag.types import Data as Body

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class Told(Body):
    file: str
    """Where the configuration is read from; empty where no file sets anything."""
    sections: list[ToldSection]


class DraftText(Body):
    text: str = Field(max_length=500_000, description="All of a configuration file, as TOML.")


@router.get("/settings")
async def settings(who: Keeper, server: Server) -> Told:
    """Every setting in use, with its meaning and where it is from; of secrets, whether they are."""
    sections = told(server.app.settings)
    files = {one.where for part in sections for one in part.settings if one.origin == "file"}
    return Told(file=min(files, default=""), sections=sections)


@router.post("/settings/check")
async def check(body: DraftText, who: Keeper, server: Server) -> Drafted:
    """What the next start would say of a configuration file with this text; nothing is changed."""
    return await server.app.draft_settings(who, body.text)


@router.get("/upkeep")
async def upkeep(who: Keeper, server: Server) -> Condition:
    """The last backup, what is stored, house that was kept, and who does the runs."""
    return await server.app.upkeep(who)
