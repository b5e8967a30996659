"""What sources call things, made fit to be kept: no database takes NUL or half a character."""

from __future__ import annotations

from rag.types import Change, RawDocument


def storable(change: Change) -> Change:
    """The change with what no database takes written out; a key like that is a failed item.

    One such line of a listing must not cost the others.
    """
    texts = {name: getattr(change, name) for name in ("key", "uri", "revision", "reason")}
    written = {name: _written_out(text) for name, text in texts.items()}
    readers = frozenset(map(_written_out, change.readers))
    if written == texts and readers == change.readers:
        return change
    if written["key"] != change.key and change.kind in ("upsert", "failed"):
        written["reason"] = written["reason"] or "its name holds characters that cannot be kept"
        return change.model_copy(update={**written, "kind": "failed"})
    return change.model_copy(update={**written, "readers": readers})


def named(raw: RawDocument) -> RawDocument:
    """The document under names that any database takes; most are so already."""
    names = {
        "uri": _written_out(raw.uri),
        "name": _written_out(raw.name),
        "title": _written_out(raw.title) if raw.title is not None else None,
        "readers": frozenset(map(_written_out, raw.readers)),
    }
    if all(getattr(raw, field) == value for field, value in names.items()):
        return raw
    return raw.model_copy(update=names)


def _written_out(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
