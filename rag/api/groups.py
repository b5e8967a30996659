"""The routes of groups: who is in which, and who is let in or put out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from rag.api.policy import Admin
from rag.api.routes import RESPONSES, Domain
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.types import Data as Body
from rag.types import Group

GroupName = Annotated[str, Path(min_length=1, max_length=100, description="A group's name.")]
User = Annotated[str, Path(min_length=1, max_length=100, description="A person's id.")]

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class Groups(Body):
    groups: list[Group]


@router.get("/groups")
async def groups(who: Admin, server: Server, domain: Domain = None) -> Groups:
    """Every group of the domain with who is in it now."""
    return Groups(groups=await server.app.groups(who, domain))


@router.put("/groups/{group}/members/{user}")
async def add_member(
    group: GroupName, user: User, who: Admin, server: Server, domain: Domain = None
) -> Group:
    """Let a person into a group, which needs no making first; counts from the next question on."""
    return await server.app.change_group(who, group, user, belongs=True, domain=domain)


@router.delete("/groups/{group}/members/{user}")
async def remove_member(
    group: GroupName, user: User, who: Admin, server: Server, domain: Domain = None
) -> Group:
    """Put a person out of a group, whoever said they are in it; counts from the next question."""
    return await server.app.change_group(who, group, user, belongs=False, domain=domain)
