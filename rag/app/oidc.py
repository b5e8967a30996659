"""Signing in at the identity provider: out by `begin`, back by `finish`."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime

from rag.app.accounts import Accounts, Entered
from rag.app.parts import Parts
from rag.backends.oidc import Pending, Provider
from rag.errors import NotFound, RagError, Unauthenticated
from rag.types import utc_now

PATIENCE_S = 600
"""How long somebody may take at the provider."""


class Oidc:
    """What is remembered meanwhile travels sealed in the browser's own cookie."""

    def __init__(self, parts: Parts, accounts: Accounts) -> None:
        self._settings = parts.settings
        self._vault = parts.vault
        self._accounts = accounts
        self._provider = Provider(parts.settings.oidc)

    async def begin(self) -> tuple[str, str]:
        """Where to send the browser, and what to give it to keep. Raises NotFound, Unavailable."""
        if not (self._accounts.required and self._settings.oidc.issuer):
            raise NotFound("No identity provider is configured.")
        url, pending = await self._provider.begin(self._back)
        kept = {**pending.model_dump(), "at": utc_now().isoformat()}
        return url, self._vault.seal(kept)

    async def finish(self, kept: str, state: str, code: str, agent: str) -> Entered:
        """Raises Unauthenticated unless this browser left with this state a moment ago."""
        pending = self._opened(kept)
        if not hmac.compare_digest(pending.state.encode(), state.encode()):
            raise Unauthenticated("This sign-in was not begun here.", hint="Begin again.")
        found = await self._provider.finish(pending, code, self._back)
        return await self._accounts.vouched(
            found.issuer, found.subject, found.name, found.groups, agent
        )

    def _opened(self, kept: str) -> Pending:
        try:
            opened = self._vault.open(kept)
            began = datetime.fromisoformat(opened.pop("at")).astimezone(UTC)
            pending = Pending(**opened)
        except (RagError, KeyError, ValueError, TypeError) as error:
            raise Unauthenticated(
                "This sign-in was not begun here.", hint="Begin again."
            ) from error
        if (utc_now() - began).total_seconds() > PATIENCE_S:
            raise Unauthenticated("This sign-in took too long.", hint="Begin again.")
        return pending

    @property
    def _back(self) -> str:
        return f"{self._settings.server.url}/api/v1/oidc/callback"
