"""Where another document says otherwise than what an answer rests on, and which is the newer.

Only what can be told by rule counts: nearly the same words about the same things, but another
number of the same kind, another date, or a denial.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rag.answer.citations import cite_sentence
from rag.answer.evidence import YEAR, Sentence
from rag.answer.facts import Facts, contradicts, facts
from rag.types import Citation, Conflict, Hit

ALIKE = 0.8
"""The share of their words, numbers apart, that two sentences on one matter have in common."""
MOST = 3
"""Conflicts shown with an answer; more would bury it."""
_LEAST_WORDS = 3
_DAY_S = 86_400


def names_a_year(question: str) -> bool:
    """Then what other years' documents say is no contradiction."""
    return YEAR.search(question) is not None


def newest(
    used: Sequence[Sentence], pool: Sequence[Sentence], hits: Sequence[Hit]
) -> tuple[Sentence, ...]:
    """The sentences, each replaced by what a newer document says on the matter, if one does."""
    chosen: list[Sentence] = []
    for mine in used:
        others = [one for one in _against(mine, pool, hits) if _later(one, mine, hits)]
        best = others[0] if others else mine
        if best not in chosen:
            chosen.append(best)
    return tuple(chosen)


def conflicts(
    citations: Sequence[Citation],
    used: Sequence[Sentence],
    pool: Sequence[Sentence],
    hits: Sequence[Hit],
) -> tuple[Conflict, ...]:
    """What contradicts the cited among the used sentences; at most `MOST`, one for each."""
    found: list[Conflict] = []
    told: set[tuple[int, int]] = set()
    for mine in used:
        cited = _cited(mine, hits, citations)
        other = next(iter(_against(mine, pool, hits)), None)
        if cited is None or other is None or (mine.hit, mine.start) in told:
            continue
        # An answer that says both disagrees with itself once.
        told.add((other.hit, other.start))
        later, sooner = _later(mine, other, hits), _later(other, mine, hits)
        found.append(
            Conflict(
                n=cited.n,
                other=cite_sentence(len(citations) + len(found) + 1, other, hits),
                dated=(_dated(mine, hits), _dated(other, hits)),
                newer=later if later or sooner else None,
            )
        )
    return tuple(found[:MOST])


def _cited(mine: Sentence, hits: Sequence[Hit], citations: Sequence[Citation]) -> Citation | None:
    document = hits[mine.hit].payload.document_id
    within = (
        one
        for one in citations
        if one.document_id == document and one.span[0] < mine.end and mine.start < one.span[1]
    )
    return next(within, None)


def _against(mine: Sentence, pool: Sequence[Sentence], hits: Sequence[Hit]) -> list[Sentence]:
    """What other documents say otherwise, best first."""
    document = hits[mine.hit].payload.document_id
    return [
        other
        for other in pool
        if hits[other.hit].payload.document_id != document and _differ(mine, other)
    ]


def _later(one: Sentence, other: Sentence, hits: Sequence[Hit]) -> bool:
    """By the years that their documents name, else by when these were changed, a day at least."""
    if one.obsolete != other.obsolete:
        return other.obsolete
    if one.year and other.year:
        return one.year > other.year
    mine, theirs = (hits[sentence.hit].payload.modified_at for sentence in (one, other))
    return mine is not None and theirs is not None and mine - theirs >= _DAY_S


def _dated(sentence: Sentence, hits: Sequence[Hit]) -> str:
    if sentence.year:
        return str(sentence.year)
    changed = hits[sentence.hit].payload.modified_at
    return f"{datetime.fromtimestamp(changed, UTC):%Y-%m-%d}" if changed is not None else ""


def _differ(one: Sentence, other: Sentence) -> bool:
    mine, theirs = _plain(one), _plain(other)
    common = len(mine & theirs)
    if common < _LEAST_WORDS or common < ALIKE * len(mine | theirs):
        return False
    if one.names != other.names or (one.context_names ^ other.context_names) - one.names:
        # Other machines, orders or models may well have other numbers.
        return False
    return _other_values(facts(one.text), facts(other.text)) or bool(
        contradicts(one.text, other.text)
    )


def _plain(sentence: Sentence) -> set[str]:
    return {word for word in sentence.words if not any(map(str.isdigit, word))}


def _other_values(one: Facts, other: Facts) -> bool:
    """As many numbers and dates, of the same units, and at least one is another."""
    if [n.unit for n in one.numbers] != [n.unit for n in other.numbers]:
        return False
    if len(one.dates) != len(other.dates):
        return False
    return any(
        not mine.same(theirs) for mine, theirs in zip(one.numbers, other.numbers, strict=True)
    ) or any(not mine.within(theirs) for mine, theirs in zip(one.dates, other.dates, strict=True))
