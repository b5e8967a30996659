"""Who may call a route: every route declares a policy, and a test counts that none forgot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from pydantic_core import from_json

from rag.api.state import app_of, state_of
from rag.config import Settings
from rag.errors import Forbidden, InvalidInput, Unavailable
from rag.people import Caller
from rag.types import Principal, Role

AS_HEADER = "X-Ratchet-As"
DOMAIN_HEADER = "X-Ratchet-Domain"
MAX_TOKEN = 500


class Policy:
    """Lets through whoever has the role in the domain that is asked, and says who it is.

    What is about every domain at once takes the role in the default one.
    """

    def __init__(self, role: Role, *, everywhere: bool = False) -> None:
        self.role = role
        self.everywhere = everywhere

    async def __call__(self, request: Request) -> Principal:
        """Status, roles and scopes are read anew at each request.

        Without accounts there is one user with every role, who may ask as a person of the domain.
        """
        app = app_of(request)
        who = await caller(request)
        state_of(request).pace.require(who)
        user = _one(request, AS_HEADER)
        if user is not None and not who.may_act_for_others:
            raise Forbidden(f"{AS_HEADER} is for whoever runs the server.")
        domain = await self._domain(request)
        principal = await asyncio.to_thread(app.person, user or who.user, domain)
        if user is None:
            roles = principal.roles & who.scopes
            key = who.handle if who.carrier == "key" else ""
            principal = principal.model_copy(update={"roles": roles, "key": key})
        if self.role not in principal.roles:
            raise Forbidden(
                f"'{principal.id}' lacks the role '{self.role.value}'.",
                hint="A key with that scope is needed."
                if who.carrier == "key"
                else "Ask as someone who has it.",
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


async def caller(request: Request) -> Caller:
    """Who makes the request: by session cookie, API key, or, without accounts, by being here.

    Raises Unauthenticated, and Forbidden for what a page elsewhere had a browser send.
    """
    known: Caller | None = getattr(request.state, "caller", None)
    if known is None:
        app = app_of(request)
        scheme, _, token = (_one(request, "Authorization", MAX_TOKEN) or "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        cookie = request.cookies.get(cookie_name(app.settings), "")[:MAX_TOKEN]
        known = await app.accounts.caller(bearer, cookie)
        if known.carrier == "session":
            _require_own_page(request)
        request.state.caller = known
    return known


def cookie_name(settings: Settings) -> str:
    """A browser takes a `__Host-` cookie over TLS and from this very host only."""
    return "__Host-ratchet" if settings.server.public_url.startswith("https:") else "ratchet"


def _require_own_page(request: Request) -> None:
    """What changes something and carries a cookie must come from a page of ours, and say so."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    # A foreign Origin never comes here: the guard refuses it.
    if site not in ("same-origin", "none") if site is not None else origin is None:
        raise Forbidden(
            "A session is for the page; this request does not come from it.",
            hint="Programs send an API key: Authorization: Bearer rk_...",
        )


def public() -> None:
    """The policy of what anyone may see: health, metrics and the page."""


CallerOf = Annotated[Caller, Depends(caller)]
User = Annotated[Principal, Depends(Policy(Role.USER))]
Admin = Annotated[Principal, Depends(Policy(Role.ADMIN))]
Keeper = Annotated[Principal, Depends(Policy(Role.ADMIN, everywhere=True))]
Data = Annotated[Principal, Depends(Policy(Role.DATA))]
Public = Depends(public)


async def room(request: Request, who: CallerOf) -> AsyncIterator[None]:
    """A place among the answers being made, kept until the last byte is sent.

    Raises RateLimited where this person has as many as one may, Unavailable where none is left.
    """
    state = state_of(request)
    async with state.pace.asking(who):
        if state.free.locked():
            raise Unavailable(
                "As many answers as allowed are being made.", hint="Try again in a moment."
            )
        async with state.free:
            yield


Room = Depends(room)


async def _of_body(request: Request) -> str | None:
    """The domain that the body names. A body that is not as it should be, its route refuses."""
    try:
        body: Any = from_json(await request.body())
    except ValueError:
        return None
    domain = cast("dict[str, Any]", body).get("domain") if isinstance(body, dict) else None
    return domain if isinstance(domain, str) else None


def _one(request: Request, name: str, longest: int = 100) -> str | None:
    values = request.headers.getlist(name)
    if len(values) > 1 or any(not 0 < len(value) <= longest for value in values):
        raise InvalidInput(f"The header {name} is repeated, empty or too long.")
    return values[0] if values else None
