"""All documents and all needs of the sample domain."""

from __future__ import annotations

from sample import mails, manuals, parts, policies, restricted, service, several, unanswerable
from sample.model import Doc, Need


def documents() -> list[Doc]:
    return [
        doc
        for part in (manuals, parts, policies, service, mails, restricted)
        for doc in part.documents()
    ]


def needs(docs: list[Doc]) -> list[Need]:
    """What can be answered from one document, from several, and not at all."""
    single = [need for doc in docs for need in doc.needs]
    return [*single, *several.needs(single), *unanswerable.needs()]
