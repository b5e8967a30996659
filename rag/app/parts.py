"""What `build` joins and everything in this package works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from rag.app.chunkers import Chunkers
from rag.app.encoders import Encoders
from rag.config import Settings
from rag.ingest.chunking import StructureChunker
from rag.ingest.parsing import ParserPool
from rag.learn.redaction import Finder
from rag.protocols import Embedder, Index, Reranker
from rag.store.accounts import Accounts
from rag.store.audit import Audit
from rag.store.blobs import Blobs
from rag.store.conversations import Conversations
from rag.store.database import Guard
from rag.store.feedback import FeedbackLog
from rag.store.ledger import Ledger
from rag.store.outbox import Outbox
from rag.store.repeats import Repeats
from rag.store.runs import Runs
from rag.store.signins import Keys, Sessions
from rag.store.spending import Spending
from rag.store.traces import Traces
from rag.store.upkeep import Upkeep
from rag.store.uploads import Uploads
from rag.store.vault import Vault

Sweep = Callable[[], Awaitable[int]]
"""Takes out of what was derived whatever is no more; returns of how much."""


@dataclass(frozen=True)
class Parts:
    """The parts of one data folder, each made once."""

    settings: Settings
    ledger: Ledger
    blobs: Blobs
    uploads: Uploads
    runs: Runs
    traces: Traces
    conversations: Conversations
    spending: Spending
    feedback: FeedbackLog
    outbox: Outbox
    vault: Vault
    accounts: Accounts
    sessions: Sessions
    keys: Keys
    audit: Audit
    repeats: Repeats
    upkeep: Upkeep
    index: Index
    embedder: Embedder
    """The configured one, by which questions are compared; an index may be of another."""
    encoders: Encoders
    reranker: Reranker | None
    chunker: StructureChunker
    """The configured one; an index may be cut by another."""
    chunkers: Chunkers
    parsers: ParserPool
    finder: Finder
    """Of what is personal in a text."""

    def guarded(self, guard: Guard) -> Parts:
        """The same parts for one run: every write passes the guard first, in its transaction."""
        return replace(self, ledger=self.ledger.guarded(guard), uploads=self.uploads.guarded(guard))
