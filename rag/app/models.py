"""The declared language models and routes, each made when it is first asked."""

from __future__ import annotations

import threading

from rag.app.declared import Declarations, Declared
from rag.backends.generators import build_generator
from rag.config import CandidateSettings, RouteSettings, Settings
from rag.errors import ConfigError, ModelKeyless, NotFound, did_you_mean
from rag.models.breaker import Breaker
from rag.models.budgets import Budgets, Purse
from rag.models.candidates import EXTRACTIVE, Candidate, Model, asked
from rag.models.writer import Writer
from rag.protocols import Generator
from rag.types import AskRequest, Principal


class Models:
    """Finds who answers by the name of a model or a route; `extractive` is always there.

    A model that was changed or removed is another one, or none, for whoever asks after `see`; who
    was given it before goes on with it, and then its connections are closed. Safe in any thread.
    """

    def __init__(self, settings: Settings, budgets: Budgets, declared: Declarations) -> None:
        self.budgets = budgets
        self.declared = declared
        self._settings = settings
        self._lock = threading.Lock()
        self._made: dict[str, tuple[Declared, Model]] = {}
        self._retired: list[Model] = []

    @property
    def known(self) -> list[str]:
        """Every name that can be asked."""
        return [EXTRACTIVE, *self.declared.names, *self._settings.routes]

    def refresh(self) -> None:
        """See what any process changed. Blocks."""
        if self.declared.refresh():
            self._retire()

    def see(self, revision: int) -> None:
        """See what was changed, if the revision says that something was; then it blocks."""
        if self.declared.see(revision):
            self._retire()

    async def tidy(self) -> None:
        """Close the connections of models that were changed or removed, once nobody uses them."""
        while self._retired:
            await self._retired.pop().generator.aclose()

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
        if route is None or wanted in (EXTRACTIVE, *self.declared.names):
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
        """A declared model, ready to be asked. Raises NotFound, ConfigError, ModelKeyless."""
        declared = self.declared.get(name)
        if declared is None:
            raise NotFound(f"There is no model '{name}'.", hint=did_you_mean(name, self.known))
        with self._lock:
            before = self._made.pop(name, None)
            if before is not None and before[0] == declared:
                self._made[name] = before
                return before[1]
            if before is not None:
                self._retired.append(before[1])
            gateway = self._settings.gateway
            settings, meant = self.declared.whole(declared), declared.added is None
            model = Model(
                name=name,
                settings=settings,
                generator=build_generator(
                    name, settings, local_only=gateway.local_only, meant=meant
                ),
                breaker=Breaker(name, gateway.breaker_failures, gateway.breaker_seconds),
            )
            self._made[name] = (declared, model)
        return model

    def shortened(self, model: Model, tokens: int) -> Generator:
        """The same model, which may write so many tokens at most; the caller closes it."""
        less = model.settings.model_copy(
            update={"max_output_tokens": min(tokens, model.settings.max_output_tokens)}
        )
        declared = self.declared.get(model.name)
        return build_generator(
            model.name,
            less,
            local_only=self._settings.gateway.local_only,
            meant=declared is not None and declared.added is None,
        )

    async def aclose(self) -> None:
        await self.tidy()
        for _, model in self._made.values():
            await model.generator.aclose()

    def _retire(self) -> None:
        with self._lock:
            for name, (declared, model) in [*self._made.items()]:
                if self.declared.get(name) != declared:
                    del self._made[name]
                    self._retired.append(model)

    def _alone(self, name: str) -> Model | None:
        return None if name == EXTRACTIVE else self.model(name)

    def _candidate(self, rule: CandidateSettings) -> Candidate:
        if rule.model == EXTRACTIVE:
            return Candidate(None, rule)
        try:
            return Candidate(self.model(rule.model), rule)
        except (ConfigError, NotFound, ModelKeyless) as error:
            return Candidate(None, rule, problem=error.message)
