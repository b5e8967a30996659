"""The whole extension surface: implement one, name it in an entry point, run its contract test.

I/O is async; `parse` and `chunk` are pure and synchronous. Capability is data, never a subclass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

from rag.datasets import Exported, Row, Split, Task
from rag.file_kinds import FileKind
from rag.types import (
    Candidates,
    Change,
    Chunk,
    Cursor,
    Document,
    Filter,
    Finish,
    Hit,
    IndexQuery,
    Message,
    Payload,
    Point,
    RawDocument,
    SparseVector,
)


@runtime_checkable
class Connector(Protocol):
    """Reads one source. Built as `Class(config)`; entry-point group `rag.connectors`.

    `Config` is the form, the validation and the documentation of the source.
    """

    Config: ClassVar[type[BaseModel]]

    async def check(self) -> str:
        """Say in one sentence what would be read, or raise SourceError or ConfigError."""
        ...

    def discover(self, state: Cursor) -> AsyncIterator[Change]:
        """List what is there. With `state.value` None the listing is full, ending in `complete`.

        A listing that breaks raises SourceError: then nothing is deleted.
        """
        ...

    async def fetch(self, change: Change) -> RawDocument:
        """The bytes of an upsert. Raises DocumentFailed (try later) or DocumentRejected (never)."""
        ...

    async def aclose(self) -> None: ...


@runtime_checkable
class ReadersByKey(Protocol):
    """A connector whose configuration alone says, by its key, who may read a document."""

    def readers_of(self, key: str) -> frozenset[str]: ...


@runtime_checkable
class Parser(Protocol):
    """Turns bytes of the media types it names into a Document; built as `Class(settings)`."""

    media_types: ClassVar[frozenset[str]]

    def parse(self, raw: RawDocument, media_type: str) -> Document:
        """Raises DocumentRejected with a stable reason; never returns a Document without text."""
        ...


@runtime_checkable
class Chunker(Protocol):
    """Cuts a Document into Chunks; `fingerprint` changes whenever it would be cut otherwise."""

    fingerprint: str

    def chunk(self, document: Document) -> list[Chunk]: ...


@runtime_checkable
class Embedder(Protocol):
    """Turns text into unit vectors of `dimension` floats.

    `fingerprint` names model and weights: equal fingerprints mean interchangeable vectors.
    `max_tokens` is the longest input embedded uncut; `count_tokens` counts as the model does.
    `urgent` texts belong to a question: they never wait for what a sync embeds.
    """

    fingerprint: str
    dimension: int
    max_tokens: int

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    async def embed_documents(
        self, texts: Sequence[str], *, urgent: bool = False
    ) -> list[tuple[float, ...]]: ...

    async def embed_query(self, text: str) -> tuple[float, ...]: ...

    async def aclose(self) -> None: ...


@runtime_checkable
class SparseEncoder(Protocol):
    """BM25 term weights; document and query weights differ. The index applies IDF."""

    fingerprint: str

    def encode_document(self, text: str) -> SparseVector: ...

    def encode_query(self, text: str) -> SparseVector: ...


@runtime_checkable
class Index(Protocol):
    """Named vectors `dense` and `bm25` with payload, in generations that never mix.

    An acknowledged write survives kill -9. Every call names its generation; an unknown one raises
    NotFound. Engine faults raise EngineError.
    """

    async def create(self, generation: str, dimension: int) -> None:
        """Make an empty generation; one that exists with the same dimension is left as it is."""
        ...

    async def generations(self) -> Mapping[str, int]:
        """Every generation with its number of points."""
        ...

    async def drop(self, generation: str) -> None:
        """Remove a generation and its files; a missing one is not an error."""
        ...

    async def upsert(self, generation: str, points: Sequence[Point]) -> None:
        """Write points durably; an equal chunk_id is overwritten. A bad dimension writes none."""
        ...

    async def delete(self, generation: str, filter: Filter) -> None: ...

    async def set_file_kind(self, generation: str, filter: Filter, kind: FileKind) -> None:
        """Let the points that match be of this kind of file; all else of them stays."""
        ...

    async def count(self, generation: str, filter: Filter | None = None) -> int: ...

    async def search(self, generation: str, query: IndexQuery) -> Candidates:
        """Both lists in one call, permissions outermost, ties broken by chunk_id."""
        ...

    async def payloads(self, generation: str, chunk_ids: Sequence[str]) -> Mapping[str, Payload]:
        """What is stored beside these chunks' vectors, by chunk_id; one that is gone is left out.

        Checks no permission: ask for what may be shown.
        """
        ...

    async def nearest(
        self, generation: str, vector: Sequence[float], *, above: float, limit: int
    ) -> list[tuple[float, Payload]]:
        """What is stored beside the `limit` dense vectors that are nearest to one, each with its
        cosine, from the nearest on; none below `above`. Checks no permission."""
        ...

    async def vectors(
        self, generation: str, chunk_ids: Sequence[str]
    ) -> Mapping[str, tuple[float, ...]]:
        """The dense vectors of these chunks, each of length 1; one that is gone is left out."""
        ...

    async def optimize(self, generation: str) -> None:
        """Build what speeds up search; blocks no search for more than 100 ms."""
        ...

    async def aclose(self) -> None: ...


@runtime_checkable
class Reranker(Protocol):
    """Scores (question, text) pairs; higher is better."""

    fingerprint: str

    async def rerank(self, question: str, hits: Sequence[Hit]) -> list[float]: ...

    async def aclose(self) -> None: ...


@runtime_checkable
class Explains(Protocol):
    """A Reranker that can tell why."""

    async def reasons(self, question: str, hits: Sequence[Hit]) -> list[Mapping[str, float]]:
        """By how much each thing that it looks at, by name, moves each hit beside the others."""
        ...


@runtime_checkable
class Generator(Protocol):
    """Streams text for messages. `name` is shown to people; `context_window` is in its own tokens.

    An `extractive` generator is one whose text is quoted from the hits it was given.
    """

    name: str
    context_window: int
    max_output_tokens: int

    def count_tokens(self, text: str) -> int: ...

    def stream(
        self,
        messages: Sequence[Message],
        hits: Sequence[Hit],
        on_finish: Callable[[Finish], None] = ...,
    ) -> AsyncIterator[str]:
        """Yield pieces of text. Citation markers are `[n]`, n counting `hits` from 1.

        After the last piece `on_finish` is told how the text ended, once. A text that ends
        otherwise raises ModelError; leaving the iteration early drops the connection.
        """
        ...

    async def aclose(self) -> None: ...


@runtime_checkable
class Exporter(Protocol):
    """Writes rows in one consumer's format; entry-point group `rag.exporters`.

    Made without arguments, once per export. Its entry point's name is the format's.
    """

    about: ClassVar[str]
    """Who reads it and as what, in one sentence."""
    tasks: ClassVar[tuple[Task, ...]]
    """Whose rows it can hold; it is given no others."""
    trains: ClassVar[bool]
    """It is made to train on, so it is never given the split `test`."""

    def export(self, rows: Mapping[Task, Mapping[Split, Iterable[Row]]], folder: Path) -> Exported:
        """Write files into an empty folder, and say what they hold and what was left out and why.

        Every task and split is there, be it without rows; each is read once at most, in order,
        and never held whole. Equal rows give equal bytes.
        """
        ...
