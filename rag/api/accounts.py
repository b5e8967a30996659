"""The routes of people: signing in and out, sessions, API keys, accounts, and what admins did."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import AwareDatetime, Field, SecretStr

from rag.api.once import Once
from rag.api.pages import Cursor, Limit, page
from rag.api.policy import CallerOf, Keeper, Public, User, cookie_name
from rag.api.routes import RESPONSES, Sought
from rag.api.state import Server, State
from rag.api.strict import StrictRoute
from rag.app.oidc import PATIENCE_S
from rag.errors import Conflict, RagError, Unauthenticated
from rag.people import Caller
from rag.store.accounts import Account
from rag.store.audit import Entry, Wanted
from rag.store.signins import ApiKey, SignedIn
from rag.types import Data as Body
from rag.types import Principal, Role

Token = Annotated[str, Field(min_length=1, max_length=200)]
Password = Annotated[SecretStr, Field(max_length=1_000)]
AfterAccount = Annotated[str | None, Query(min_length=1, max_length=100)]
AccountName = Annotated[str, Path(min_length=1, max_length=100, description="An account's name.")]
ObjectId = Annotated[str, Path(pattern=r"^[a-f0-9-]{36}$")]
Said = Annotated[str, Query(max_length=4_000)]
MAX_PENDING = 4_000
REFUSED = "ratchet-refused"
"""The cookie that says why the way back from the identity provider was refused."""
REFUSED_S = 60
Before = Annotated[int | None, Query(ge=1, le=2**62)]
When = Annotated[AwareDatetime | None, Query(description="A time with its zone.")]

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class SignIn(Body):
    name: str = Field(min_length=1, max_length=100)
    password: Password


class Join(Body):
    """What follows a link; the first admin chooses a name, others have theirs."""

    token: Token
    name: str | None = Field(default=None, max_length=100)
    password: Password


class LinkToken(Body):
    token: Token


class Invited(Body):
    name: str | None
    """Null where the bearer chooses."""


class Me(Body):
    """Who the caller is here and now."""

    user: str
    roles: list[Role]
    groups: list[str]
    carrier: str
    """machine: there are no accounts; operator, session, key: how it was shown."""
    keeper: bool
    """May do what is about every domain at once: an admin of the default one."""


class SignInWays(Body):
    accounts: bool
    """False: whoever reaches the server is its single user."""
    provider: str | None
    """What to call the identity provider that people can sign in at."""


class NewPassword(Body):
    before: Password
    after: Password


class Sessions(Body):
    sessions: list[SignedIn]


class Ended(Body):
    ended: int


class NewKey(Body):
    name: str = Field(min_length=1, max_length=100)
    scopes: list[Role] = Field(default=[Role.USER], min_length=1, max_length=len(Role))
    days: float = Field(default=90, gt=0, le=3_650)
    owner: str = Field(default="", max_length=100, description="Only for whoever runs the server.")


class MadeKey(Body):
    key: ApiKey
    secret: str
    """The key itself. It is shown this once."""


class Keys(Body):
    keys: list[ApiKey]
    next: str | None = None
    """The cursor of the next page; null after the last."""


class Invite(Body):
    name: str = Field(min_length=1, max_length=100)
    roles: list[Role] = Field(default=[Role.USER], min_length=1, max_length=len(Role))


class Link(Body):
    link: str
    """For the person alone: it chooses a password, once."""


class Accounts(Body):
    accounts: list[Account]
    next: str | None = None
    """The cursor of the next page; null after the last."""


class AccountChange(Body):
    """What is not given stays."""

    roles: list[Role] | None = Field(default=None, min_length=1, max_length=len(Role))
    suspended: bool | None = None


class AuditPage(Body):
    entries: list[Entry]
    next: int | None
    """The cursor of the next page; null after the last."""


@router.get("/sign-in", dependencies=[Public])
async def ways(server: Server) -> SignInWays:
    """How people sign in here."""
    settings = server.app.settings
    provider = settings.oidc.label if settings.oidc.issuer else None
    return SignInWays(accounts=settings.accounts.required, provider=provider)


@router.post("/session", dependencies=[Public])
async def sign_in(request: Request, response: Response, body: SignIn, server: Server) -> Account:
    """Begin a session; the answer sets its cookie."""
    password = body.password.get_secret_value()
    entered = await server.app.accounts.sign_in(body.name, password, _agent(request))
    set_session(response, server, entered.token)
    return entered.account


@router.get("/oidc/start", dependencies=[Public], status_code=303, response_class=RedirectResponse)
async def leave_for_provider(server: Server) -> RedirectResponse:
    """Send the browser to the identity provider."""
    url, kept = await server.app.oidc.begin()
    response = RedirectResponse(url, 303)
    response.set_cookie(_pending_cookie(server), kept, max_age=PATIENCE_S, **_cookie(server))
    return response


@router.get(
    "/oidc/callback", dependencies=[Public], status_code=303, response_class=RedirectResponse
)
async def back_from_provider(
    request: Request,
    server: Server,
    code: Said = "",
    state: Said = "",
    error: Said = "",
    error_description: Said = "",
    iss: Said = "",
    session_state: Said = "",
    scope: Said = "",
) -> RedirectResponse:
    """Where the identity provider sends the browser back to; begins a session."""
    kept = request.cookies.get(_pending_cookie(server), "")[:MAX_PENDING]
    try:
        if error or not code:
            raise Unauthenticated("The identity provider did not sign this person in.")
        entered = await server.app.oidc.finish(kept, state, code, _agent(request))
        response = RedirectResponse("/", 303)
        set_session(response, server, entered.token)
    except RagError as refused:
        # A person looks at this, so the page tells it. It does not stand in the address, which
        # anybody could make up.
        response = RedirectResponse("/sign-in", 303)
        told: dict[str, Any] = {**_cookie(server), "httponly": False, "path": "/sign-in"}
        response.set_cookie(REFUSED, quote(str(refused)[:500], safe=""), max_age=REFUSED_S, **told)
    response.delete_cookie(_pending_cookie(server), path="/")
    return response


@router.get("/session")
async def me(who: User, caller: CallerOf, server: Server) -> Me:
    return Me(
        keeper=await asyncio.to_thread(_keeps, server, who, caller),
        user=who.id,
        roles=sorted(who.roles),
        groups=sorted(who.groups),
        carrier=caller.carrier,
    )


@router.delete("/session")
async def sign_out(who: User, caller: CallerOf, response: Response, server: Server) -> Ended:
    """End this session."""
    await server.app.accounts.sign_out(caller)
    response.delete_cookie(cookie_name(server.app.settings), path="/")
    return Ended(ended=int(caller.carrier == "session"))


@router.post("/invitations/look", dependencies=[Public])
async def invited(body: LinkToken, server: Server) -> Invited:
    """Whom a link is for."""
    return Invited(name=await server.app.accounts.invited(body.token))


@router.post("/invitations/accept", dependencies=[Public])
async def join(request: Request, response: Response, body: Join, server: Server) -> Account:
    """Choose a password with the token of a link; begins a session."""
    password = body.password.get_secret_value()
    entered = await server.app.accounts.join(body.token, body.name, password, _agent(request))
    set_session(response, server, entered.token)
    return entered.account


@router.put("/password")
async def change_password(
    body: NewPassword, who: User, caller: CallerOf, response: Response, server: Server
) -> Ended:
    """Change one's own password; every session ends, this one too."""
    before, after = body.before.get_secret_value(), body.after.get_secret_value()
    await server.app.accounts.change_password(caller, before, after)
    response.delete_cookie(cookie_name(server.app.settings), path="/")
    return Ended(ended=1)


@router.get("/sessions")
async def sessions(who: User, caller: CallerOf, server: Server) -> Sessions:
    """One's own sessions, the one used last first."""
    return Sessions(sessions=await server.app.accounts.sessions(caller))


@router.delete("/sessions")
async def end_sessions(who: User, caller: CallerOf, server: Server) -> Ended:
    """End all of one's own sessions."""
    return Ended(ended=await server.app.accounts.end_session(caller))


@router.delete("/sessions/{session_id}")
async def end_session(session_id: ObjectId, who: User, caller: CallerOf, server: Server) -> Ended:
    return Ended(ended=await server.app.accounts.end_session(caller, session_id))


@router.get("/keys")
async def keys(
    who: User, caller: CallerOf, server: Server, limit: Limit = 1_000, cursor: Cursor = None
) -> Keys:
    """One's own API keys, newest first; everybody's for whoever runs the server."""
    found = await server.app.accounts.keys(caller, limit + 1, cursor)
    shown, more = page(found, limit, lambda one: one.id)
    return Keys(keys=shown, next=more)


@router.post("/keys")
async def add_key(body: NewKey, who: User, caller: CallerOf, server: Server, once: Once) -> MadeKey:
    """Make an API key; a key itself cannot. Sent again under its idempotency key: 409."""

    async def make() -> MadeKey:
        key, secret = await server.app.accounts.add_key(
            caller, body.name, body.scopes, body.days, body.owner
        )
        return MadeKey(key=key, secret=secret)

    async def again(key_id: str) -> MadeKey:
        raise Conflict(
            f"This request made the key {key_id}, which was shown once.",
            hint="If it was lost on the way, remove it and make another.",
        )

    return await once.made(who, make, lambda made: made.key.id, again)


@router.delete("/keys/{key_id}")
async def remove_key(key_id: ObjectId, who: User, caller: CallerOf, server: Server) -> ApiKey:
    """Remove an API key, from the next request on."""
    return await server.app.accounts.remove_key(caller, key_id)


@router.post("/invitations")
async def invite(body: Invite, who: Keeper, server: Server) -> Link:
    """A link by which a person chooses a password, for the first time or again."""
    return Link(link=await server.app.accounts.invite(who, body.name, body.roles))


@router.get("/accounts")
async def accounts(
    who: Keeper,
    server: Server,
    search: Sought = "",
    limit: Limit = 1_000,
    cursor: AfterAccount = None,
) -> Accounts:
    """By name, with `search` in it, `limit` at a time; `next` is the cursor of the page after."""
    found = await server.app.accounts.list(who, limit + 1, cursor, search)
    shown, more = page(found, limit, lambda one: one.id)
    return Accounts(accounts=shown, next=more)


@router.patch("/accounts/{name}")
async def change_account(
    name: AccountName, body: AccountChange, who: Keeper, server: Server
) -> Account:
    """Change roles or suspend, from the next request on."""
    return await server.app.accounts.change(who, name, roles=body.roles, suspended=body.suspended)


@router.get("/audit")
async def audit(
    who: Keeper,
    server: Server,
    limit: Limit = 100,
    before: Before = None,
    actor: Sought = "",
    act: Sought = "",
    object: Sought = "",
    since: When = None,
    until: When = None,
    refused: bool | None = None,
) -> AuditPage:
    """Who did what, newest first; `next` is `before` of the page after this one.

    Narrowed to parts of `actor` and `object`, to one `act`, to what was done from `since` on and
    before `until`, and to what was `refused` or was not.
    """
    wanted = Wanted(actor=actor, act=act, object=object, since=since, before=until, refused=refused)
    entries = await server.app.accounts.audit(who, limit + 1, before, wanted)
    shown, more = page(entries, limit, lambda one: one.id)
    return AuditPage(entries=shown, next=more)


def set_session(response: Response, server: State, token: str) -> None:
    """The cookie lasts no longer than the session can."""
    settings = server.app.settings
    age = int(settings.accounts.absolute_hours * 3600)
    response.set_cookie(cookie_name(settings), token, max_age=age, **_cookie(server))


def _cookie(server: State) -> dict[str, Any]:
    """Scripts cannot read it and other sites cannot have it sent along with what changes."""
    secure = server.app.settings.server.public_url.startswith("https:")
    return {"httponly": True, "samesite": "lax", "path": "/", "secure": secure}


def _pending_cookie(server: State) -> str:
    return f"{cookie_name(server.app.settings)}-oidc"


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")


def _keeps(server: State, who: Principal, caller: Caller) -> bool:
    try:
        found = server.app.person(who.id, None)
    except RagError:
        return False
    return Role.ADMIN in found.roles & caller.scopes
