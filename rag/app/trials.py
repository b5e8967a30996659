"""Another model is tried beside the one that answers, compared with it, and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import NamedTuple

from rag.answer.draft import Draft
from rag.answer.support import mean
from rag.app.accounts import Accounts
from rag.app.defaults import Defaults
from rag.app.domains import Domain, Domains
from rag.app.models import Models
from rag.app.parts import Parts
from rag.app.shadows import SECONDS, Shadows
from rag.errors import Conflict, ModelTimeout, NotFound, RagError
from rag.learn.comparison import compared
from rag.models.told import Comparison
from rag.models.writer import Writer
from rag.store.choices import Choice, How, Trial
from rag.store.spending import SHADOW
from rag.store.trials import Shadow, writing_ms
from rag.store.trials import Trials as Store
from rag.types import AskRequest, Principal

FULL = 50
"""Turns of a history that may have lost its first ones."""


class Part(NamedTuple):
    """Who writes an answer, and who wants to know when it is made."""

    writer: Writer
    answered: Callable[[Draft], None]


class Trials:
    """The verbs of a trial, and what it does to questions."""

    def __init__(
        self,
        parts: Parts,
        domains: Domains,
        models: Models,
        defaults: Defaults,
        accounts: Accounts,
    ) -> None:
        self._settings = parts.settings
        self._now = parts.ledger.now
        self._kept = Store(parts.ledger.database)
        self._domains = domains
        self._models = models
        self._defaults = defaults
        self._accounts = accounts
        self._shadows = Shadows()

    # --- the verbs ---

    async def begin(
        self,
        principal: Principal,
        model: str,
        how: How,
        share: float,
        domain: str | None = None,
        override: str = "",
    ) -> Choice:
        """Let a model or route answer a share of the conversations (canary), or a share of the
        questions once more, without being shown (shadow) or for people to choose between the two
        (pair), from the next question on.

        Raises NotFound, InvalidInput, or Conflict: it answers already, or would be shown to people
        though it is below the pack's floor, without an `override` that says why.
        """
        pack = self._domains.get(domain).pack
        made = await self._defaults.begin(principal, model, how, share, pack, override)
        said = {"domain": pack.name, "how": how, "share": share, "override": override}
        await self._accounts.wrote(principal, "try model", model, **said)
        return made

    async def stop(self, principal: Principal, domain: str | None = None) -> Choice:
        """End the trial; from the next question on the default alone answers. Raises Conflict."""
        pack = self._domains.get(domain).pack
        made = await self._defaults.stop(principal, pack)
        await self._accounts.wrote(principal, "stop trial", pack.name)
        return made

    async def roll_back(self, principal: Principal, domain: str | None = None) -> Choice:
        """End the trial, or without one let what answered before answer from the next question on.

        Raises Conflict when there is nothing to go back to.
        """
        pack = self._domains.get(domain).pack
        made = await self._defaults.roll_back(principal, pack)
        now = made.model or "as configured"
        await self._accounts.wrote(principal, "roll back model", now, domain=pack.name)
        return made

    async def compare(self, principal: Principal, domain: str | None = None) -> Comparison:
        """The two sides of the latest trial since it began. Raises NotFound without one."""
        pack = self._domains.get(domain).pack
        choices = await self._defaults.tried(pack)
        trial = choices[-1].trial if choices else None
        if trial is None:
            raise NotFound(
                f"Nothing was ever tried in '{pack.name}'.", hint="Begin: rag models try NAME."
            )
        since = choices[0].chosen_at
        found, missing = await asyncio.to_thread(self._kept.observed, pack.name, trial, since)
        running = (await self._defaults.standing(pack)).trial
        return await asyncio.to_thread(
            compared,
            found,
            domain=pack.name,
            trial=trial,
            champion=choices[-1].model or self._settings.answer.model,
            since=since,
            running=running is not None and running.id == trial.id,
            missing=missing,
        )

    # --- what it does to questions ---

    async def part(self, principal: Principal, request: AskRequest, domain: Domain) -> Part:
        """Who writes this answer; close the writer. Raises NotFound, ConfigError, ModelError.

        A question that names a model takes no part in any trial. Raises Conflict for a second
        answer where none is asked for.
        """
        name = domain.pack.name
        standing = await self._defaults.standing(domain.pack)
        trial = standing.trial
        if request.beside is not None:
            return self._second(principal, request, name, trial)
        champion = self._models.writer(principal, request, name, standing.model)
        if trial is None or request.model is not None:
            return Part(champion, _ignored)
        if trial.how == "pair":
            two = request.conversation is not None and trial.takes(_asked(request))
            champion.trial = {"id": trial.id, "side": "champion", "pair": two}
            return Part(champion, _ignored)
        if trial.how == "shadow":
            champion.trial = {"id": trial.id, "side": "champion"}
            return Part(champion, partial(self._repeat, domain, trial))
        turn = trial.takes(talk(principal, request))
        writer = champion
        if turn:
            writer = self._models.writer(principal, request, name, trial.model, champion)
        writer.trial = {"id": trial.id, "side": "challenger" if turn else "champion"}
        return Part(writer, _ignored)

    def _second(
        self, principal: Principal, request: AskRequest, domain: str, trial: Trial | None
    ) -> Part:
        if trial is None or trial.how != "pair" or not trial.takes(_asked(request)):
            raise Conflict("No second answer is asked for here.", hint="Keep the first one.")
        # Whoever took over from it would be taken for it.
        writer = self._models.writer(principal, request, domain, trial.model)
        writer.trial = {"id": trial.id, "side": "challenger"}
        return Part(writer, _ignored)

    async def aclose(self) -> None:
        await self._shadows.aclose()

    def _repeat(self, domain: Domain, trial: Trial, draft: Draft) -> None:
        if trial.takes(draft.trace_id):
            self._shadows.offer(lambda: self._shadow(draft, domain, trial))

    async def _shadow(self, draft: Draft, domain: Domain, trial: Trial) -> None:
        """Answer once more with the model on trial, and keep what can be measured of it."""
        of = Shadow(trace_id=draft.trace_id, trial=trial.id, model=trial.model, at=self._now())
        name, nobody = domain.pack.name, Principal(id=SHADOW)
        price: str | None = None
        try:
            with closing(self._models.writer(nobody, draft.request, name, trial.model)) as writer:
                other = domain.asker.another(draft, writer, nobody)
                try:
                    of = await self._measured(of, other, domain)
                finally:
                    spent, price = other.usage, writer.story()["price"]
                    of = of.model_copy(update={"model": writer.name, **spent.model_dump()})
        except RagError as error:
            of = of.model_copy(update={"fault": error.code})
        await asyncio.to_thread(self._kept.keep, of, name, price)

    async def _measured(self, of: Shadow, made: Draft, domain: Domain) -> Shadow:
        try:
            async with asyncio.timeout(SECONDS):
                await domain.asker.write(made)
        except TimeoutError as error:
            said = f"The model '{made.writer.name}' was not done within {SECONDS:g} seconds."
            raise ModelTimeout(said) from error
        return of.model_copy(
            update={
                "abstained": made.abstained,
                "support": mean(made.claims),
                "citations": len(made.citations),
                "ms": writing_ms(made.timings),
            }
        )


def _ignored(draft: Draft) -> None:
    """Nobody wants to know."""


def _asked(request: AskRequest) -> str:
    """The same for both answers to a question of a conversation."""
    return f"{request.conversation}\0{request.question}"


def talk(principal: Principal, request: AskRequest) -> str:
    """The same for every question of a conversation, so that one model answers all of them.

    Where none is named it is told by its first question; a history that may have lost that one
    counts as any of the person's.
    """
    if request.conversation is not None:
        return request.conversation
    if len(request.history) >= FULL:
        return f"{principal.id}\0"
    asked = [turn.content for turn in request.history if turn.role == "user"]
    return f"{principal.id}\0{[*asked, request.question][0]}"
