"""From what people said of an answer to opinions on what may become rows.

Pure but for what it writes into the build's own file. Nobody's opinion counts twice, model text
whose terms do not allow training is in nothing that trains, and what may not be read is in nothing.
What is personal is replaced before an item gets its key, so that no hash tells of it either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rag.datasets import PURPOSES, DatasetSpec, Omission, Task, line
from rag.feedback import Purpose
from rag.learn.redaction import Redactor, Scope, within
from rag.redaction import TooHard
from rag.store.events import Event
from rag.store.opinions import Opinion, Opinions, Replaced
from rag.store.redacting import REMOVED
from rag.types import Data, Message

WINDOW = 4_000
"""Characters of a document that count as one part of it: two questions that the same part answers
belong together. As long as the abstracts for which whole documents were measured to be that."""
USED = 0.5
"""How relevant a passage is that a useful answer cites, where nobody judged the passage itself."""
Trace = Mapping[str, Any]


class Passage(Data):
    """A span of a document's version, read from it."""

    title: str
    headings: tuple[str, ...] = ()
    text: str


class Answered(NamedTuple):
    """An answer with all that a row may need of it. What may not be read is taken out."""

    trace: Trace
    cluster: str
    passages: Mapping[str, Passage]
    """By chunk id, of the hits that may be read by everybody whom the dataset is for."""
    prompt: Sequence[Message]
    """As the model was given it, or as one would be; empty where it may not be told."""
    facts: Mapping[str, Any]


Another = Callable[[str], Answered | None]
"""An answer by its trace, for pairs; None where it is gone or of another domain."""


class _Clean(NamedTuple):
    """An item as it may be written, with what is told of its answers."""

    body: Mapping[str, Any]
    facts: Sequence[tuple[str, Mapping[str, Any]]]
    """By trace."""
    replaced: Replaced


class Gathering:
    """Adds answers to one build."""

    def __init__(
        self,
        opinions: Opinions,
        spec: DatasetSpec,
        another: Another,
        redactor: Redactor | None = None,
    ) -> None:
        self._opinions = opinions
        self._spec = spec
        self._another = another
        self._redactor = redactor

    def add(self, answered: Answered, events: Sequence[Event]) -> None:
        """Everything that was said of one answer."""
        seen = [one for one in events if one.review in self._spec.review]
        for _ in range(len(events) - len(seen)):
            self._opinions.omit("", "not_reviewed")
        said = Said(seen, self._spec)
        self._asked(answered)
        if self._wants("label") or self._wants("instruction"):
            self._label(answered, said)
        if self._wants("instruction"):
            self._corrections(answered, said)
        if self._wants("preference"):
            self._preferences(answered, said)
        if self._wants("relevance"):
            self._relevance(answered, said)
        if self._wants("evaluation"):
            self._evaluation(answered, said)

    # --- what a model is trained with ---

    def _label(self, answered: Answered, said: Said) -> None:
        votes = self._agreed("label", answered, said.votes)
        if not votes or not self._usable("label", answered, model=True):
            return
        body = {"prompt": _dumped(answered.prompt), "completion": answered.trace["answer"]}
        clean = self._clean("label", body, answered)
        if clean is None:
            return
        key = _key("label", clean.body)
        self._item("label", key, answered, clean, parent=_key("prompt", clean.body["prompt"]))
        for event in votes:
            self._opinions.think(key, _opinion(event, event.value or 0.0))

    def _corrections(self, answered: Answered, said: Said) -> None:
        for event in self._agreed("instruction", answered, said.corrections):
            if not self._usable("instruction", answered, model=False):
                return
            text = corrected(answered.trace, event)
            body = {"prompt": _dumped(answered.prompt), "completion": text}
            clean = self._clean("instruction", body, answered)
            if clean is None:
                return
            key = _key("instruction", clean.body)
            self._item(
                "instruction",
                key,
                answered,
                clean,
                parent=_key("prompt", clean.body["prompt"]),
                rank=1 + (event.rater == "expert"),
                at=event.at.isoformat(),
            )
            self._opinions.think(key, _opinion(event, 1.0))

    def _preferences(self, answered: Answered, said: Said) -> None:
        for event in self._agreed("preference", answered, said.corrections):
            text, answer = corrected(answered.trace, event), answered.trace["answer"]
            if text.strip() != answer.strip() and self._usable("preference", answered, model=True):
                self._prefer(answered, answered, text, answer, _opinion(event, 1.0))
        for event in self._agreed("preference", answered, said.pairs):
            other = self._another(event.other_trace_id or "")
            if other is None:
                self._opinions.omit("preference", "withheld")
                continue
            one, two = answered.trace["answer"], other.trace["answer"]
            if one.strip() == two.strip():
                continue
            if self._usable("preference", answered, model=True) and self._usable(
                "preference", other, model=True
            ):
                self._prefer(answered, other, one, two, _opinion(event, event.value or 0.0))

    def _prefer(
        self, answered: Answered, other: Answered, one: str, two: str, opinion: Opinion
    ) -> None:
        """The same item whichever of the two somebody named first."""
        first, second = sorted((one, two))
        value = opinion.value if one == first else -opinion.value
        body = {"prompt": _dumped(answered.prompt), "first": first, "second": second}
        both = (answered,) if other is answered else (answered, other)
        clean = self._clean("preference", body, *both)
        if clean is None:
            return
        first, second = clean.body["first"], clean.body["second"]
        if first.strip() == second.strip():
            self._opinions.omit("preference", "redacted_alike")
            return
        if first > second:
            clean = clean._replace(body={**clean.body, "first": second, "second": first})
            value = -value
        key = _key("preference", clean.body)
        self._item("preference", key, answered, clean)
        self._opinions.think(key, opinion._replace(value=value))

    # --- what retrieval is trained with, and what measures ---

    def _relevance(self, answered: Answered, said: Said) -> None:
        if not self._agreed("relevance", answered, said.all):
            return
        question = answered.trace["query_standalone"]
        for event, chunk_id, value in self._judgements(answered, said):
            passage = answered.passages.get(chunk_id)
            if passage is None:
                self._opinions.omit("relevance", "no_passage_text")
                continue
            body = {
                "question": question,
                "id": chunk_id,
                "title": passage.title,
                "text": passage.text,
            }
            clean = self._clean("relevance", body, answered)
            if clean is None:
                continue
            parent = _key("relevance", clean.body["question"].casefold().split())
            key = f"{parent}:{_key('passage', [clean.body['title'], clean.body['text']])}"
            self._item("relevance", key, answered, clean, parent=parent)
            self._opinions.think(key, _opinion(event, value))
            if value > 0:
                self._opinions.about(answered.cluster, _units(answered.trace, chunk_id))

    def _judgements(self, answered: Answered, said: Said) -> Iterator[tuple[Event, str, float]]:
        yield from found_relevant(
            answered.trace,
            self._agreed("relevance", answered, said.votes),
            self._agreed("relevance", answered, said.corrections),
            self._agreed("relevance", answered, said.passages),
        )

    def _evaluation(self, answered: Answered, said: Said) -> None:
        trace = answered.trace
        corrections = self._agreed("evaluation", answered, said.corrections)
        votes = [one for one in self._agreed("evaluation", answered, said.votes) if one.value]
        if not corrections and not votes:
            return
        if not self._usable("evaluation", answered, model=False):
            return
        best = max(corrections, key=lambda one: (one.rater == "expert", one.at), default=None)
        bearing = [] if best is None else list((best.correction or {}).get("chunk_ids", ()))
        useful = sum(one.value or 0 for one in votes) > 0 and not trace["abstained"]
        if best is None and useful:
            bearing = [one["chunk_id"] for one in trace["citations"]]
        reference = corrected(trace, best) if best else trace["answer"] if useful else ""
        given = [hit["chunk_id"] for hit in trace["hits"] if hit["in_context"]]
        contexts = [(one, answered.passages[one]) for one in given if one in answered.passages]
        bears = [(one, answered.passages[one]) for one in bearing if one in answered.passages]
        body = {
            "question": trace["query_standalone"],
            "contexts": [passage.text for _, passage in contexts],
            "context_ids": [chunk_id for chunk_id, _ in contexts],
            "response": trace["answer"],
            "reference": reference,
            "reference_contexts": [passage.text for _, passage in bears],
            "reference_ids": [chunk_id for chunk_id, _ in bears],
        }
        clean = self._clean("evaluation", body, answered)
        if clean is None:
            return
        key = _key("evaluation", clean.body)
        self._item("evaluation", key, answered, clean)
        for event in [*votes, *corrections]:
            self._opinions.think(
                key, _opinion(event, 1.0 if event.correction else event.value or 0)
            )

    # --- what all of them do ---

    def _wants(self, task: Task) -> bool:
        return task in self._spec.tasks

    def _agreed(self, task: Task, answered: Answered, events: Sequence[Event]) -> list[Event]:
        """Those whose people, who asked and who said it, agreed to the task's purpose.

        An expert's opinion on somebody else's answer is given to be used.
        """
        found = agreed(PURPOSES[task], answered.trace, events)
        if len(found) < len(events):
            self._opinions.omit(task, "consent", len(events) - len(found))
        return found

    def _usable(self, task: Task, answered: Answered, *, model: bool) -> bool:
        """Whether a row may be made of it; `model`: with the answer as the model wrote it."""
        reason = self._unusable(answered, model=model, trains=task != "evaluation")
        if reason is not None:
            self._opinions.omit(task, reason)
        return reason is None

    @staticmethod
    def _unusable(answered: Answered, *, model: bool, trains: bool) -> Omission | None:
        trace = answered.trace
        # What people wrote of an answer may repeat what may not be read.
        if trace["answer"] == REMOVED:
            return "withheld"
        if not answered.prompt:
            return _unprompted(trace)
        if not trace["answer"]:
            return "no_answer"
        if model and (trace["finish_reason"] != "stop" or trace["error"]):
            return "unfinished"
        if model and trains and trace["output_training_policy"] != "allow":
            return "policy"
        return None

    def _asked(self, answered: Answered) -> None:
        """Questions that read the same once redacted belong together, as the same words do."""
        if self._redactor is None:
            return
        question = answered.trace["query_standalone"]
        try:
            left = self._redactor.words(question)
        except TooHard:
            # No row is made of it either.
            return
        if left != question:
            self._opinions.about(answered.cluster, [_key("asked", left.casefold().split())])

    def _clean(self, task: Task, body: Mapping[str, Any], *answers: Answered) -> _Clean | None:
        """What of an item may be written; None, which is told, where nobody knows."""
        if self._redactor is None:
            return _Clean(body, [(one.trace["id"], one.facts) for one in answers], {})
        scope = self._redactor.scope(task)
        try:
            left = within(scope, body)
            facts = [(one.trace["id"], _told(scope, one.facts)) for one in answers]
        except TooHard:
            self._opinions.omit(task, "not_redacted")
            return None
        return _Clean(left, facts, scope.counts)

    def _item(self, task: Task, key: str, answered: Answered, clean: _Clean, **more: Any) -> None:
        replaced = clean.replaced
        self._opinions.add(task, key, answered.cluster, clean.body, replaced=replaced, **more)
        for trace_id, facts in clean.facts:
            self._opinions.source(key, trace_id, facts)


class Said:
    """Events by what they are about."""

    def __init__(self, events: Sequence[Event], spec: DatasetSpec) -> None:
        kinds = ("answer", "citation", "chunk", "pair", "missing_document")
        found: dict[str, list[Event]] = {name: [] for name in kinds}
        for one in events:
            if one.signal in spec.signals and one.value is not None:
                found.get(one.target["kind"], []).append(one)
        self.votes = found["answer"]
        self.passages = [*found["citation"], *found["chunk"]]
        self.pairs = found["pair"]
        self.missing = found["missing_document"]
        self.corrections = [one for one in events if one.correction]
        if "correction" not in spec.signals:
            self.corrections = []
        self.all = [*self.votes, *self.passages, *self.corrections]


def agreed(purpose: Purpose, trace: Trace, events: Sequence[Event]) -> list[Event]:
    """Those whose people, who asked and who said it, agreed to a purpose."""
    if purpose not in trace["consent"].get("purposes", ()):
        return []
    return [
        one
        for one in events
        if purpose in one.purposes or (one.rater == "expert" and one.actor != one.asker)
    ]


def found_relevant(
    trace: Trace, votes: Sequence[Event], corrections: Sequence[Event], passages: Sequence[Event]
) -> Iterator[tuple[Event, str, float]]:
    """Which passages of an answer somebody found relevant, or not; what they said of one itself
    goes last, and so counts."""
    cited = dict.fromkeys(one["chunk_id"] for one in trace["citations"])
    for event in votes:
        if (event.value or 0) > 0 and not trace["abstained"]:
            yield from ((event, chunk_id, USED) for chunk_id in cited)
    for event in corrections:
        for chunk_id in (event.correction or {}).get("chunk_ids", ()):
            yield event, chunk_id, 1.0
    for event in passages:
        yield event, event.target["chunk_id"], event.value or 0.0


def corrected(trace: Trace, event: Event) -> str:
    """The whole answer as it should have been, also where only a part of it was corrected."""
    text = str((event.correction or {})["text"])
    span = event.target.get("span")
    if event.target["kind"] != "span" or not span:
        return text
    start, end = span
    return f"{trace['answer'][:start]}{text}{trace['answer'][end:]}"


def _unprompted(trace: Trace) -> Omission:
    """Why there is no prompt: what it had may not be told, or nothing was ever to be in it."""
    if not trace["hits"]:
        return "no_passage_text"
    told = any(one.get("removed") or one["in_context"] for one in trace["hits"])
    return "withheld" if told or trace["rendered_messages"] else "no_prompt"


def _told(scope: Scope, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of an answer, in the words of its row."""
    names = ("question", "standalone")
    left = scope.redacted([("", facts[name]) for name in names])
    # From the digest of a short document, what was replaced in it can be guessed.
    documents = [
        {name: value for name, value in one.items() if name != "text_sha256"}
        for one in facts["documents"]
    ]
    return {**facts, **dict(zip(names, left, strict=True)), "documents": documents}


def _units(trace: Trace, chunk_id: str) -> Iterator[str]:
    """The parts of its document that a passage stands in."""
    for hit in trace["hits"]:
        if hit["chunk_id"] == chunk_id:
            start, end = hit["span"]
            for n in range(start // WINDOW, max(start, end - 1) // WINDOW + 1):
                yield f"{hit['doc_id']}:{n}"


def _opinion(event: Event, value: float) -> Opinion:
    at = event.at.isoformat()
    return Opinion(event.actor, value, event.rater == "expert", event.id, at)


def _dumped(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [message.model_dump() for message in messages]


def _key(kind: str, value: Any) -> str:
    return hashlib.sha256(f"{kind} {line(value)}".encode()).hexdigest()
