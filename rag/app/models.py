"""The declared language models and routes, each made when it is first asked."""

from __future__ import annotations

from rag.backends.llamaindex import build_generator
from rag.config import CandidateSettings, RouteSettings, Settings
from rag.errors import ConfigError, NotFound, did_you_mean
from rag.models.breaker import Breaker
from rag.models.budgets import Budgets, Purse
from rag.models.candidates import EXTRACTIVE, Candidate, Model, asked
from rag.models.writer import Writer
from rag.types import AskRequest, Principal


class Models:
    """Finds who answers by the name of a model or a route; `extractive` is always there."""

    def __init__(self, settings: Settings, budgets: Budgets) -> None:
        self.budgets = budgets
        self._settings = settings
        self._made: dict[str, Model] = {}

    def writer(
        self,
        principal: Principal,
        request: AskRequest,
        domain: str,
        default: str = "",
        after: Writer | None = None,
    ) -> Writer:
        """Who writes this answer; `close` it. Raises NotFound, ConfigError, ModelError.

        `default` is the name of who answers when the request names nobody; empty: the configured.
        `after`, never closed, is whose candidates take over where none of these begins.
        """
        wanted = request.model or default or self._settings.answer.model
        route = self._settings.routes.get(wanted)
        purse = Purse(self.budgets, principal.id, domain)
        if route is None or wanted in (EXTRACTIVE, *self._settings.models):
            alone = CandidateSettings(model=wanted)
            question = asked(request, domain, RouteSettings(candidates=(alone,)))
            # With others after it, one that cannot be asked stops none of them.
            one = self._candidate(alone) if after else Candidate(self._alone(wanted), alone)
            return Writer(wanted, [one], question, purse=purse, after=after)
        return Writer(
            wanted,
            [self._candidate(one) for one in route.candidates],
            asked(request, domain, route),
            route.requires,
            route.deadline_seconds,
            purse,
            after=after,
        )

    def judge(self, principal: Principal, request: AskRequest, domain: str) -> Writer:
        """Who judges the claims of an answer to this question; `close` it. Raises as `writer`."""
        asked = AskRequest(question=request.question, model=self._settings.answer.judge)
        return self.writer(principal, asked, domain)

    def model(self, name: str) -> Model:
        """A declared model, ready to be asked. Raises NotFound, ConfigError."""
        declared = self._settings.models.get(name)
        if declared is None:
            known = [EXTRACTIVE, *self._settings.models, *self._settings.routes]
            raise NotFound(f"There is no model '{name}'.", hint=did_you_mean(name, known))
        if name not in self._made:
            gateway = self._settings.gateway
            self._made[name] = Model(
                name=name,
                settings=declared,
                generator=build_generator(name, declared, local_only=gateway.local_only),
                breaker=Breaker(name, gateway.breaker_failures, gateway.breaker_seconds),
            )
        return self._made[name]

    async def aclose(self) -> None:
        for model in self._made.values():
            await model.generator.aclose()

    def _alone(self, name: str) -> Model | None:
        return None if name == EXTRACTIVE else self.model(name)

    def _candidate(self, rule: CandidateSettings) -> Candidate:
        if rule.model == EXTRACTIVE:
            return Candidate(None, rule)
        try:
            return Candidate(self.model(rule.model), rule)
        except (ConfigError, NotFound) as error:
            return Candidate(None, rule, problem=error.message)
