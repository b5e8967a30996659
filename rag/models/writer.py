"""Whoever writes one answer: the candidates in order, until one begins."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, cast

import structlog

from rag.errors import (
    BudgetSpent,
    ModelBroken,
    ModelBusy,
    ModelCut,
    ModelEmpty,
    ModelError,
    ModelTimeout,
    ModelUnreachable,
    RagError,
)
from rag.models.budgets import Purse
from rag.models.candidates import CARD_EXTRACTIVE, Asked, Candidate, Model, ModelCard, unfit
from rag.types import Data, Finish, Hit, Message, Usage

_AGAIN = (ModelBusy, ModelBroken, ModelUnreachable, ModelCut)
"""Failures that may be over in a moment."""
_FIRST_WAIT, _JITTER, _LONGEST_WAIT = 0.1, 0.4, 2.0
log = structlog.get_logger(__name__)


class Attempt(Data):
    """What became of one candidate. unfit: its conditions; skipped: nobody asked it, for now."""

    model: str
    outcome: Literal["unfit", "skipped", "failed", "left", "answered"]
    code: str = ""
    reason: str = ""
    tries: int = 0
    ms: float = 0.0
    """To its first word, or to its failure."""


class Writer:
    """Writes one answer, once. Falls back to the next candidate only before the first word.

    Every candidate is given the same messages, so `[n]` means the same passage whoever answers.
    Nobody composes where only quoting is left: then `quotes` is true and the caller quotes.
    Making one raises ModelError when no candidate is for the question.
    """

    def __init__(
        self,
        route: str,
        candidates: Sequence[Candidate],
        question: Asked,
        requires: Sequence[str] = (),
        deadline_seconds: float | None = None,
        purse: Purse | None = None,
        rng: random.Random | None = None,
        after: Writer | None = None,
    ) -> None:
        """`after`: whose candidates take over, in time of their own, where none of these began."""
        self.route = route
        self.attempts: list[Attempt] = []
        self.finish: Finish | None = None
        self.trial: Mapping[str, Any] | None = None
        fit: list[Candidate] = []
        for candidate in candidates:
            if reason := unfit(candidate, question, requires):
                self._note(candidate.name, "unfit", reason=reason)
            else:
                fit.append(candidate)
        self._legs = [(fit, deadline_seconds)]
        if after is not None:
            self._legs += after._legs
            self.attempts += after.attempts
        self._fit = [candidate for leg, _ in self._legs for candidate in leg]
        if not self._fit:
            why = ", ".join(f"{one.model} ({one.reason})" for one in self.attempts)
            raise ModelError(
                f"No model of '{route}' is for this question: {why}.",
                hint=f"Give routes.{route} a last candidate without conditions, extractive say.",
            )
        self._purse = purse
        self._another = lambda: Writer(
            route,
            candidates,
            question,
            requires,
            deadline_seconds,
            purse and purse.another(),
            rng,
            after and after.another(),
        )
        self._broke = False
        self._rng = rng or random.Random()
        self._chosen: Candidate | None = None
        self._messages: Sequence[Message] = ()
        self._text: list[str] = []

    # --- before it is asked ---

    @property
    def composes(self) -> bool:
        """A model is asked first."""
        return self._fit[0].model is not None

    @property
    def first(self) -> Mapping[str, Any]:
        """The model that is asked first: what of its settings its text depends on."""
        model = self._fit[0].model
        if model is None:
            return {}
        return {**model.card.model_dump(), "base_url": model.settings.base_url}

    @property
    def room(self) -> int:
        """Tokens of messages that every candidate can take."""
        return min(m.generator.context_window - m.generator.max_output_tokens for m in self._models)

    def count_tokens(self, text: str) -> int:
        """By the candidate that counts most."""
        return max(model.generator.count_tokens(text) for model in self._models)

    # --- what came of it ---

    @property
    def quotes(self) -> bool:
        """It is for the caller to quote: no model wrote, and the route ends in quoting."""
        return self._asked_last.model is None

    @property
    def as_planned(self) -> bool:
        """The first candidate's text, to its end."""
        whole = self.finish is not None and self.finish.reason == "stop"
        return self._chosen is self._fit[0] and whole

    @property
    def name(self) -> str:
        """Who answered, or would be asked first."""
        return self._asked_last.name

    @property
    def card(self) -> ModelCard:
        model = self._asked_last.model
        return model.card if model else CARD_EXTRACTIVE

    @property
    def usage(self) -> Usage:
        """Tokens and cost so far, of the model that wrote; counted here where it does not say."""
        model = self._chosen.model if self._chosen else None
        if model is None:
            return Usage()
        told, count = self.finish or Finish(), model.generator.count_tokens
        prompt, completion = told.prompt_tokens, told.completion_tokens
        if prompt is None or completion is None:
            prompt = sum(count(message.content) for message in self._messages)
            completion = count("".join(self._text))
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            cost=model.price.of(prompt, completion),
        )

    def story(self) -> dict[str, Any]:
        """For the trace: who was asked, who answered, who failed and why, where prices are from."""
        model = self._chosen.model if self._chosen else None
        return {
            "name": self.route,
            "attempts": [attempt.model_dump() for attempt in self.attempts],
            "finish": self.finish.reason if self.finish else None,
            "price": model.price.origin if model else None,
            "counted": self.finish is None or self.finish.prompt_tokens is None,
            **({"trial": self._side(self.trial)} if self.trial is not None else {}),
        }

    def _side(self, trial: Mapping[str, Any]) -> Mapping[str, Any]:
        """Which side of a trial this was, and whether the other one had to take over."""
        first = [id(candidate) for candidate in self._legs[0][0]]
        fell_back = self._chosen is not None and id(self._chosen) not in first
        return {**trial, "fell_back": fell_back}

    # --- asking ---

    def another(self) -> Writer:
        """One like it, for a text that goes before the answer; to be closed by itself."""
        return self._another()

    def close(self) -> None:
        """Nothing more is spent by it; say so once its cost is on record. May be said again."""
        if self._purse is not None:
            self._purse.give_back()

    async def stream(self, messages: Sequence[Message], hits: Sequence[Hit]) -> AsyncGenerator[str]:
        """The text, or nothing where the caller has to quote. Raises ModelError, Forbidden."""
        self._messages = messages
        loop = asyncio.get_running_loop()
        problems: list[tuple[str, RagError]] = []
        for leg, seconds in self._legs:
            end = loop.time() + seconds if seconds is not None else None
            for candidate in leg:
                model = candidate.model
                if model is None:
                    self._chosen = candidate
                    return
                if reason := await self._refusal(candidate, model, end):
                    self._note(candidate.name, "skipped", reason=reason)
                    continue
                text = self._ask(candidate, model, messages, hits, end)
                try:
                    async for piece in text:
                        self._text.append(piece)
                        yield piece
                except RagError as error:
                    if self._chosen is not None:
                        raise
                    problems.append((candidate.name, error))
                else:
                    return
                finally:
                    await text.aclose()
        raise self._nobody(problems)

    async def _refusal(self, candidate: Candidate, model: Model, end: float | None) -> str:
        """Why it is not worth asking now; empty when it is."""
        rule = candidate.rule
        left = end - asyncio.get_running_loop().time() if end is not None else None
        if left is not None and left <= rule.needs_seconds:
            return f"needs {rule.needs_seconds:g} seconds, {max(left, 0):.1f} are left"
        price = await asyncio.to_thread(lambda: model.price)
        cost = self._estimate(model)
        if rule.max_cost is not None and price.origin == "unknown":
            return "nobody knows what it costs"
        if rule.max_cost is not None and cost > rule.max_cost:
            return f"would cost up to {cost:.4f} USD"
        if self._purse is not None and (spent := await self._purse.take(model.name, cost)):
            self._broke = True
            return f"the budget '{spent}' is spent"
        if not model.breaker.admit():
            return "left alone after failures"
        return ""

    def _estimate(self, model: Model) -> float:
        """The most that the answer may cost, in USD, as far as tokens can be counted here."""
        prompt = sum(model.generator.count_tokens(message.content) for message in self._messages)
        return model.price.of(prompt, model.generator.max_output_tokens)

    async def _ask(
        self,
        candidate: Candidate,
        model: Model,
        messages: Sequence[Message],
        hits: Sequence[Hit],
        end: float | None,
    ) -> AsyncGenerator[str]:
        """One candidate's text. The breaker learns how it went, the attempts too."""
        began = time.perf_counter()
        tries = 0

        async def begin() -> tuple[str, AsyncGenerator[str]]:
            nonlocal tries
            tries += 1
            return await self._first(model, messages, hits)

        text: AsyncGenerator[str] | None = None
        try:
            soon = candidate.rule.first_token_seconds
            start = asyncio.get_running_loop().time()
            limit = min((t for t in (start + soon if soon else None, end) if t), default=None)
            async with _within(limit, start, model.name, "begin"):
                piece, text = await self._tried(model, begin)
            self._chosen = candidate
            self._note(candidate.name, "answered", tries=tries, since=began)
            while True:
                yield piece
                async with _within(end, start, model.name, "finish"):
                    piece = await anext(text)
        except StopAsyncIteration:
            model.breaker.passed()
        except RagError as error:
            model.breaker.failed(error)
            if self._chosen is not None:
                # Once there is text to be seen nobody else may go on with it.
                self.attempts.pop()
            self._note(candidate.name, "failed", error.code, error.message[:300], tries, began)
            log.warning("model failed", model=candidate.name, route=self.route, code=error.code)
            raise
        except BaseException:
            model.breaker.left()
            if self._chosen is None:
                self._note(candidate.name, "left", tries=tries, since=began)
            raise
        finally:
            if text is not None:
                await text.aclose()

    async def _tried(
        self, model: Model, begin: Callable[[], Awaitable[tuple[str, AsyncGenerator[str]]]]
    ) -> tuple[str, AsyncGenerator[str]]:
        """Begins, more than once where that may help."""
        # A third of a second to import, which only a question to a model waits for.
        import stamina

        def again(error: Exception) -> bool | float:
            if not isinstance(error, _AGAIN):
                return False
            wait = getattr(error, "wait_seconds", None)
            if wait is None:
                return True
            # Whoever asks for longer is not waited for: another one may answer meanwhile.
            return wait <= _LONGEST_WAIT and wait + self._rng.uniform(0, _JITTER)

        async for attempt in stamina.retry_context(
            on=again,
            attempts=1 + model.settings.retries,
            timeout=None,
            wait_initial=_FIRST_WAIT,
            wait_jitter=_JITTER,
            wait_max=_LONGEST_WAIT,
        ):
            with attempt:
                return await begin()
        raise AssertionError

    async def _first(
        self, model: Model, messages: Sequence[Message], hits: Sequence[Hit]
    ) -> tuple[str, AsyncGenerator[str]]:
        """The first words and the rest: until there are some, another one could still answer."""
        self.finish = None
        stream = model.generator.stream(messages, hits, self._finished)
        text = cast("AsyncGenerator[str]", stream)
        said = ""
        try:
            while not said.strip():
                said += await anext(text)
        except StopAsyncIteration:
            raise ModelEmpty(
                f"The model '{model.name}' answered nothing.", hint="Try another model."
            ) from None
        except BaseException:
            await text.aclose()
            raise
        return said, text

    def _finished(self, finish: Finish) -> None:
        self.finish = finish

    def _nobody(self, problems: Sequence[tuple[str, RagError]]) -> RagError:
        if len(problems) == 1:
            return problems[0][1]
        if self._broke and not problems:
            return BudgetSpent(
                "What may be spent on models is spent.",
                hint="Ask an admin, or ask the model 'extractive', which costs nothing.",
            )
        asked = [f"{name} ({error.code})" for name, error in problems]
        others = [f"{one.model} ({one.reason})" for one in self.attempts if one.outcome != "failed"]
        return ModelError(
            f"No model of '{self.route}' could answer: {', '.join([*asked, *others])}.",
            hint="The trace says more; rag models check tries each of them.",
        )

    @property
    def _asked_last(self) -> Candidate:
        return self._chosen or self._fit[0]

    @property
    def _models(self) -> list[Model]:
        return [candidate.model for candidate in self._fit if candidate.model]

    def _note(
        self,
        model: str,
        outcome: Literal["unfit", "skipped", "failed", "left", "answered"],
        code: str = "",
        reason: str = "",
        tries: int = 0,
        since: float | None = None,
    ) -> None:
        ms = round((time.perf_counter() - since) * 1000, 3) if since is not None else 0.0
        self.attempts.append(
            Attempt(model=model, outcome=outcome, code=code, reason=reason, tries=tries, ms=ms)
        )


@asynccontextmanager
async def _within(end: float | None, start: float, name: str, what: str) -> AsyncGenerator[None]:
    """Until `end` on the loop's clock; past it ModelTimeout."""
    try:
        async with asyncio.timeout_at(end):
            yield
    except TimeoutError as error:
        seconds = end - start if end is not None else 0.0
        raise ModelTimeout(
            f"The model '{name}' did not {what} within {seconds:.3g} seconds."
        ) from error
