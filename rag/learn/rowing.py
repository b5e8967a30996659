"""From opinions to rows: what people think of each item on the whole, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any

from rag.datasets import (
    ROW,
    DatasetSpec,
    Evaluation,
    Instruction,
    Judged,
    Label,
    Preference,
    Relevance,
    Split,
    Task,
    line,
    row_hash,
)
from rag.learn.redaction import merged
from rag.store.opinions import Opinions, Replaced, Scored

CLEAR = 1 / 3
"""How far from 0 people's opinion on the whole must be, from -1 to 1, to say anything."""
Made = tuple[str, Task, Split, str, str, Replaced]


def rows(opinions: Opinions, spec: DatasetSpec, redaction_rev: str) -> Iterator[Made]:
    """Every row that the specification wants: hash, task, split, line, provenance, and what was
    replaced in it."""
    makers = {
        "instruction": _instructions,
        "preference": _preferences,
        "label": _labels,
        "relevance": _relevance,
        "evaluation": _evaluations,
    }
    for task, make in makers.items():
        if task in spec.tasks:
            yield from make(opinions, redaction_rev)


def _labels(opinions: Opinions, rev: str) -> Iterator[Made]:
    for one in opinions.scored("label"):
        if _clear(opinions, "label", one):
            yield from _made(opinions, rev, Label(**one.body, label=one.score > 0), one)


def _instructions(opinions: Opinions, rev: str) -> Iterator[Made]:
    """The best correction of each prompt; without any, an answer that people found useful."""
    corrected = ""
    for one in opinions.scored("instruction"):
        if one.parent != corrected:
            corrected = one.parent
            yield from _made(opinions, rev, Instruction(**one.body), one, by="person")
    for one in opinions.scored("label"):
        if one.score >= CLEAR and not opinions.has("instruction", one.parent):
            yield from _made(opinions, rev, Instruction(**one.body), one, by="model")


def _preferences(opinions: Opinions, rev: str) -> Iterator[Made]:
    for one in opinions.scored("preference"):
        if not _clear(opinions, "preference", one):
            continue
        both = (one.body["first"], one.body["second"])
        chosen, rejected = both if one.score > 0 else both[::-1]
        row = Preference(prompt=one.body["prompt"], chosen=chosen, rejected=rejected)
        yield from _made(opinions, rev, row, one)


def _relevance(opinions: Opinions, rev: str) -> Iterator[Made]:
    for parent, some in groupby(opinions.scored("relevance"), key=attrgetter("parent")):
        judged = list(some)
        passages: dict[str, tuple[Judged, Scored]] = {}
        for one in judged:
            score = round(max(0.0, one.score), 4)
            of = {name: one.body[name] for name in ("id", "title", "text")}
            passages.setdefault(one.body["id"], (Judged(**of, score=score), one))
        if not any(judgement.score for judgement, _ in passages.values()):
            opinions.omit("relevance", "no_answer", later=True)
            continue
        row = Relevance(
            id=parent[:32],
            question=judged[0].body["question"],
            passages=tuple(judgement for _, (judgement, _) in sorted(passages.items())),
        )
        yield from _made(opinions, rev, row, *judged)


def _evaluations(opinions: Opinions, rev: str) -> Iterator[Made]:
    for one in opinions.scored("evaluation"):
        yield from _made(opinions, rev, Evaluation(id=one.key[:32], **one.body), one)


def _clear(opinions: Opinions, task: Task, one: Scored) -> bool:
    if abs(one.score) < CLEAR:
        opinions.omit(task, "split_opinion", later=True)
        return False
    return True


def _made(opinions: Opinions, rev: str, row: Any, *scored: Scored, by: str = "") -> Iterator[Made]:
    first = scored[0]
    split = opinions.clusters.split(first.cluster)
    if split is None:
        opinions.omit(row.task, "would_leak", later=True)
        return
    written = line(ROW.dump_python(row, mode="json"))
    name = row_hash(written)
    # The question of a row is in it once, however many passages were judged for it.
    more = [
        {field: of for field, of in one.replaced.items() if field != "question"}
        for one in scored[1:]
    ]
    replaced = merged([first.replaced, *more])
    provenance: dict[str, Any] = {
        "row": name,
        "task": row.task,
        "split": split,
        "cluster": first.cluster,
        "people": max(one.people for one in scored),
        "score": round(first.score, 4),
        **({"text_by": by} if by else {}),
        "redaction_rev": rev,
        "replaced": replaced,
        **opinions.origin(*(one.key for one in scored)),
    }
    judged = {one.id for one in row.passages} if isinstance(row, Relevance) else None
    for trace in provenance["traces"]:
        trace["documents"] = [one for one in trace["documents"] if _in_row(one, judged)]
    yield name, row.task, split, written, line(provenance), replaced


def _in_row(document: Mapping[str, Any], judged: set[str] | None) -> bool:
    """Whether a row has words of a document that was found for its question."""
    if judged is not None:
        return document["chunk"] in judged
    return document["in_context"] or document["cited"]
