"""Office files, HTML, Markdown and their kin by unstructured: offline, silent, nothing executed."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownLambdaType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar

from rag.backends.drafting import Draft, aware
from rag.backends.mail import add_eml, add_msg
from rag.backends.markup import HIDDEN, TABLE, Page, clean, table_rows
from rag.backends.plain import add_text, xml_text
from rag.config import ParsingSettings
from rag.errors import DocumentRejected
from rag.types import Document, RawDocument

OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX = OFFICE + "wordprocessingml.document"
PPTX = OFFICE + "presentationml.presentation"
ODT = "application/vnd.oasis.opendocument.text"
EPUB = "application/epub+zip"
EML, MSG = "message/rfc822", "application/vnd.ms-outlook"
TEXT, XML = "text/plain", "application/xml"
HTML, MARKDOWN = "text/html", "text/markdown"
PANDOC = {"text/x-rst": "rst", "text/org": "org"}
FURNITURE = {"Header", "Footer", "PageBreak", "PageNumber"}
"""Repeated on every page by office programs; none of it is said there alone."""
MAX_SHAPES = 20_000
MAX_HEADING = 300
QUIET = {
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "true",
    "UNSTRUCTURED_DISABLE_NOTICE": "1",
    "HF_HUB_OFFLINE": "1",
}
PLAIN = {"languages": [""], "include_page_breaks": False}
"""No language detection per element: a Document has one language, found elsewhere."""


class UnstructuredParser:
    """Parses office files, pages, mail and text; building one loads unstructured (seconds)."""

    media_types: ClassVar[frozenset[str]] = frozenset(
        {DOCX, PPTX, ODT, EPUB, HTML, MARKDOWN, EML, MSG, TEXT, XML, *PANDOC}
    )

    def __init__(self, settings: ParsingSettings) -> None:
        os.environ.update(QUIET)
        self._partition = _load()
        # What the library loads on first use is then shared by every process forked from here.
        self._partition["html"](text="<p>A sentence. Another one.</p>", **PLAIN)
        self._settings = settings

    def parse(self, raw: RawDocument, media_type: str) -> Document:
        draft = Draft(media_type)
        if media_type == DOCX:
            self._docx(draft, raw.data)
        elif media_type == PPTX:
            self._pptx(draft, raw)
        elif media_type == ODT:
            self._add(draft, self._partition["odt"](file=io.BytesIO(raw.data), **PLAIN))
        elif media_type == MARKDOWN:
            self._markdown(draft, raw.data.decode())
        elif media_type == HTML:
            self._page(draft, raw.data.decode())
        elif media_type == EML:
            add_eml(draft, raw, self._page)
        elif media_type == MSG:
            add_msg(draft, raw.data, self._page)
        elif media_type == TEXT:
            add_text(draft, raw.data.decode())
        elif media_type == XML:
            add_text(draft, xml_text(raw.data.decode()))
        else:
            self._page(draft, self._converted(raw.data, media_type))
        return draft.build()

    def _page(self, draft: Draft, source: str) -> None:
        """Add the text of an HTML page."""
        page = clean(source)
        draft.title = draft.title or page.title
        if page.source:
            self._add(draft, self._partition["html"](text=page.source, **PLAIN), page)

    def _markdown(self, draft: Draft, source: str) -> None:
        """Add Markdown; raw HTML inside it is treated like any page."""
        body, facts = front_matter(source)
        draft.title = facts.get("title", "")
        self._page(draft, self._partition["markdown"](body))

    def _converted(self, data: bytes, media_type: str) -> str:
        """Formats that only pandoc reads, as HTML."""
        convert = self._partition["pandoc"]
        kind = PANDOC.get(media_type, "epub")
        return convert(source_format=kind, file=io.BytesIO(data))

    def _docx(self, draft: Draft, data: bytes) -> None:
        data = _hidden_runs_marked(data)
        _core_properties(draft, self._partition["docx_open"](io.BytesIO(data)).core_properties)
        self._add(draft, self._partition["docx"](file=io.BytesIO(data), **PLAIN))

    def _pptx(self, draft: Draft, raw: RawDocument) -> None:
        deck = self._partition["pptx_open"](io.BytesIO(raw.data))
        _core_properties(draft, deck.core_properties)
        draft.pages = len(deck.slides)
        if draft.pages > self._settings.max_pages:
            raise DocumentRejected(
                "page_limit",
                f"'{raw.name}' has {draft.pages:,} slides; {self._settings.max_pages:,} are read.",
                hint="Split the deck or raise parsing.max_pages.",
            )
        if any(len(slide.shapes) > MAX_SHAPES for slide in deck.slides):
            raise DocumentRejected(
                "resource_limit",
                f"'{raw.name}' has more than {MAX_SHAPES:,} shapes on one slide.",
                hint="Flatten its drawings to pictures.",
            )
        elements = self._partition["pptx"](
            file=io.BytesIO(raw.data), include_slide_notes=True, **PLAIN
        )
        self._add(draft, elements)

    def _add(self, draft: Draft, elements: Iterable[Any], page: Page | None = None) -> None:
        """Elements as blocks; neighbouring list items make one list."""
        # On slides any short line is taken for a title; only the slide's own has no depth.
        slides = draft.media_type == PPTX
        items: list[str] = []
        listed: dict[str, Any] = {}

        def close_list() -> None:
            if items:
                draft.text("\n".join(items), "list", **listed)
                items.clear()

        for element in elements:
            kind = str(element.category)
            text = str(element.text or "")
            if kind in FURNITURE:
                continue
            place: dict[str, Any] = {"page": element.metadata.page_number, "hidden": HIDDEN in text}
            text = text.replace(HIDDEN, "")
            depth = int(element.metadata.category_depth or 0)
            if kind == "ListItem":
                if listed != place:
                    close_list()
                listed = place
                items.append("  " * min(8, max(0, depth - bool(page))) + "- " + text)
                continue
            close_list()
            if page is not None and text.startswith(TABLE):
                rows = page.tables[int(text.split()[-1])]
                hidden = any(HIDDEN in cell for row in rows for cell in row)
                shown = [[cell.replace(HIDDEN, "") for cell in row] for row in rows]
                draft.table(shown, page=place["page"], hidden=hidden)
            elif kind == "Table":
                source = element.metadata.text_as_html
                rows = table_rows(source) if source else [[text]]
                draft.table([[cell.replace(HIDDEN, "") for cell in row] for row in rows], **place)
            elif kind == "Title" and len(text) <= MAX_HEADING and not (slides and depth):
                draft.heading(text, depth + 1, **place)
            else:
                draft.text(text, "code" if kind == "CodeSnippet" else "text", **place)
        close_list()


def _load() -> Mapping[str, Callable[..., Any]]:
    """Import unstructured and stop its first use from fetching a language model."""
    import docx
    import markdown
    import pptx
    import spacy
    import unstructured.nlp.tokenize as tokenize
    import unstructured.partition.html.parser as html_parser
    from unstructured.file_utils.file_conversion import (
        convert_file_to_html_text_using_pandoc,
    )
    from unstructured.partition.docx import partition_docx
    from unstructured.partition.html import partition_html
    from unstructured.partition.odt import partition_odt
    from unstructured.partition.pptx import partition_pptx

    def sentences_only() -> Any:
        pipeline = spacy.blank("en")
        pipeline.add_pipe("sentencizer")
        return pipeline

    setattr(tokenize, "_load_spacy_model", sentences_only)  # noqa: B010 - private on purpose
    # Whether a paragraph is narrative is no matter to us, and took half the time of a page.
    setattr(html_parser, "is_possible_narrative_text", lambda _: False)  # noqa: B010
    extensions = ["tables", "fenced_code", "sane_lists"]
    return {
        "docx": partition_docx,
        "docx_open": docx.Document,
        "html": partition_html,
        "markdown": lambda text: markdown.markdown(text, extensions=extensions),
        "odt": partition_odt,
        "pandoc": convert_file_to_html_text_using_pandoc,
        "pptx": partition_pptx,
        "pptx_open": pptx.Presentation,
    }


def front_matter(source: str) -> tuple[str, dict[str, str]]:
    """Markdown without its leading `---` block, and the plain `key: value` lines of that."""
    found = re.match(
        r"\ufeff?---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", source, re.S
    )
    if not found:
        return source, {}
    facts: dict[str, str] = {}
    for line in found.group(1).splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip() and not key[0].isspace():
            facts[key.strip().lower()] = value.strip().strip("\"'")
    return source[found.end() :], facts


def _hidden_runs_marked(data: bytes) -> bytes:
    """The docx with a mark before text that Word does not show."""
    part = "word/document.xml"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if part not in archive.namelist():
            return data
        body = archive.read(part)
        marked = HIDDEN_RUN.sub(_mark_run, body)
        if marked == body:
            return data
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
            for member in archive.infolist():
                content = marked if member.filename == part else archive.read(member)
                copy.writestr(member.filename, content)
    return target.getvalue()


HIDDEN_RUN = re.compile(
    rb"<w:r(?:\s[^>]*)?>\s*<w:rPr>(?:(?!</w:rPr>).)*?"
    rb"(?:<w:vanish/>|<w:color w:val=\"(?i:ffffff)\"[^>]*/>|<w:sz w:val=\"[01]\"/>)"
    rb"(?:(?!</w:rPr>).)*</w:rPr>(?:(?!</w:r>).)*?<w:t(?:\s[^>]*)?>",
    re.DOTALL,
)
SHADED = re.compile(rb"<w:(?:shd|highlight)\b")


def _mark_run(found: re.Match[bytes]) -> bytes:
    """White text in a table or on a shade is meant to be read: heads of tables look like that."""
    run = found.group()
    if b"<w:vanish/>" not in run:
        before = found.string[max(0, found.start() - 20_000) : found.start()]
        paragraph = before[before.rfind(b"</w:p>") + 1 :]
        in_cell = before.rfind(b"<w:tc>") > before.rfind(b"</w:tc>")
        if in_cell or SHADED.search(run) or SHADED.search(paragraph):
            return run
    return run + HIDDEN.encode()


def _core_properties(draft: Draft, properties: Any) -> None:
    """Title and dates, where the properties hold any that make sense."""
    draft.title = str(properties.title or "").strip()
    for name, field in (("created", "created_at"), ("modified", "modified_at")):
        with suppress(ValueError):
            value = getattr(properties, name)
            if isinstance(value, datetime):
                setattr(draft, field, aware(value))
