"""Which sentences of the hits answer the question, and how sure that is.

Every generator shares this: the extractive one quotes the sentences, citations are cut from them,
and the confidence decides whether anything is answered at all.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from math import exp, log

import numpy as np

from rag.answer.named import Name, asked_for, is_rival, names
from rag.answer.vectors import Vectors
from rag.answer.words import is_identifier, words
from rag.domain import FEATURES
from rag.ingest.sentences import split_sentences
from rag.protocols import Embedder
from rag.types import Hit

MAX_HITS = 10
# Shares of the best score that a further sentence needs, from the same passage and from another.
NEAR_SAME_HIT, NEAR = 0.75, 0.85
MAX_SENTENCES = 160
PASSAGES = 1_024
"""Passages of which the sentences are kept ready, some 20 MB."""
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_OBSOLETE = re.compile(
    r"\b(?:superseded by|replaced by|no longer (?:valid|in force|applies)|withdrawn|obsolete|"
    r"ersetzt durch|nicht mehr gültig)\b",
    re.IGNORECASE,
)

_CAPITAL = re.compile(r"\b[A-ZÄÖÜ][\w-]+")
# "Header: value; Header: value" on a line of its own.
_ROW = re.compile(r"(?m)^[^\n:;]{1,80}: [^\n]*; [^\n:;]{1,80}: [^\n]*$")

# What an answer looks like, by how the question asks.
_NUMBER = re.compile(
    r"(?<![\w-])\d[\d.,]*(?![\w-])"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten)\b"
)
_KINDS = (
    (
        re.compile(r"\bwhy\b|\bcauses?d?\b|\breason", re.I),
        re.compile(r"\bcaus|because|reason|due to", re.I),
    ),
    (re.compile(r"\bwho(?:m|se)?\b", re.I), re.compile(r"[a-zäöü,] [A-ZÄÖÜ][a-zäöü]+")),
    (
        re.compile(
            r"\bhow (?:many|much|long|often|far|soon|old|fast|high|large|heavy)\b|\bwhen\b"
            r"|\b(?:cost|price|torque|weight|maximum|minimum|at most|at least)\b", re.I
        ),
        _NUMBER,
    ),
)  # fmt: skip

# The bias, then the weights of what `_features` gives, fitted by bench/evidence.py on one half of
# the sample domain's evals. A pack may have its own; the threshold is always the pack's.
CONFIDENCE = (-7.357, 2.881, 5.072, 2.966, 0.022, 1.325, -0.117, 4.008)


@dataclass(frozen=True)
class Sentence:
    """A quotable span: `start` and `end` are characters of the document's text."""

    hit: int
    start: int
    end: int
    text: str
    words: tuple[str, ...]
    context_words: frozenset[str]
    rank: int
    year: int
    obsolete: bool
    names: frozenset[Name] = frozenset()
    context_names: frozenset[Name] = frozenset()
    similarity: float = 0.0
    coverage: float = 0.0
    score: float = 0.0


@dataclass(frozen=True)
class Passage:
    """A hit: how near it is to the question, what it says, and its document's title as a vector."""

    near: float
    words: frozenset[str]
    title: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """The chosen sentences, best first, and the confidence (0 to 1) that they answer."""

    sentences: tuple[Sentence, ...]
    confidence: float
    features: tuple[float, ...]
    pool: tuple[Sentence, ...] = ()
    """All that were looked at."""


@dataclass(frozen=True)
class _Question:
    """What a question asks for, read once against the sentences at hand."""

    wanted: Sequence[str]
    names: Sequence[str]
    things: frozenset[Name]
    kind: re.Pattern[str] | None
    current: bool


NONE = Evidence((), 0.0, (0.0,) * FEATURES)


class Selector:
    """Scores sentences by meaning and by words; asks the embedder once per question."""

    def __init__(
        self, embedder: Embedder, vectors: Vectors, confidence: Sequence[float] = ()
    ) -> None:
        self.embedder = embedder
        self.vectors = vectors
        self.confidence = confidence or CONFIDENCE

    async def select(
        self, questions: Sequence[str], synonyms: Sequence[str], hits: Sequence[Hit], limit: int
    ) -> Evidence:
        """At most `limit` sentences for the questions: the whole one first, then its parts."""
        pool = await asyncio.to_thread(_pool, hits[:MAX_HITS])
        if not pool:
            return NONE
        asked = [await self.embedder.embed_query(question) for question in questions]
        titles = [hit.payload.title or hit.payload.uri for hit in hits[:MAX_HITS]]
        vectors = await self.vectors.of([*(sentence.text for sentence in pool), *titles])
        nearest = _nearest(hits, pool, vectors[len(pool) :])
        return await asyncio.to_thread(
            self._choose, questions, asked, synonyms, pool, vectors[: len(pool)], nearest, limit
        )

    def _choose(
        self,
        questions: Sequence[str],
        asked: Sequence[Sequence[float]],
        synonyms: Sequence[str],
        pool: Sequence[Sentence],
        vectors: np.ndarray,
        nearest: Passage,
        limit: int,
    ) -> Evidence:
        weights = _weights(pool)
        other = frozenset(word for phrase in synonyms for word in words(phrase))
        said = frozenset(name for one in pool for name in one.names | one.context_names)
        kinds = frozenset(kind for kind, _ in said)
        chosen: list[Sentence] = []
        sure: list[float] = []
        first: tuple[float, ...] = ()
        for number, text in enumerate(questions):
            question = _read(text, weights, kinds)
            if number == 0 and not question.things <= said:
                # What is said of others is no answer, however well it fits in every other word.
                return NONE
            scored = _scored(question, asked[number], other, pool, vectors, weights)
            scored = _about(question.things, scored)
            features = _features(question, asked[number], scored[0], nearest, weights)
            confidence = self._confidence(features)
            sure.append(confidence)
            if number == 0:
                first = features
                if len(questions) > 1:
                    # The parts are answered each for itself.
                    continue
            most = limit if len(questions) == 1 else max(1, limit // (len(questions) - 1))
            chosen.extend(_take(question, scored, most, chosen, weights))
        # Of several things asked, the answer is as good as its parts are together.
        parts = sure[1:] or sure
        confidence = max(sure[0], sum(parts) / len(parts))
        return Evidence(tuple(chosen[:limit]), confidence, first, tuple(pool))

    def _confidence(self, features: Sequence[float]) -> float:
        bias, *weights = self.confidence
        z = bias + sum(w * f for w, f in zip(weights, features, strict=True))
        return 1 / (1 + exp(-z))


def _nearest(hits: Sequence[Hit], pool: Sequence[Sentence], titles: np.ndarray) -> Passage:
    """The passage that is most like the question; the first where likeness was not looked at."""
    near = [
        next((score.score for score in hit.scores if score.stage == "dense"), 0.0)
        for hit in hits[: len(titles)]
    ]
    best = near.index(max(near))
    said = frozenset(word for one in pool if one.hit == best for word in one.words)
    return Passage(near[best], said, titles[best])


def _pool(hits: Sequence[Hit]) -> list[Sentence]:
    """Every sentence and table row of the hits' contexts, each once, best hit first."""
    seen: set[tuple[str, int, int]] = set()
    pool: list[Sentence] = []
    for number, hit in enumerate(hits):
        payload = hit.payload
        base = hit.context_start if hit.context else payload.start
        text = hit.context or payload.text
        heading = frozenset(words(f"{payload.title} {' '.join(payload.headings)}"))
        titled = names(f"{payload.title}. {'. '.join(payload.headings)}").all
        named = f"{payload.title} {payload.uri} {' '.join(payload.headings)}"
        years = [int(year) for year in YEAR.findall(named)]
        for one in cut(text):
            key = (payload.document_id, base + one.start, base + one.end)
            if key in seen:
                continue
            seen.add(key)
            pool.append(
                replace(
                    one,
                    hit=number,
                    start=base + one.start,
                    end=base + one.end,
                    context_words=heading,
                    context_names=titled,
                    rank=hit.rank,
                    year=max(years, default=0),
                    obsolete=one.obsolete or bool(_OBSOLETE.search(named)),
                )
            )
    return pool[:MAX_SENTENCES]


@lru_cache(PASSAGES)
def cut(text: str) -> tuple[Sentence, ...]:
    """The sentences of a passage by themselves: many questions find the same ones."""
    return tuple(
        Sentence(
            hit=0,
            start=start,
            end=end,
            text=(sentence := text[start:end]),
            words=tuple(words(sentence)),
            context_words=frozenset(),
            names=names(sentence).all,
            rank=0,
            year=0,
            obsolete=bool(_OBSOLETE.search(sentence)),
        )
        for start, end in sentences_and_rows(text)
    )


def sentences_and_rows(text: str) -> list[tuple[int, int]]:
    """Sentences of the prose, and table rows whole however many dots their cells have."""
    spans: list[tuple[int, int]] = []
    prose = 0
    for row in _ROW.finditer(text):
        spans.extend(_sentences(text, prose, row.start()))
        spans.append(row.span())
        prose = row.end()
    spans.extend(_sentences(text, prose, len(text)))
    return [(start, end) for start, end in spans if end - start > 2]


def _sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    return [(start + a, start + b) for a, b in split_sentences(text[start:end])]


def _read(question: str, weights: Mapping[str, float], kinds: frozenset[str]) -> _Question:
    wanted = _wanted(question, weights)
    return _Question(
        wanted=wanted,
        names=_names(question, wanted, weights),
        things=asked_for(question, kinds),
        kind=_kind(question),
        current=not YEAR.search(question),
    )


def _about(things: frozenset[Name], scored: Sequence[Sentence]) -> Sequence[Sentence]:
    """The sentences about what the question names, or in a passage about it and on nothing else."""
    if not things:
        return scored
    passages: defaultdict[int, set[Name]] = defaultdict(set)
    for one in scored:
        passages[one.hit] |= one.names | one.context_names
    return [
        one for one in scored if things & passages[one.hit] and not is_rival(one.names, things)
    ] or scored


def _scored(
    question: _Question,
    asked: Sequence[float],
    other: frozenset[str],
    pool: Sequence[Sentence],
    vectors: np.ndarray,
    weights: Mapping[str, float],
) -> list[Sentence]:
    similarities = vectors @ np.asarray(asked, dtype=np.float32)
    newest = max((one.year for one in pool), default=0)
    scored: list[Sentence] = []
    for one, similarity in zip(pool, similarities.tolist(), strict=True):
        coverage = _coverage(question.wanted, other, one, weights)
        score = similarity + coverage - 0.01 * one.rank
        if question.kind is not None and question.kind.search(one.text):
            score += 0.1
        if question.current and (one.obsolete or (one.year and one.year < newest)):
            score -= 0.1
        scored.append(replace(one, similarity=similarity, coverage=coverage, score=score))
    return sorted(scored, key=lambda one: (-one.score, one.hit, one.start))


def _wanted(question: str, weights: Mapping[str, float]) -> list[str]:
    """The question's words, once each; one that nobody here writes is read as its nearest."""
    found: list[str] = []
    for word in words(question):
        if word not in weights and len(word) > 3 and word.isalpha():
            near = get_close_matches(word, weights, n=1, cutoff=0.78)
            word = near[0] if near and near[0][0] == word[0] else word
        found.append(word)
    return list(dict.fromkeys(found))


def _kind(question: str) -> re.Pattern[str] | None:
    """What an answer to this kind of question looks like."""
    return next((answer for asks, answer in _KINDS if asks.search(question)), None)


def _take(
    question: _Question,
    scored: Sequence[Sentence],
    limit: int,
    already: Sequence[Sentence],
    weights: Mapping[str, float],
) -> list[Sentence]:
    """The best sentence; then those nearly as good, and those that say what is still missing.

    When the question is about now, what an older edition says is not added to the newest.
    """
    wanted = set(question.wanted)
    named = set(question.names)
    taken: list[Sentence] = []
    for one in scored:
        if any(_same(one, other) for other in (*already, *taken)):
            continue
        if not taken:
            taken.append(one)
            continue
        best = taken[0]
        if one.score < 0.5 * best.score or len(taken) == limit:
            break
        if question.current and (one.obsolete or 0 < one.year < best.year):
            continue
        near = NEAR_SAME_HIT if one.hit == best.hit else NEAR
        alike = one.score >= near * best.score and not _about_another(one, best, named)
        if alike or _adds(one, taken, wanted, weights):
            taken.append(one)
    return taken


def _about_another(one: Sentence, best: Sentence, names: set[str]) -> bool:
    """A row about another model is near in every word but the one that counts."""
    unsaid = (names & _said(best)) - _said(one)
    return bool(unsaid) and any(is_identifier(word) and word not in names for word in one.words)


def _said(one: Sentence) -> set[str]:
    return {*one.words, *one.context_words}


def _adds(
    one: Sentence, taken: Sequence[Sentence], wanted: set[str], weights: Mapping[str, float]
) -> bool:
    """True where the sentence says most of what the question asks and nothing taken says."""
    said = {word for other in taken for word in _said(other)}
    most = max(weights.values(), default=1.0)
    missing = {word: weights.get(word, most) for word in wanted - said}
    total = sum(weights.get(word, most) for word in wanted)
    found = sum(missing[word] for word in missing.keys() & set(one.words))
    return bool(missing) and found >= 0.2 * total and found >= 0.5 * sum(missing.values())


def _same(one: Sentence, other: Sentence) -> bool:
    left, right = set(one.words), set(other.words)
    return bool(left) and len(left & right) >= 0.9 * max(len(left), len(right))


def _weights(pool: Sequence[Sentence]) -> dict[str, float]:
    """How telling a word is: rare among the sentences at hand, and identifiers twice."""
    seen = Counter(word for one in pool for word in {*one.words, *one.context_words})
    return {
        word: log(1 + len(pool) / count) * (2.0 if is_identifier(word) else 1.0)
        for word, count in seen.items()
    }


def _coverage(
    wanted: Sequence[str],
    other: frozenset[str],
    one: Sentence,
    weights: Mapping[str, float],
) -> float:
    """The weighted share of the question's words that the sentence says, headings at 2/3."""
    most = max(weights.values(), default=1.0)
    total = found = 0.0
    here = set(one.words)
    for word in wanted:
        weight = weights.get(word, most * (2.0 if is_identifier(word) else 1.0))
        total += weight
        if word in here:
            found += weight
        elif word in one.context_words:
            found += weight * 2 / 3
    if other & (here | one.context_words):
        found += 0.15 * total
    return min(1.0, found / total) if total else 0.0


def _features(
    question: _Question,
    asked: Sequence[float],
    best: Sentence,
    nearest: Passage,
    weights: Mapping[str, float],
) -> tuple[float, ...]:
    """What tells whether the best sentence answers.

    Its similarity and its coverage of the question; the share of the names, years and identifiers
    asked for that it says; the share of the words that no hit says. Then of the nearest passage:
    how near it is, and the mere title of its document; how much it says of what is asked beyond
    the headings.
    """
    wanted, named = question.wanted, question.names
    said = _said(best)
    most = max(weights.values(), default=1.0)
    beyond = {word: weights.get(word, most) for word in wanted if word not in best.context_words}
    told = sum(weight for word, weight in beyond.items() if word in nearest.words)
    return (
        best.similarity,
        best.coverage,
        sum(name in said for name in named) / len(named) if named else 1.0,
        sum(word not in weights for word in wanted) / len(wanted) if wanted else 1.0,
        nearest.near or best.similarity,
        float(nearest.title @ np.asarray(asked, dtype=np.float32)),
        told / sum(beyond.values()) if beyond else 1.0,
    )


def _names(question: str, wanted: Sequence[str], weights: Mapping[str, float]) -> list[str]:
    """What the question names: identifiers, years, and words written with a capital inside it."""
    inside = question.strip()[1:]
    capital = set(_wanted(" ".join(_CAPITAL.findall(inside)), weights))
    return [
        word for word in wanted if is_identifier(word) or YEAR.fullmatch(word) or word in capital
    ]
