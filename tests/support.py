"""Small real parts joined for tests: a database, blobs, an index, a sync over a folder of text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from connectors.files import FilesConfig, FilesConnector
from rag.app.composition import PARSERS
from rag.backends.bm25 import Bm25Encoder
from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.config import ChunkingSettings, EmbeddingSettings, ParsingSettings, SyncSettings
from rag.errors import DocumentRejected
from rag.ingest.chunking import StructureChunker
from rag.ingest.parsing import ParserPool
from rag.ingest.sync import Parse, Syncer
from rag.ingest.write import GenerationWriter
from rag.protocols import Chunker, Embedder, Index
from rag.store.blobs import Blobs
from rag.store.database import Database
from rag.store.generations import Generation
from rag.store.ledger import Ledger
from rag.testing.fakes import HashingEmbedder
from rag.types import (
    Block,
    Chunk,
    Document,
    IndexQuery,
    Payload,
    Principal,
    Progress,
    RawDocument,
    SourceInfo,
    SyncReport,
)


async def parse_text(raw: RawDocument) -> Document:
    """Paragraphs become blocks. The real parsers have tests of their own."""
    text = raw.data.decode(errors="replace")
    if "UNPARSABLE" in text:
        raise DocumentRejected("corrupt", f"{raw.name} cannot be parsed.", hint="Mend it.")
    blocks: list[Block] = []
    at = 0
    for paragraph in text.split("\n\n"):
        if paragraph.strip():
            blocks.append(Block(kind="text", start=at, end=at + len(paragraph)))
        at += len(paragraph) + 2
    return Document(
        title=raw.name,
        text=text,
        blocks=tuple(blocks),
        media_type="text/plain",
        language="en",
        warnings=("hidden_text",) if "HIDDEN" in text else (),
    )


class ParagraphChunker:
    fingerprint = "paragraphs"

    def chunk(self, document: Document) -> list[Chunk]:
        return [
            Chunk(
                ordinal=number,
                text=document.text[block.start : block.end],
                header=document.title,
                start=block.start,
                end=block.end,
                tokens=len(document.text[block.start : block.end].split()),
            )
            for number, block in enumerate(document.blocks)
        ]


class Bench:
    """A folder, a ledger and an index: sync it, look at what became live."""

    dimension = 64

    def __init__(self, root: Path, url: str = "", index: Index | None = None) -> None:
        self.folder = root / "documents"
        self.folder.mkdir(exist_ok=True)
        self.database = Database(url or f"sqlite:///{root / 'ratchet.db'}")
        self.database.migrate()
        self.ledger = Ledger(self.database)
        self.blobs = Blobs(root / "blobs")
        self.index = index or QdrantEdgeIndex(root / "index", 20_000)
        self.embedder: Embedder = HashingEmbedder(self.dimension)
        self.parse: Parse = parse_text
        self.chunker: Chunker = ParagraphChunker()
        self.sparse = Bm25Encoder("en")
        self.source: SourceInfo | None = None

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    async def generation(self) -> Generation:
        live = self.ledger.generations.live("test")
        if live is None:
            live = self.ledger.generations.add("test", {"embedder": "x"}, self.dimension, "live")
        await self.index.create(live.id, live.dimension)
        return live

    async def writer(self) -> GenerationWriter:
        return GenerationWriter(
            ledger=self.ledger,
            index=self.index,
            embedder=self.embedder,
            sparse=self.sparse,
            generation=await self.generation(),
        )

    def syncer(self, **settings: float) -> Syncer:
        return Syncer(
            ledger=self.ledger,
            blobs=self.blobs,
            parse=self.parse,
            chunker=self.chunker,
            settings=SyncSettings.model_validate(settings),
            workers=2,
        )

    async def sync(
        self,
        connector: object | None = None,
        progress: Callable[[Progress], None] = lambda _: None,
        writer: GenerationWriter | None = None,
        config: dict[str, object] | None = None,
        **settings: float,
    ) -> SyncReport:
        source = self.ledger.sources.add("test", "docs", "files", {})
        read = connector or FilesConnector(FilesConfig(path=self.folder, **(config or {})))
        return await self.syncer(**settings).sync(
            source, read, writer or await self.writer(), progress
        )

    def source_id(self) -> str:
        return self.ledger.sources.add("test", "docs", "files", {}).id

    async def answering(self) -> dict[str, tuple[str, ...]]:
        """Every passage that a search for anything could show, by document, in order."""
        live = await self.generation()
        everyone = Principal(id="anybody")
        # More than there are: a write of a process just killed may still arrive between two calls.
        anything = (1.0, *[0.0] * (self.dimension - 1))
        query = IndexQuery(dense=anything, readers=everyone.readers, limit=100_000)
        found = (await self.index.search(live.id, query)).dense
        admitted = self.ledger.admit(live.id, everyone, [one.chunk_id for one in found])
        shown: dict[str, list[Payload]] = {}
        for payload in (await self.index.payloads(live.id, list(admitted))).values():
            shown.setdefault(payload.uri.rpartition("/")[2], []).append(payload)
        return {
            name: tuple(one.text for one in sorted(payloads, key=lambda one: one.ordinal))
            for name, payloads in shown.items()
        }

    async def close(self) -> None:
        await self.index.aclose()
        self.database.close()


class RealBench(Bench):
    """The same with the encoder, the parsers and the chunker of the product."""

    dimension = 384

    def __init__(self, root: Path, url: str = "") -> None:
        super().__init__(root, url)
        self.embedder = SentenceTransformersEmbedder(EmbeddingSettings(), root / "cache")
        self.parsers = ParserPool(ParsingSettings(workers=1), PARSERS)
        self.parse = self.parsers.parse
        self.chunker = StructureChunker(self.embedder, ChunkingSettings())

    async def close(self) -> None:
        await self.parsers.aclose()
        await self.embedder.aclose()
        await super().close()


def contents(folder: Path) -> dict[Path, bytes]:
    """What every file under a folder holds, by its place in it.

    What is written meanwhile under a name that goes again is looked for anew.
    """
    for _ in range(100):
        try:
            return {
                path.relative_to(folder): path.read_bytes()
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            }
        except FileNotFoundError:
            continue
    raise TimeoutError(f"{folder} is never at rest")
