"""Who may call a route: every route declares a policy, and a test counts that none forgot."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from rag.api.state import app_of
from rag.errors import Forbidden, InvalidInput
from rag.types import Principal, Role

AS_HEADER = "X-Ratchet-As"
DOMAIN_HEADER = "X-Ratchet-Domain"


class Policy:
    """Lets through whoever has the role and says who it is."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, request: Request) -> Principal:
        """On loopback there is one user with every role, who may ask as a person of the pack."""
        app = app_of(request)
        user = _one(request, AS_HEADER)
        principal = app.person(user, _one(request, DOMAIN_HEADER))
        if self.role not in principal.roles:
            raise Forbidden(
                f"'{principal.id}' lacks the role '{self.role.value}'.",
                hint="Ask as someone who has it.",
            )
        return principal


def public() -> None:
    """The policy of what anyone may see: health, metrics and the page."""


User = Annotated[Principal, Depends(Policy(Role.USER))]
Admin = Annotated[Principal, Depends(Policy(Role.ADMIN))]
Data = Annotated[Principal, Depends(Policy(Role.DATA))]
Public = Depends(public)


def _one(request: Request, name: str) -> str | None:
    values = request.headers.getlist(name)
    if len(values) > 1 or any(not 0 < len(value) <= 100 for value in values):
        raise InvalidInput(f"The header {name} is repeated, empty or too long.")
    return values[0] if values else None
