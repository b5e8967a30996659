"""What `build` joins and everything in this package works with."""

from __future__ import annotations

from dataclasses import dataclass

from rag.config import Settings
from rag.ingest.chunking import StructureChunker
from rag.ingest.parsing import ParserPool
from rag.protocols import Embedder, Index, Reranker
from rag.store.blobs import Blobs
from rag.store.ledger import Ledger
from rag.store.traces import Traces
from rag.store.uploads import Uploads
from rag.store.vault import Vault


@dataclass(frozen=True)
class Parts:
    """The parts of one data folder, each made once."""

    settings: Settings
    ledger: Ledger
    blobs: Blobs
    uploads: Uploads
    traces: Traces
    vault: Vault
    index: Index
    embedder: Embedder
    reranker: Reranker | None
    chunker: StructureChunker
    parsers: ParserPool
