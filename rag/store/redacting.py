"""A trace without the words of some documents, and without what was made of these."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

REMOVED = "[removed: no longer readable]"


def sources(trace: Mapping[str, Any]) -> set[str]:
    """The documents that the answer of a trace may tell of, by their ids.

    A quoted answer says what it cites. A composed one may say whatever the model was given, or was
    told of by earlier answers. An abstention names the titles it looked at.
    """
    found = {citation["document_id"] for citation in trace["citations"]}
    if trace["abstained"]:
        found |= {hit["doc_id"] for hit in trace["hits"]}
    if trace["rendered_messages"]:
        found |= {hit["doc_id"] for hit in trace["hits"] if hit["in_context"]}
        found |= set(trace["told"] or ())
    return found


def named(trace: Mapping[str, Any]) -> set[str]:
    """Every document that a trace has something of."""
    others = {one["other"]["document_id"] for one in trace["conflicts"]}
    hits = {hit["doc_id"] for hit in trace["hits"]}
    return sources(trace) | hits | others | set(trace["told"] or ())


def redacted(trace: Mapping[str, Any], readable: Set[str]) -> dict[str, Any]:
    """The trace without a word of documents that are not readable, nor what was made of them.

    A version that was replaced stays: its document may still be read. Of what an assistant is said
    to have answered before, only what names its trace stays: nobody knows what the rest was made
    of.
    """
    hits: list[dict[str, Any]] = trace["hits"]
    messages: list[dict[str, Any]] = trace["rendered_messages"]
    answers = any(message["role"] == "assistant" for message in messages)
    # Traces of old do not say what the model had been told by them.
    hearsay = answers if trace["told"] is None else not readable >= set(trace["told"])
    composed = bool(messages) and any(
        hit["in_context"] and hit["doc_id"] not in readable for hit in hits
    )
    spoiled = not sources(trace) <= readable or (hearsay and bool(messages))
    shown = {
        **trace,
        "hits": [hit if hit["doc_id"] in readable else _unsaid(hit) for hit in hits],
        "citations": [
            one if one["document_id"] in readable else _unquoted(one) for one in trace["citations"]
        ],
    }
    # Nor that there was anything else to read.
    shown["conflicts"] = [
        one for one in trace["conflicts"] if one["other"]["document_id"] in readable
    ]
    shown["rendered_messages"] = [
        {**message, "content": REMOVED}
        if composed or (message["role"] == "assistant" and (hearsay or "trace_id" not in message))
        else message
        for message in messages
    ]
    if hearsay:
        shown["query_standalone"] = trace["query_raw"]
    if spoiled:
        # Not the hash either: who guesses a text could confirm it.
        shown |= {"answer": REMOVED, "answer_sha": "", "error": trace["error"] and REMOVED}
        shown["claims"] = [{**one, "text": REMOVED, "reason": REMOVED} for one in trace["claims"]]
    return shown


def _unsaid(hit: dict[str, Any]) -> dict[str, Any]:
    """The hit without its story, in which stages may tell the words they found."""
    scores = [{**score, "why": REMOVED} for score in hit["scores"]]
    return {**hit, "scores": scores, "removed": True}


def _unquoted(citation: dict[str, Any]) -> dict[str, Any]:
    return {**citation, "document": REMOVED, "uri": "", "quote": REMOVED, "boxes": []}
