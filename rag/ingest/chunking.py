"""Cuts a Document into Chunks along its structure, never longer than the embedder reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, Protocol

from rag.config import ChunkingSettings
from rag.errors import ConfigError
from rag.ingest.sentences import Span, split_lines, split_sentences, trim
from rag.types import Block, Box, Chunk, Document

VERSION = 1
# The header says where a chunk stands; more than this share of it would crowd out what it says.
_HEADER_SHARE = 1 / 3
# Tokenizers answer a very long word with one unknown token, so characters are limited as well.
_CHARACTERS_PER_TOKEN = 8
_SEPARATOR = " › "
_SMALLEST_LIMIT = 24
# Where an overlong sentence or row is cut, best first.
_MARKS = ("\n", "; ", "。", ", ", " ")

Kind = Literal["text", "table", "code"]


class TokenCounter(Protocol):
    """The part of an Embedder that cutting needs."""

    @property
    def max_tokens(self) -> int: ...

    @property
    def fingerprint(self) -> str: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...


class _Piece(NamedTuple):
    """A sentence, line or row that stays whole, what it costs, and the block it is from."""

    start: int
    end: int
    tokens: int
    block: Block


class _Run(NamedTuple):
    """Blocks that may share a chunk: one heading path, one kind, nothing between them."""

    headings: tuple[str, ...]
    kind: Kind
    hidden: bool
    blocks: list[Block]


class _Draft(NamedTuple):
    run: _Run
    pieces: list[_Piece]


class StructureChunker:
    """Packs whole sentences, list items, table rows and code lines up to `size` tokens.

    A chunk stays within one heading path. Header and text together never exceed the embedder's
    limit. Every character of every block that is not space is in a chunk; headings are in the
    header, or in a chunk of their own where nothing stands below them.
    """

    def __init__(self, embedder: TokenCounter, settings: ChunkingSettings) -> None:
        limit = embedder.max_tokens
        if limit < _SMALLEST_LIMIT:
            raise ConfigError(
                f"The embedder reads {limit} tokens; cutting needs at least {_SMALLEST_LIMIT}.",
                hint="Raise embedding.max_tokens or choose another model.",
            )
        self._counter = embedder
        self._limit = limit
        self._size = min(settings.size, limit)
        self._overlap = min(settings.overlap, self._size // 3)
        self.cut = ChunkingSettings(size=self._size, overlap=self._overlap)
        """As far as the embedder reads."""
        self._special = embedder.count_tokens([""])[0]
        self.fingerprint = (
            f"structure-{VERSION}:{self._size}:{self._overlap}:{limit}:{embedder.fingerprint}"
        )

    def chunk(self, document: Document) -> list[Chunk]:
        headers = _Headers(self, document.title)
        headers.measure(block.headings for block in document.blocks)
        runs = list(_runs(document, headers))
        pieces = self._pieces(document.text, runs, headers)
        drafts = [
            _Draft(run, part)
            for run, own in zip(runs, pieces, strict=True)
            for part in self._pack(own, self._room(headers.tokens(run.headings)))
        ]
        return list(self._finish(document, drafts, headers))

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone, without those that mark start and end."""
        return [n - self._special for n in self._counter.count_tokens(texts)] if texts else []

    @property
    def header_room(self) -> int:
        return int(self._size * _HEADER_SHARE)

    def _room(self, header_tokens: int) -> int:
        return max(1, self._size - self._special - header_tokens)

    # --- pieces -------------------------------------------------------------------------------

    def _pieces(self, text: str, runs: list[_Run], headers: _Headers) -> list[list[_Piece]]:
        """The pieces of each run, counted together in one batch, none larger than its room."""
        spans: list[tuple[int, Span, Block]] = []
        for number, run in enumerate(runs):
            room = self._room(headers.tokens(run.headings))
            for block in run.blocks:
                for span in _natural(text, block):
                    for part in _windows(text, span, room * _CHARACTERS_PER_TOKEN):
                        spans.append((number, part, block))
        counts = self.count([text[a:b] for _, (a, b), _ in spans])
        pieces: list[list[_Piece]] = [[] for _ in runs]
        for (number, span, block), tokens in zip(spans, counts, strict=True):
            room = self._room(headers.tokens(runs[number].headings))
            for part, cost in self._fit(text, span, tokens, room):
                pieces[number].append(_Piece(*part, cost, block))
        return pieces

    def _fit(self, text: str, span: Span, tokens: int, room: int) -> Iterator[tuple[Span, int]]:
        """The span itself, or its halves, and theirs, until each fits."""
        start, end = span
        if tokens <= room or end - start < 2:
            yield span, max(tokens, math.ceil((end - start) / _CHARACTERS_PER_TOKEN))
            return
        halves = _halve(text, span)
        counts = self.count([text[a:b] for a, b in halves])
        for half, cost in zip(halves, counts, strict=True):
            yield from self._fit(text, half, cost, room)

    # --- packing ------------------------------------------------------------------------------

    def _pack(self, pieces: list[_Piece], room: int) -> list[list[_Piece]]:
        """Neighbouring pieces in as few chunks as fit, filled evenly so that none is a leftover."""
        best = self._fill(pieces, room)
        # The lowest filling that needs no more chunks, by bisection.
        low, high = max((piece.tokens for piece in pieces), default=room), room
        while low < high:
            middle = (low + high) // 2
            tried = self._fill(pieces, middle)
            if len(tried) <= len(best):
                best, high = tried, middle
            else:
                low = middle + 1
        return best

    def _fill(self, pieces: list[_Piece], room: int) -> list[list[_Piece]]:
        chunks: list[list[_Piece]] = []
        filled = room
        for piece in pieces:
            if filled + piece.tokens > room or not chunks:
                kept = self._repeated(chunks[-1], room - piece.tokens) if chunks else []
                chunks.append(kept)
                filled = sum(each.tokens for each in kept)
            chunks[-1].append(piece)
            filled += piece.tokens
        return chunks

    def _repeated(self, pieces: list[_Piece], room: int) -> list[_Piece]:
        """The last whole pieces of a chunk that the next one starts with."""
        kept: list[_Piece] = []
        left = min(self._overlap, room)
        for piece in reversed(pieces[1:]):
            left -= piece.tokens
            if left < 0:
                break
            kept.append(piece)
        return kept[::-1]

    # --- finishing ----------------------------------------------------------------------------

    def _finish(
        self, document: Document, drafts: list[_Draft], headers: _Headers
    ) -> Iterator[Chunk]:
        """Count every chunk exactly as it will be embedded; cut again what came out too long.

        Pieces are counted alone, and a tokenizer may count them otherwise when joined.
        """
        lines = {
            id(block): split_lines(document.text, block.start, block.end)
            for block in document.blocks
            if len(block.boxes) > 1
        }
        settled = self._settle(document.text, drafts, headers)
        for ordinal, ((run, pieces), tokens) in enumerate(settled):
            start, end = pieces[0].start, pieces[-1].end
            blocks = {id(piece.block): piece.block for piece in pieces}
            yield Chunk(
                ordinal=ordinal,
                text=document.text[start:end],
                header=headers.text(run.headings),
                headings=run.headings,
                page=pieces[0].block.page,
                boxes=tuple(
                    box
                    for key, block in blocks.items()
                    for box in _boxes(block, lines.get(key, []), start, end)
                ),
                start=start,
                end=end,
                tokens=tokens,
                kind=run.kind,
                hidden=run.hidden,
            )

    def _settle(
        self, text: str, drafts: list[_Draft], headers: _Headers
    ) -> Iterator[tuple[_Draft, int]]:
        texts = [text[d.pieces[0].start : d.pieces[-1].end] for d in drafts]
        shown = [headers.text(d.run.headings) for d in drafts]
        counts = self._counter.count_tokens(
            [
                f"{header}\n{text}" if header else text
                for header, text in zip(shown, texts, strict=True)
            ]
        )
        for draft, own, tokens in zip(drafts, texts, counts, strict=True):
            if tokens <= self._limit or len(own) < 2:
                yield draft, tokens
            else:
                halves = [_Draft(draft.run, half) for half in _halves(text, draft.pieces)]
                yield from self._settle(text, halves, headers)


class _Headers:
    """The header of each heading path: title and headings, shortened to the room they have."""

    def __init__(self, chunker: StructureChunker, title: str) -> None:
        self._chunker = chunker
        self._title = _flat(title)
        self._known: dict[tuple[str, ...], tuple[str, int]] = {}

    def measure(self, paths: Iterable[tuple[str, ...]]) -> None:
        """Count all that are new in one batch."""
        new = [path for path in dict.fromkeys(paths) if path not in self._known]
        full = [self._join(path) for path in new]
        counts = self._chunker.count(full)
        for path, header, tokens in zip(new, full, counts, strict=True):
            if tokens > self._chunker.header_room:
                header = self._shorten(path)
                tokens = self._chunker.count([header])[0]
            self._known[path] = (header, tokens)

    def text(self, path: tuple[str, ...]) -> str:
        if path not in self._known:
            self.measure([path])
        return self._known[path][0]

    def tokens(self, path: tuple[str, ...]) -> int:
        self.text(path)
        return self._known[path][1]

    def _join(self, path: Sequence[str]) -> str:
        parts = [self._title, *map(_flat, path)]
        return _SEPARATOR.join(
            part for n, part in enumerate(parts) if part and (n == 0 or part != parts[n - 1])
        )

    def _shorten(self, path: tuple[str, ...]) -> str:
        """Title and nearest heading; if that is still too long, each cut to half the room."""
        room = self._chunker.header_room
        ends = self._join(path[-1:])
        if self._chunker.count([ends])[0] <= room:
            return ends
        cut = [self._cut(_flat(part), room // 2 - 1) for part in (self._title, *path[-1:])]
        return _SEPARATOR.join(part for part in cut if part)

    def _cut(self, text: str, room: int) -> str:
        text = text[: max(0, room) * _CHARACTERS_PER_TOKEN]
        while text and self._chunker.count([text])[0] > room:
            text = text[: len(text) * 3 // 4].rstrip()
        return text


def _runs(document: Document, headers: _Headers) -> Iterator[_Run]:
    """Blocks gathered as far as they may share a chunk; a heading ends a run."""
    run: _Run | None = None
    blocks = [b for b in document.blocks if document.text[b.start : b.end].strip()]
    followers = [following for _, following in pairwise([*blocks, None])]
    for block, following in zip(blocks, followers, strict=True):
        if block.kind == "heading":
            if run:
                yield run
            run = None
            name = _flat(document.text[block.start : block.end])
            if following is None or not _shows(headers.text(following.headings), name, following):
                above = block.headings[:-1] if _ends_in(block.headings, name) else block.headings
                yield _Run(above, "text", block.hidden, [block])
            continue
        kind: Kind = block.kind if block.kind in ("table", "code") else "text"
        if run and _joins(document.text, run, block, kind):
            run.blocks.append(block)
            continue
        if run:
            yield run
        run = _Run(block.headings, kind, block.hidden, [block])
    if run:
        yield run


def _joins(text: str, run: _Run, block: Block, kind: Kind) -> bool:
    between = text[run.blocks[-1].end : block.start]
    alike = (run.headings, run.kind, run.hidden) == (block.headings, kind, block.hidden)
    # Text that no block covers is not searched, so a chunk must not reach across it.
    return alike and not between.strip()


def _shows(header: str, name: str, following: Block) -> bool:
    """Whether a heading is seen in the header of what follows it, so needs no chunk of its own."""
    return any(_flat(heading) == name for heading in following.headings) and name in header


def _ends_in(headings: tuple[str, ...], name: str) -> bool:
    return bool(headings) and _flat(headings[-1]) == name


def _natural(text: str, block: Block) -> list[Span]:
    """What should stay whole in a block: sentences, or its lines where lines mean something."""
    if block.kind in ("text", "heading"):
        inner = split_sentences(text[block.start : block.end])
        return [(block.start + a, block.start + b) for a, b in inner]
    return split_lines(text, block.start, block.end)


def _windows(text: str, span: Span, width: int) -> Iterator[Span]:
    """The span in parts of at most `width` characters, cut where it hurts least."""
    start, end = span
    while end - start > width:
        cut = _boundary(text, start + width // 2, start + width)
        yield from _solid(text, (start, cut))
        start = cut
    yield from _solid(text, (start, end))


def _halve(text: str, span: Span) -> list[Span]:
    start, end = span
    cut = _boundary(text, start + (end - start) // 4, (start + end + 1) // 2)
    return [*_solid(text, (start, cut)), *_solid(text, (cut, end))]


def _halves(text: str, pieces: list[_Piece]) -> list[list[_Piece]]:
    if len(pieces) > 1:
        middle = len(pieces) // 2
        return [pieces[:middle], pieces[middle:]]
    (piece,) = pieces
    spans = _halve(text, (piece.start, piece.end))
    return [[piece._replace(start=a, end=b)] for a, b in spans]


def _boundary(text: str, low: int, high: int) -> int:
    """Where to cut, within (low, high]: after a line, a clause or a word, or else at `high`."""
    for mark in _MARKS:
        found = text.rfind(mark, low, high)
        if found >= 0:
            return found + len(mark)
    return high


def _solid(text: str, span: Span) -> list[Span]:
    start, end = trim(text, *span)
    return [(start, end)] if start < end else []


def _boxes(block: Block, lines: list[Span], start: int, end: int) -> Iterator[Box]:
    """The boxes of the lines within the span where the block has one per line, else all of them."""
    if len(lines) != len(block.boxes):
        yield from block.boxes
        return
    for (first, last), box in zip(lines, block.boxes, strict=True):
        if first < end and last > start:
            yield box


def _flat(text: str) -> str:
    return " ".join(text.split())
