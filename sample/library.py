"""All documents and all needs of the sample domain."""

from __future__ import annotations

from sample import manuals, parts
from sample.model import Doc, Need


def documents() -> list[Doc]:
    return [*manuals.documents(), *parts.documents()]


def needs(docs: list[Doc]) -> list[Need]:
    """What can be answered from one document, from several, and not at all."""
    return [need for doc in docs for need in doc.needs]
