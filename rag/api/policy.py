"""Who may call a route: every route declares a policy, and a test counts that none forgot."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from pydantic_core import from_json

from rag.api.state import app_of
from rag.errors import Forbidden, InvalidInput
from rag.types import Principal, Role

AS_HEADER = "X-Ratchet-As"
DOMAIN_HEADER = "X-Ratchet-Domain"


class Policy:
    """Lets through whoever has the role in the domain that is asked, and says who it is.

    What is about every domain at once takes the role in the default one.
    """

    def __init__(self, role: Role, *, everywhere: bool = False) -> None:
        self.role = role
        self.everywhere = everywhere

    async def __call__(self, request: Request) -> Principal:
        """On loopback there is one user with every role, who may ask as a person of the domain."""
        app = app_of(request)
        user = _one(request, AS_HEADER)
        principal = await asyncio.to_thread(app.person, user, await self._domain(request))
        if self.role not in principal.roles:
            raise Forbidden(
                f"'{principal.id}' lacks the role '{self.role.value}'.",
                hint="Ask as someone who has it.",
            )
        return principal

    async def _domain(self, request: Request) -> str | None:
        """The domain that a request is about, whose people and roles count.

        Raises InvalidInput where the header says another: a role in one domain is none in the
        other.
        """
        named = _one(request, DOMAIN_HEADER)
        route: APIRoute = request.scope["route"]
        body = route.body_field.field_info.annotation if route.body_field else None
        if self.everywhere:
            asked = None
        elif "domain" in getattr(body, "model_fields", {}):
            asked = await _of_body(request)
        elif any(parameter.alias == "domain" for parameter in route.dependant.query_params):
            asked = request.query_params.get("domain")
        else:
            return named
        about = asked or app_of(request).settings.domain
        if named is not None and named != about:
            raise InvalidInput(
                f"The request is about the domain '{about[:100]}', {DOMAIN_HEADER} about '{named}'."
            )
        return about


def public() -> None:
    """The policy of what anyone may see: health, metrics and the page."""


User = Annotated[Principal, Depends(Policy(Role.USER))]
Admin = Annotated[Principal, Depends(Policy(Role.ADMIN))]
Keeper = Annotated[Principal, Depends(Policy(Role.ADMIN, everywhere=True))]
Data = Annotated[Principal, Depends(Policy(Role.DATA))]
Public = Depends(public)


async def _of_body(request: Request) -> str | None:
    """The domain that the body names. A body that is not as it should be, its route refuses."""
    try:
        body: Any = from_json(await request.body())
    except ValueError:
        return None
    domain = cast("dict[str, Any]", body).get("domain") if isinstance(body, dict) else None
    return domain if isinstance(domain, str) else None


def _one(request: Request, name: str) -> str | None:
    values = request.headers.getlist(name)
    if len(values) > 1 or any(not 0 < len(value) <= 100 for value in values):
        raise InvalidInput(f"The header {name} is repeated, empty or too long.")
    return values[0] if values else None
