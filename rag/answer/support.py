"""Whether what an answer cites supports each of its sentences, and how sure that is.

By rule and by two similarities, with no model but the embedder: which of the sentence's words the
passage says, how near its meaning comes, and whether every number, date and name stands there.
Where a model judges, it is asked for the meaning; what stands there word for word, and which exact
facts do not, is told without it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log
from typing import Literal

import numpy as np

from rag.answer.citations import spoken
from rag.answer.claims import Stated, stated
from rag.answer.context import passage_text
from rag.answer.evidence import cut
from rag.answer.facts import Facts, contradicts, facts, missing
from rag.answer.judging import Ruling, Statement
from rag.answer.vectors import Vectors
from rag.answer.words import is_identifier, spelt, words
from rag.types import Citation, Claim, Hit

NEAREST = 24
"""Sentences of what is cited that are compared by meaning: those that share the most words."""
PASSAGES = 256
"""Read passages that are kept ready, some 8 MB."""
TOGETHER, ASIDE, SPANNING = 3, 7, 5
"""How many sentences may say a claim together; stand side by side; make up its meaning."""

# Weights of `features`, and what the score means, fitted by bench/wice.py on its dev split.
BIAS = -3.285
WEIGHTS = (1.283, 2.059, 2.674, -0.911)
SUPPORTED = 0.542
PARTLY = 0.193
_BELOW = 0.001


@dataclass(frozen=True)
class Said:
    """A sentence as it is compared; `words` has those of its headings too."""

    text: str
    words: frozenset[str]
    facts: Facts


@dataclass(frozen=True)
class Judged:
    """A score from 0 to 1 and why it is not higher."""

    score: float
    reason: str
    most: float = 1.0
    """What exact facts that are not there leave of it; it is part of the score already."""
    certain: bool = False
    """Nobody needs to be asked."""


@dataclass(frozen=True)
class Compared:
    """A claim with the sentences of what it cites, and those of them that share most with it."""

    claim: Said
    read: Sequence[Said]
    near: Sequence[Said]

    @property
    def texts(self) -> list[str]:
        """What is embedded: the claim, then the nearest."""
        return [self.claim.text, *(said.text for said in self.near)]


Rule = Callable[[Sequence[Statement]], Awaitable[Sequence[Ruling] | None]]
"""What a model says of the statements; None where it says nothing usable."""
_SAID: Mapping[Ruling, str] = {
    "supported": "A model reads it in what it cites.",
    "partly": "A model reads a part of it in what it cites.",
    "unsupported": "A model does not read it in what it cites.",
}


class Checker:
    """Checks answers of one language; asks the embedder only for what is not quoted."""

    def __init__(self, vectors: Vectors, language: str) -> None:
        self.vectors = vectors
        # In German every noun has a capital.
        self.capitals = language != "de"
        # Many claims cite one passage, and many answers do.
        self._sentences = lru_cache(PASSAGES)(self._cut)

    async def check(
        self,
        answer: str,
        citations: Sequence[Citation],
        given: Sequence[Hit],
        rule: Rule | None = None,
        *,
        turns: AbstractAsyncContextManager[object],
    ) -> list[Claim]:
        """Every sentence that claims something, with its verdict; `given` holds what is cited.

        `rule` is asked once about all that needs it, if anything does. What computes takes one of
        the `turns`, the wait for a model none.
        """
        told = stated(answer)
        passages = {hit.payload.chunk_id: hit for hit in given}
        cited = {one.n: one for one in citations}
        sources = [[cited[n] for n in one.cited if n in cited] for one in told]
        async with turns:
            judged = await self._by_rule(told, sources, passages)
        if rule is not None:
            open_ = [at for at, one in enumerate(judged) if not one.certain]
            statements = [
                Statement(told[at].text, [_whole(one, passages) for one in sources[at]])
                for at in open_
            ]
            rulings = await rule(statements) if statements else None
            for at, ruling in zip(open_, rulings or (), strict=bool(rulings)):
                judged[at] = overruled(judged[at], ruling)
        return [
            Claim(
                span=(one.start, one.end),
                text=one.text,
                verdict=verdict(found.score),
                score=round(found.score, 4),
                reason=found.reason,
                citations=tuple(source.n for source in its),
            )
            for one, its, found in zip(told, sources, judged, strict=True)
        ]

    async def _by_rule(
        self,
        told: Sequence[Stated],
        sources: Sequence[Sequence[Citation]],
        passages: Mapping[str, Hit],
    ) -> list[Judged]:
        """One of each, in their order; all that is compared by meaning is embedded together."""

        def opened() -> list[Judged | Compared]:
            pairs = zip(told, sources, strict=True)
            return [self._opened(one, its, passages) for one, its in pairs]

        def closed(vectors: Mapping[int, np.ndarray]) -> list[Judged]:
            return [
                one
                if isinstance(one, Judged)
                else judge(one.claim, one.read, one.near, vectors[at][0], vectors[at][1:])
                for at, one in enumerate(found)
            ]

        found = await asyncio.to_thread(opened)
        texts = {at: one.texts for at, one in enumerate(found) if isinstance(one, Compared)}
        if not texts:
            return closed({})
        rows = await self.vectors.of([text for each in texts.values() for text in each])
        ends = np.cumsum([len(each) for each in texts.values()])
        parts = np.split(rows, ends[:-1])
        return await asyncio.to_thread(closed, dict(zip(texts, parts, strict=True)))

    def _opened(
        self, one: Stated, sources: Sequence[Citation], passages: Mapping[str, Hit]
    ) -> Judged | Compared:
        """The verdict, where it takes no comparison by meaning."""
        if not sources:
            return Judged(0.0, "It cites nothing.", certain=True)
        if any(_folded(one.text) == _folded(spoken(source.quote)) for source in sources):
            return Judged(1.0, "It stands there word for word.", certain=True)
        read = [said for source in sources for said in self._read(source, passages)]
        claim = self.said(one.text)
        return Compared(claim, read, nearest(claim, read))

    def said(self, text: str) -> Said:
        return Said(text, frozenset(words(text)), facts(text, capitals=self.capitals))

    def _read(self, source: Citation, passages: Mapping[str, Hit]) -> Sequence[Said]:
        """The sentences of the passage cited, or its quote where the passage is not at hand."""
        hit = passages.get(source.chunk_id)
        if hit is None:
            return [self.said(source.quote)]
        return self._sentences(
            " ".join((hit.payload.title, *hit.payload.headings)), passage_text(hit)
        )

    def _cut(self, headings: str, text: str) -> tuple[Said, ...]:
        about = frozenset(words(headings))
        return tuple(
            Said(one.text, frozenset(one.words) | about, facts(one.text, capitals=self.capitals))
            for one in cut(text)
        )


def _whole(source: Citation, passages: Mapping[str, Hit]) -> str:
    hit = passages.get(source.chunk_id)
    return source.quote if hit is None else f"{hit.payload.title}. {passage_text(hit)}"


def nearest(claim: Said, read: Sequence[Said]) -> list[Said]:
    """The sentences that share most with the claim, the most telling words counting most."""
    weights = _weights(claim, read)
    ranked = sorted(
        range(len(read)), key=lambda at: (-_share(claim.words & read[at].words, weights), at)
    )
    return [read[at] for at in ranked[:NEAREST]]


def judge(
    claim: Said,
    read: Sequence[Said],
    near: Sequence[Said],
    vector: np.ndarray,
    vectors: np.ndarray,
) -> Judged:
    """The score of the claim and its reason. `vectors` are those of `near`, a row each."""
    if not near:
        return Judged(0.0, "What it cites has no text.", certain=True)
    gone = lost(claim, read)
    z = BIAS + sum(
        weight * value
        for weight, value in zip(
            WEIGHTS, features(claim, read, near, len(gone), vector, vectors), strict=True
        )
    )
    score = 1 / (1 + exp(-z))
    denied = contradicts(claim.text, near[0].text)
    if denied:
        # However alike the rest is.
        told = f"'{denied}' is denied by one of them and not by the other."
        return Judged(score * PARTLY, told, most=PARTLY)
    if gone:
        of = len(claim.facts.numbers) + len(claim.facts.dates) + len(claim.facts.names)
        most = SUPPORTED if len(gone) < of else PARTLY
        return Judged(score * most, f"Not in what it cites: {', '.join(gone)}.", most=most)
    unsaid = claim.words - frozenset[str]().union(*(said.words for said in read))
    if verdict(score) == "supported":
        return Judged(score, "What it cites says so.")
    if unsaid:
        return Judged(score, f"What it cites does not speak of: {spelt(claim.text, unsaid)}.")
    return Judged(score, "What it cites says this in no few sentences.")


def overruled(by_rule: Judged, ruling: Ruling) -> Judged:
    """The score that a model's word makes of it: within what the word means, and what facts leave.

    Where exact facts are not in what is cited, that stays the reason.
    """
    score = by_rule.score / by_rule.most
    if ruling == "supported":
        score = max(score, SUPPORTED)
    elif ruling == "partly":
        score = min(max(score, PARTLY), SUPPORTED - _BELOW)
    else:
        score = min(score, PARTLY - _BELOW)
    reason = by_rule.reason if by_rule.most < 1 else _SAID[ruling]
    return Judged(score * by_rule.most, reason, by_rule.most, certain=True)


def features(
    claim: Said,
    read: Sequence[Said],
    near: Sequence[Said],
    gone: int,
    vector: np.ndarray,
    vectors: np.ndarray,
) -> tuple[float, ...]:
    """What the weights count, in their order, of the claim's words by how telling they are:

    the share that `TOGETHER` sentences say; the share that sentences side by side say; how much of
    its meaning the nearest sentences make up; how many of its exact facts are lost, three at most.
    """
    weights = _weights(claim, read)
    together: frozenset[str] = frozenset()
    for _ in range(TOGETHER):
        best = max(near, key=lambda said: _share(claim.words & (together | said.words), weights))
        together |= claim.words & best.words
    aside = max(
        _share(
            claim.words & frozenset().union(*(said.words for said in read[at : at + ASIDE])),
            weights,
        )
        for at in range(max(1, len(read) - ASIDE + 1))
    )
    return (_share(together, weights), aside, _meaning(vector, vectors), float(min(gone, 3)))


def verdict(score: float) -> Literal["supported", "partly", "unsupported"]:
    return "supported" if score >= SUPPORTED else "partly" if score >= PARTLY else "unsupported"


def mean(claims: Sequence[Claim]) -> float | None:
    """How well an answer is supported, removed sentences left out; None where it claims nothing."""
    scores = [claim.score for claim in claims if claim.span]
    return round(sum(scores) / len(scores), 4) if scores else None


def supported(answer: str, claims: Sequence[Claim]) -> tuple[str, list[Claim]]:
    """The answer without its unsupported claims, and the claims where they stand in it then."""
    text, kept = "", list[Claim]()
    at = 0
    for claim in claims:
        start, end = claim.span or (at, at)
        if claim.verdict == "unsupported":
            text += answer[at:start]
            # The space between it and the next sentence goes with it; a line break stays.
            at = end + len(answer[end:]) - len(answer[end:].lstrip(" "))
            kept.append(claim.model_copy(update={"span": None}))
        else:
            text += answer[at:start]
            kept.append(claim.model_copy(update={"span": (len(text), len(text) + end - start)}))
            text += answer[start:end]
            at = end
    return (text + answer[at:]).rstrip(), kept


def lost(claim: Said, read: Sequence[Said]) -> list[str]:
    """The exact facts of the claim that no sentence says; one about another thing says nothing."""
    mine = {word for word in claim.words if is_identifier(word)}
    told = [said for said in read if not _about_another(mine, said)]
    return missing(
        claim.facts,
        [said.facts for said in told],
        {word for said in read for word in said.words},
    )


def _about_another(mine: set[str], said: Said) -> bool:
    """A row of another model has the same words and other numbers."""
    its = {word for word in said.words if is_identifier(word)}
    return bool(mine) and bool(its) and not mine & its


def _weights(claim: Said, read: Sequence[Said]) -> dict[str, float]:
    """How telling each word of the claim is: the fewer sentences say it, the more."""
    seen = Counter(word for said in read for word in said.words & claim.words)
    return {word: log(1 + len(read) / max(1, seen[word])) for word in claim.words}


def _share(found: frozenset[str], weights: Mapping[str, float]) -> float:
    total = sum(weights.values())
    return sum(weights[word] for word in found) / total if total else 0.0


def _meaning(vector: np.ndarray, vectors: np.ndarray) -> float:
    """The length of the unit vector's shadow on what the nearest sentences span: 1 is all of it."""
    nearest_ = vectors[np.argsort(-(vectors @ vector))[:SPANNING]].T
    weights = np.linalg.lstsq(nearest_, vector, rcond=None)[0]
    return float(np.linalg.norm(nearest_ @ weights))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" -*•–.!:;")
