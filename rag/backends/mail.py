"""E-mail, as .eml and .msg: who wrote to whom, the text, and the names of what was attached."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import email
import email.policy
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any, cast

from oxmsg import Message as Outlook

from rag.backends.drafting import Draft, aware
from rag.backends.plain import add_text
from rag.errors import DocumentRejected
from rag.types import RawDocument

MAX_PARTS = 5_000
MAX_DEPTH = 30
NAMED = 50
"""Attachments named; more are counted."""
FIELDS = ("From", "To", "Cc", "Date", "Subject")
MAX_FIELD = 2_000


AddPage = Callable[[Draft, str], None]
"""How HTML is added to a draft."""


def add_eml(draft: Draft, raw: RawDocument, page: AddPage) -> None:
    """A message and those within it. Attachments are named, never opened.

    Raises DocumentRejected(nesting | member_count).
    """
    if raw.data.count(b"\n--") > 4 * MAX_PARTS:
        raise _too_many(raw.name)
    message = email.message_from_bytes(raw.data, policy=email.policy.default)
    fields = {name: _field(message, name) for name in FIELDS}
    _head(draft, fields)
    with suppress(ValueError, TypeError):
        draft.created_at = aware(parsedate_to_datetime(fields["Date"]))
    attached: list[str] = []
    for count, part in enumerate(_shown(message, raw.name, 0), start=1):
        if count > MAX_PARTS:
            raise _too_many(raw.name)
        if not _is_body(part):
            attached.append(_file_name(part))
        elif part.get_content_type() == "text/html":
            page(draft, _content(part, draft))
        else:
            add_text(draft, _content(part, draft).replace("\r\n", "\n"))
    _attached(draft, attached)


def add_msg(draft: Draft, data: bytes, page: AddPage) -> None:
    """An Outlook message, read like any other."""
    message: Any = Outlook.load(io.BytesIO(data))
    sent: datetime | None = message.sent_date
    receivers = "; ".join(
        f"{receiver.name} <{receiver.email_address}>" for receiver in message.recipients
    )
    fields = {
        "From": str(message.sender or ""),
        "To": receivers,
        "Date": sent.isoformat(" ", "minutes") if sent else "",
        "Subject": str(message.subject or ""),
    }
    _head(draft, fields)
    draft.created_at = aware(sent)
    if message.html_body:
        page(draft, str(message.html_body))
    else:
        add_text(draft, str(message.body or "").replace("\r\n", "\n"))
    _attached(draft, [str(part.file_name or "unnamed") for part in message.attachments])


def _head(draft: Draft, fields: dict[str, str]) -> None:
    lines = [f"{name}: {value[:MAX_FIELD]}" for name, value in fields.items() if value]
    draft.title = fields["Subject"]
    draft.text("\n".join(lines))


def _field(message: EmailMessage, name: str) -> str:
    """A header as text; a broken one as it stands."""
    try:
        values = message.get_all(name) or []
    except Exception:  # noqa: BLE001 - the header parser raises many things on broken ones
        values = [value for key, value in message.raw_items() if key.lower() == name.lower()]
    return " ".join(", ".join(str(value) for value in values).split())


def _shown(part: EmailMessage, name: str, depth: int) -> Iterator[EmailMessage]:
    """The leaves in order; of alternatives only the richest that is text."""
    if depth > MAX_DEPTH:
        raise DocumentRejected(
            "nesting",
            f"'{name}' holds messages within messages, more than {MAX_DEPTH} deep.",
            hint="Save the inner messages as files of their own.",
        )
    if not part.is_multipart():
        yield part
        return
    children = cast(list[EmailMessage], part.get_payload())
    options = [_shown(child, name, depth + 1) for child in children]
    if part.get_content_type() != "multipart/alternative":
        for option in options:
            yield from option
        return
    read = [list(option) for option in options]
    readable = [leaves for leaves in read if any(_is_body(leaf) for leaf in leaves)]
    yield from (readable or read or [[]])[-1]


def _too_many(name: str) -> DocumentRejected:
    return DocumentRejected(
        "member_count",
        f"'{name}' has more than {MAX_PARTS:,} parts.",
        hint="Save its attachments as files of their own.",
    )


def _is_body(part: EmailMessage) -> bool:
    return (
        not part.is_multipart()
        and part.get_content_type() in {"text/plain", "text/html"}
        and part.get_content_disposition() != "attachment"
        and not part.get_filename()
    )


def _content(part: EmailMessage, draft: Draft) -> str:
    """A body as text, whatever charset it claims."""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    for charset in (part.get_content_charset() or "utf-8", "utf-8"):
        with suppress(UnicodeError, LookupError):
            return data.decode(charset)
    draft.warn("encoding: the charset that a part names does not fit it")
    return data.decode("cp1252", errors="replace")


def _file_name(part: EmailMessage) -> str:
    try:
        return part.get_filename() or f"unnamed {part.get_content_type()}"
    except Exception:  # noqa: BLE001 - the header parser raises many things on broken ones
        return "unnamed"


def _attached(draft: Draft, names: list[str]) -> None:
    """Attachments by name: data, never a path."""
    if not names:
        return
    shown = "\n".join("- " + " ".join(name.split())[:200] for name in names[:NAMED])
    more = f"\n- and {len(names) - NAMED} more" if len(names) > NAMED else ""
    draft.text(f"Attachments:\n{shown}{more}", "list")
    draft.warn(f"embedded_files: {len(names)} not opened")
