"""The composition root: settings in, a running App out."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from rag.app.chunkers import Chunkers
from rag.app.encoders import Encoders
from rag.app.facade import App
from rag.app.parts import Parts
from rag.backends.bm25 import Bm25Encoder
from rag.backends.kept_questions import KeptQuestions
from rag.backends.openai_embeddings import OpenAICompatibleEmbedder
from rag.backends.presidio import Presidio
from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.backends.reranker import CrossEncoderReranker
from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.config import IndexSettings, RerankingSettings, Settings
from rag.domain import RetrievalKnobs
from rag.errors import ConfigError
from rag.ingest.chunking import StructureChunker
from rag.ingest.parsing import ParserPool
from rag.learn.retrieval import evaluate_beir
from rag.protocols import Embedder, Index
from rag.store.accounts import Accounts
from rag.store.audit import Audit
from rag.store.blobs import Blobs
from rag.store.candidates import Candidates
from rag.store.conversations import Conversations
from rag.store.database import Database
from rag.store.feedback import FeedbackLog
from rag.store.folder import DataFolder
from rag.store.ledger import Ledger
from rag.store.outbox import Outbox
from rag.store.repeats import Repeats
from rag.store.runs import Runs
from rag.store.signins import Keys, Sessions
from rag.store.spending import Spending
from rag.store.traces import Traces
from rag.store.upkeep import Upkeep
from rag.store.uploads import Uploads
from rag.store.vault import KEY_FILE, Vault
from rag.types import Progress, utc_now

PARSERS = (
    "rag.backends.pdf:PdfParser",
    "rag.backends.ocr:ImageParser",
    "rag.backends.tabular:TabularParser",
    "rag.backends.unstructured:UnstructuredParser",
)
THREADS = 64
"""For calls that block. One that waits costs little; too few, and slow sources stop all answers."""


async def build(settings: Settings, *, serve_url: str | None = None) -> App:
    """Open a data folder and join the parts. Raises Locked, ConfigError; loads no model yet.

    The running loop gets threads of its own for what blocks.
    """
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "blocking"))
    async with AsyncExitStack() as stack:
        folder = await asyncio.to_thread(
            DataFolder.acquire, settings.data, serve_url or "", shared=settings.many_processes
        )
        stack.callback(folder.release)
        database = Database(settings.database_url)
        stack.callback(database.close)
        await asyncio.to_thread(database.migrate)
        index = _index(settings.index, settings.data)
        stack.push_async_callback(index.aclose)
        embedder = _embedder(settings)
        stack.push_async_callback(embedder.aclose)
        ledger = Ledger(database)
        encoders = Encoders(embedder, ledger.generations, settings)
        stack.push_async_callback(encoders.aclose)
        reranker = _reranker(settings.reranking, settings.data)
        if reranker is not None:
            stack.push_async_callback(reranker.aclose)
        parsers = ParserPool(settings.parsing, PARSERS)
        stack.push_async_callback(parsers.aclose)
        subscribed = {name: one.events for name, one in settings.webhooks.items()}
        outbox = Outbox(database, utc_now, subscribed)
        traces = Traces(database, settings.data)
        chunker = StructureChunker(embedder, settings.chunking)
        parts = Parts(
            settings=settings,
            ledger=ledger,
            blobs=Blobs(settings.data / "blobs"),
            uploads=Uploads(database, utc_now),
            runs=Runs(database, utc_now, outbox.announce),
            traces=traces,
            conversations=Conversations(database, utc_now),
            spending=Spending(database),
            feedback=FeedbackLog(database, utc_now, outbox.announce),
            outbox=outbox,
            vault=Vault(settings.data / KEY_FILE),
            accounts=Accounts(database, utc_now),
            sessions=Sessions(database, utc_now),
            keys=Keys(database, utc_now),
            audit=Audit(database, utc_now),
            repeats=Repeats(database, utc_now),
            upkeep=Upkeep(database, utc_now),
            index=index,
            embedder=embedder,
            encoders=encoders,
            reranker=reranker,
            chunker=chunker,
            chunkers=Chunkers(chunker, embedder, Candidates(database, utc_now)),
            parsers=parsers,
            finder=Presidio(settings.redaction, traces.sealed),
        )
        return App(parts, stack.pop_all(), apart=bool(serve_url))


async def evaluate_retrieval(
    settings: Settings,
    folder: Path,
    split: str,
    language: str = "en",
    progress: Callable[[Progress], None] = lambda _: None,
) -> Mapping[str, Any]:
    """nDCG, recall and reciprocal rank on a BEIR folder, in an index of its own, kept nowhere."""
    embedder = _embedder(settings)
    with tempfile.TemporaryDirectory(prefix="ratchet-") as scratch:
        index = QdrantEdgeIndex(Path(scratch), settings.index.optimize_above)
        try:
            return await evaluate_beir(
                folder,
                split,
                embedder=embedder,
                sparse=Bm25Encoder(language),
                index=index,
                chunker=StructureChunker(embedder, settings.chunking),
                knobs=RetrievalKnobs(),
                progress=progress,
            )
        finally:
            await index.aclose()
            await embedder.aclose()


def _index(settings: IndexSettings, data: Path) -> Index:
    if settings.engine == "qdrant_server":
        if not settings.url:
            raise ConfigError(
                "index.engine is qdrant_server, but index.url is empty.",
                hint="Set index.url or RAG_INDEX__URL.",
            )
        # Its client takes most of a second to import, which every command would wait for.
        from rag.backends.qdrant_server import QdrantServerIndex

        return QdrantServerIndex(settings.url, settings.api_key.get_secret_value())
    return QdrantEdgeIndex(data / "index", settings.optimize_above)


def _embedder(settings: Settings) -> Embedder:
    chosen = settings.embedding
    if chosen.provider == "openai_compatible":
        return KeptQuestions(
            OpenAICompatibleEmbedder(chosen, local_only=settings.gateway.local_only)
        )
    return KeptQuestions(SentenceTransformersEmbedder(chosen, settings.data / "cache"))


def _reranker(settings: RerankingSettings, data: Path) -> CrossEncoderReranker | None:
    if not settings.model:
        return None
    return CrossEncoderReranker(data / Path(settings.model).expanduser(), settings.threads)
