"""The facade with the verbs, and `build`: the only place where parts are chosen and joined."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag import plugins
from rag.answer.ask import CARD_EXTRACTIVE, EXTRACTIVE, Asker, ModelCard
from rag.answer.evidence import Selector
from rag.backends.bm25 import Bm25Encoder
from rag.backends.llamaindex import build_generator
from rag.backends.openai_embeddings import OpenAICompatibleEmbedder
from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.backends.qdrant_server import QdrantServerIndex
from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.config import EmbeddingSettings, IndexSettings, Settings
from rag.domain import Pack, RetrievalKnobs, builtin_pack, load_pack
from rag.errors import (
    ConfigError,
    Conflict,
    GenerationMismatch,
    InvalidInput,
    NotFound,
    RagError,
    Unavailable,
    did_you_mean,
)
from rag.ingest.chunking import StructureChunker
from rag.ingest.parsing import PARSER_FINGERPRINT, ParserPool
from rag.ingest.sync import Syncer
from rag.ingest.write import GenerationWriter
from rag.learn.evaluation import evaluate_pack
from rag.learn.retrieval import evaluate_beir
from rag.protocols import Embedder, Generator, Index
from rag.retrieve.retriever import Retriever
from rag.store.blobs import Blobs
from rag.store.database import Database
from rag.store.folder import DataFolder
from rag.store.ledger import Generation, Ledger
from rag.store.traces import Traces
from rag.types import (
    Answer,
    AnswerEvent,
    AskRequest,
    Check,
    DocumentInfo,
    Original,
    Principal,
    Progress,
    Role,
    SearchRequest,
    SearchResult,
    SourceInfo,
    SyncReport,
)

OnProgress = Callable[[Progress], None]
LOCAL = "local"
PARSERS = (
    "rag.backends.pdf:PdfParser",
    "rag.backends.plain:PlainParser",
    "rag.backends.tabular:TabularParser",
    "rag.backends.records:RecordsParser",
    "rag.backends.mail:MailParser",
    "rag.backends.unstructured:UnstructuredParser",
)


@dataclass(frozen=True)
class Domain:
    """One domain's parts, made when it is first used."""

    pack: Pack
    sparse: Bm25Encoder
    retriever: Retriever
    asker: Asker


class App:
    """Every verb of Ratchet for one data folder. Made by `build`, ended by `aclose`."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        blobs: Blobs,
        traces: Traces,
        index: Index,
        embedder: Embedder,
        chunker: StructureChunker,
        parsers: ParserPool,
        resources: AsyncExitStack,
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.blobs = blobs
        self.traces = traces
        self.index = index
        self.embedder = embedder
        self.chunker = chunker
        self.parsers = parsers
        self._resources = resources
        self._domains: dict[str, Domain] = {}
        self._generators: dict[str, Generator] = {}
        # Two syncs at once would sweep each other's unfinished points.
        self._syncing = asyncio.Lock()

    # --- asking ---

    async def ask(self, principal: Principal, request: AskRequest) -> Answer:
        """The whole answer. Raises NotFound for an unknown model or domain, ModelError."""
        answer: Mapping[str, Any] | None = None
        async for event in self.stream(principal, request):
            if event.event == "answer":
                answer = event.data
        if answer is None:
            raise Unavailable("The answer was cut off.")
        return Answer.model_validate(answer)

    async def stream(self, principal: Principal, request: AskRequest) -> AsyncIterator[AnswerEvent]:
        """The answer as it is made; the last event is `answer`."""
        domain = self._domain(request.domain)
        _require_words(request.question, "question")
        generator, card = self._generator(request.model)
        generation = await self._answering(domain)
        async for event in domain.asker.stream(principal, request, generation, generator, card):
            yield event

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        """The hits the principal may read, best first."""
        domain = self._domain(request.domain)
        _require_words(request.query, "query")
        generation = await self._answering(domain)
        return await domain.retriever.retrieve(
            principal,
            request.query,
            generation=generation.id,
            limit=request.limit,
            filter=request.filter,
        )

    async def trace(self, principal: Principal, trace_id: str) -> Mapping[str, Any]:
        return await asyncio.to_thread(self.traces.get, principal, trace_id)

    # --- sources and documents ---

    async def add_source(
        self,
        principal: Principal,
        *,
        connector: str,
        config: Mapping[str, Any],
        name: str | None = None,
        domain: str | None = None,
    ) -> SourceInfo:
        """Register a source after its connector accepted the configuration and could reach it."""
        chosen = self._domain(domain)
        built = plugins.connector(connector, config)
        try:
            await built.check()
        finally:
            await built.aclose()
        label = name or _default_name(connector, config)
        return await asyncio.to_thread(
            self.ledger.add_source, chosen.pack.name, label, connector, config
        )

    async def sources(self, principal: Principal, domain: str | None = None) -> list[SourceInfo]:
        return await asyncio.to_thread(self.ledger.sources, self._domain(domain).pack.name)

    async def add_pack_sources(self, principal: Principal, domain: str | None = None) -> int:
        """Register what the pack itself brings; those registered already are left as they are."""
        pack = self._domain(domain).pack
        known = {source.name for source in await self.sources(principal, domain)}
        missing = [source for source in pack.sources if source.name not in known]
        for source in missing:
            await self.add_source(
                principal,
                connector=source.connector,
                config=source.config,
                name=source.name,
                domain=domain,
            )
        return len(missing)

    async def sync(
        self,
        principal: Principal,
        *,
        source: str | None = None,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> SyncReport:
        """Read one source, or all; the report adds up what became of every document."""
        chosen = self._domain(domain)
        known = await self.sources(principal, domain)
        wanted = [one for one in known if source in (None, one.name, one.id)]
        if not wanted:
            names = [one.name for one in known]
            if source is None:
                raise NotFound(
                    "There is no source yet.", hint="Add one: rag add files PATH --name NAME."
                )
            raise NotFound(f"There is no source '{source}'.", hint=did_you_mean(source, names))
        async with self._syncing:
            writer = self._writer(chosen, await self._writable(chosen))
            syncer = self._syncer()
            reports: list[SyncReport] = []
            for one in wanted:
                connector = plugins.connector(one.connector, one.config)
                try:
                    reports.append(await syncer.sync(one, connector, writer, progress or _silent))
                except* RagError as group:
                    raise _first(group) from group
                finally:
                    await connector.aclose()
            await self.index.optimize(writer.generation.id)
            await self._drop_retired(chosen.pack.name)
        return _summed(reports)

    async def rebuild(
        self,
        principal: Principal,
        *,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> int:
        """Build a new generation from the kept originals, verify it, then switch to it at once.

        The one before goes on answering until the switch and is kept until the next sync.
        """
        chosen = self._domain(domain)
        name = chosen.pack.name
        async with self._syncing:
            live = await asyncio.to_thread(self.ledger.live_generation, name)
            if live is None:
                raise NotFound("There is nothing to rebuild yet.", hint="Run: rag sync.")
            stale = await asyncio.to_thread(self.ledger.building_generation, name)
            if stale is not None:
                await self._drop(stale)
            target = await self._new_generation(chosen, "building")
            writer = self._writer(chosen, target)
            await self._syncer().rebuild(live, writer, progress or _silent)
            await self._verify(live, target)
            await self.index.optimize(target.id)
            await asyncio.to_thread(self.ledger.switch, target.id)
            return (await asyncio.to_thread(self.ledger.placed, target.id))[0]

    async def documents(
        self, principal: Principal, *, domain: str | None = None, failed: bool = False
    ) -> list[DocumentInfo]:
        name = self._domain(domain).pack.name
        return await asyncio.to_thread(self.ledger.documents, name, principal, failed)

    async def original(self, principal: Principal, document_id: str, version: int) -> Original:
        """The bytes of a kept version. NotFound also for whoever may not read the document."""
        stored = await asyncio.to_thread(self.ledger.version, principal, document_id, version)
        data = await asyncio.to_thread(self.blobs.get, stored.content_hash)
        return Original(data=data, name=stored.name, media_type=stored.media_type)

    async def text(self, principal: Principal, document_id: str, version: int) -> str:
        """The parsed text of a kept version: what citation spans count in."""
        stored = await asyncio.to_thread(self.ledger.version, principal, document_id, version)
        document = await asyncio.to_thread(self.blobs.get_document, stored.text_hash)
        return document.text

    # --- quality ---

    async def evaluate(
        self,
        principal: Principal,
        *,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> Mapping[str, Any]:
        """Ask the pack's evals; one half calibrates the threshold, the other is reported."""
        chosen = self._domain(domain)
        generation = await self._answering(chosen)
        generator, card = self._generator(None)
        candid = self._asker(
            chosen.pack.model_copy(
                update={"answer": chosen.pack.answer.model_copy(update={"abstain_below": 0.0})}
            ),
            chosen.retriever,
        )

        def ask(user: str | None, request: AskRequest) -> AsyncIterator[AnswerEvent]:
            return candid.stream(
                self.person(user, domain), request, generation, generator, card, record=False
            )

        return await evaluate_pack(chosen.pack, ask, progress or _silent)

    # --- health ---

    async def ready(self) -> list[Check]:
        """Cheap: can this process answer now?"""
        checks = [await self._check("database", self._database_check)]
        checks.append(await self._check("index", self._index_check))
        return checks

    async def doctor(self) -> list[Check]:
        """Every part tried for real, each with what to do when it fails."""
        checks = await self.ready()
        checks.append(await self._check("embedder", self._embedder_check))
        checks.append(await self._check("domain", self._domain_check))
        checks.append(await self._check("answer model", self._model_check))
        return checks

    def person(self, user: str | None, domain: str | None = None) -> Principal:
        """Who asks: one of the pack's people, or this machine's single user with every role."""
        if user is None or user == LOCAL:
            pack = self._domain(domain).pack
            groups = {group for person in pack.people for group in person.groups}
            return Principal(id=LOCAL, groups=frozenset(groups), roles=frozenset(Role))
        return self._domain(domain).pack.person(user).principal

    def pack(self, domain: str | None = None) -> Pack:
        return self._domain(domain).pack

    async def warm(self) -> None:
        """Load the encoder now rather than at the first question."""
        await self.embedder.embed_query("warm")

    async def aclose(self) -> None:
        for generator in self._generators.values():
            await generator.aclose()
        await self._resources.aclose()

    # --- inside: domains, models, generations ---

    def _domain(self, name: str | None) -> Domain:
        wanted = name or self.settings.domain
        if wanted not in self._domains:
            self._domains[wanted] = self._load_domain(wanted)
        return self._domains[wanted]

    def _load_domain(self, name: str) -> Domain:
        declared = self.settings.domains.get(name)
        if declared is not None:
            pack = load_pack(self.settings.data / declared.pack)
            if pack.name != name:
                raise ConfigError(
                    f"domains.{name}.pack is the pack '{pack.name}'.",
                    hint=f"Call the domain '{pack.name}', or name the right folder.",
                )
        else:
            try:
                pack = load_pack(builtin_pack(name))
            except NotFound as error:
                raise NotFound(
                    f"There is no domain '{name}'.",
                    hint=did_you_mean(name, sorted(self.settings.domains))
                    or "Declare it under [domains] in rag.toml.",
                ) from error
        sparse = Bm25Encoder(pack.language)
        retriever = Retriever(
            pack=pack,
            index=self.index,
            embedder=self.embedder,
            sparse=sparse,
            ledger=self.ledger,
            blobs=self.blobs,
        )
        return Domain(pack, sparse, retriever, self._asker(pack, retriever))

    def _asker(self, pack: Pack, retriever: Retriever) -> Asker:
        return Asker(
            pack=pack,
            retriever=retriever,
            selector=Selector(self.embedder),
            traces=self.traces,
            chunker_revision=self.chunker.fingerprint,
        )

    def _generator(self, name: str | None) -> tuple[Generator | None, ModelCard]:
        wanted = name or self.settings.answer.model
        if wanted == EXTRACTIVE:
            return None, CARD_EXTRACTIVE
        declared = self.settings.models.get(wanted)
        if declared is None:
            known = [EXTRACTIVE, *self.settings.models]
            raise NotFound(f"There is no model '{wanted}'.", hint=did_you_mean(wanted, known))
        if wanted not in self._generators:
            self._generators[wanted] = build_generator(wanted, declared)
        card = ModelCard(
            provider=declared.provider,
            model=declared.model,
            params={
                "temperature": declared.temperature,
                "max_output_tokens": declared.max_output_tokens,
                "context_window": declared.context_window,
            },
            output_training_policy=declared.output_training_policy,
        )
        return self._generators[wanted], card

    def _fingerprint(self, domain: Domain) -> dict[str, str]:
        return {
            "embedder": self.embedder.fingerprint,
            "sparse": domain.sparse.fingerprint,
            "chunker": self.chunker.fingerprint,
            "parser": PARSER_FINGERPRINT,
        }

    async def _answering(self, domain: Domain) -> Generation:
        """The live generation, if questions can be compared with its vectors."""
        name = domain.pack.name
        live = await asyncio.to_thread(self.ledger.live_generation, name)
        if live is None:
            raise Unavailable(
                f"The domain '{name}' has nothing indexed yet.", hint="Run: rag sync."
            )
        now = self._fingerprint(domain)
        for part in ("embedder", "sparse"):
            if live.fingerprint.get(part) != now[part]:
                raise _mismatch(live, part, now[part])
        return live

    async def _writable(self, domain: Domain) -> Generation:
        """The live generation to write into, made on first use."""
        live = await asyncio.to_thread(self.ledger.live_generation, domain.pack.name)
        if live is None:
            return await self._new_generation(domain, "live")
        now = self._fingerprint(domain)
        for part, value in now.items():
            if live.fingerprint.get(part) != value:
                raise _mismatch(live, part, value)
        await self.index.create(live.id, live.dimension)
        return live

    async def _new_generation(self, domain: Domain, state: Any) -> Generation:
        generation = await asyncio.to_thread(
            self.ledger.add_generation,
            domain.pack.name,
            self._fingerprint(domain),
            self.embedder.dimension,
            state,
        )
        await self.index.create(generation.id, generation.dimension)
        return generation

    async def _verify(self, live: Generation, target: Generation) -> None:
        documents, _ = await asyncio.to_thread(self.ledger.placed, live.id)
        placed, chunks = await asyncio.to_thread(self.ledger.placed, target.id)
        points = await self.index.count(target.id)
        if placed != documents or points != chunks:
            raise Conflict(
                f"The new generation has {placed} of {documents} documents and {points} of "
                f"{chunks} chunks; it was not switched to.",
                hint="Run the rebuild again.",
            )

    async def _drop_retired(self, name: str) -> None:
        for generation in await asyncio.to_thread(self.ledger.retired_generations, name):
            await self._drop(generation)

    async def _drop(self, generation: Generation) -> None:
        await self.index.drop(generation.id)
        await asyncio.to_thread(self.ledger.forget_generation, generation.id)

    def _writer(self, domain: Domain, generation: Generation) -> GenerationWriter:
        return GenerationWriter(
            ledger=self.ledger,
            index=self.index,
            embedder=self.embedder,
            sparse=domain.sparse,
            generation=generation,
        )

    def _syncer(self) -> Syncer:
        return Syncer(
            ledger=self.ledger,
            blobs=self.blobs,
            parse=self.parsers.parse,
            chunker=self.chunker,
            settings=self.settings.sync,
            workers=max(2, self.settings.parsing.workers + 1),
        )

    # --- inside: checks ---

    async def _check(self, name: str, probe: Callable[[], Any]) -> Check:
        try:
            return Check(name=name, ok=True, detail=await probe())
        except RagError as error:
            return Check(name=name, ok=False, detail=error.message, hint=error.hint)

    async def _database_check(self) -> str:
        name = self.settings.domain
        live = await asyncio.to_thread(self.ledger.live_generation, name)
        if live is None:
            return "reachable, nothing indexed yet"
        documents, chunks = await asyncio.to_thread(self.ledger.placed, live.id)
        return f"{documents} documents, {chunks} chunks live in '{name}'"

    async def _index_check(self) -> str:
        generations = await self.index.generations()
        live = await asyncio.to_thread(self.ledger.live_generation, self.settings.domain)
        if live is not None and live.id not in generations:
            raise Unavailable(
                "The live generation is missing from the index.", hint="Run: rag sync --rebuild."
            )
        return f"{self.settings.index.engine}, {sum(generations.values())} points"

    async def _embedder_check(self) -> str:
        await self.embedder.embed_query("pump")
        return f"{self.embedder.fingerprint}, {self.embedder.dimension} dimensions"

    async def _domain_check(self) -> str:
        domain = self._domain(None)
        await self._answering(domain)
        return f"{domain.pack.title}"

    async def _model_check(self) -> str:
        generator, card = self._generator(None)
        return f"{card.provider}/{card.model}" if generator else "extractive: quotes, never invents"


async def build(settings: Settings, *, serve_url: str | None = None) -> App:
    """Open a data folder and join the parts. Raises Locked, ConfigError; loads no model yet."""
    async with AsyncExitStack() as stack:
        folder = await asyncio.to_thread(DataFolder.acquire, settings.data, serve_url or "")
        stack.callback(folder.release)
        url = settings.database.url or f"sqlite:///{(settings.data / 'ratchet.db').resolve()}"
        database = Database(url)
        stack.callback(database.close)
        await asyncio.to_thread(database.migrate)
        index = _index(settings.index, settings.data)
        stack.push_async_callback(index.aclose)
        embedder = _embedder(settings.embedding, settings.data)
        stack.push_async_callback(embedder.aclose)
        parsers = ParserPool(settings.parsing, PARSERS)
        stack.push_async_callback(parsers.aclose)
        return App(
            settings=settings,
            ledger=Ledger(database),
            blobs=Blobs(settings.data / "blobs"),
            traces=Traces(database, settings.data),
            index=index,
            embedder=embedder,
            chunker=StructureChunker(embedder, settings.chunking),
            parsers=parsers,
            resources=stack.pop_all(),
        )


async def evaluate_retrieval(
    settings: Settings, folder: Path, split: str, progress: OnProgress | None = None
) -> Mapping[str, Any]:
    """nDCG, recall and reciprocal rank on a BEIR folder, in an index of its own, kept nowhere."""
    embedder = _embedder(settings.embedding, settings.data)
    with tempfile.TemporaryDirectory(prefix="ratchet-") as scratch:
        index = QdrantEdgeIndex(Path(scratch), settings.index.optimize_above)
        try:
            return await evaluate_beir(
                folder,
                split,
                embedder=embedder,
                sparse=Bm25Encoder("en"),
                index=index,
                chunker=StructureChunker(embedder, settings.chunking),
                knobs=RetrievalKnobs(),
                progress=progress or _silent,
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
        return QdrantServerIndex(settings.url, settings.api_key.get_secret_value())
    return QdrantEdgeIndex(data / "index", settings.optimize_above)


def _embedder(settings: EmbeddingSettings, data: Path) -> Embedder:
    if settings.provider == "openai_compatible":
        return OpenAICompatibleEmbedder(settings)
    return SentenceTransformersEmbedder(settings, data / "cache")


def _mismatch(live: Generation, part: str, now: str) -> GenerationMismatch:
    return GenerationMismatch(
        f"The index was built with {part} '{live.fingerprint.get(part)}', now it is '{now}'; "
        "mixing them would give wrong answers.",
        hint="Run: rag sync --rebuild, or set the configuration back.",
    )


def _require_words(text: str, what: str) -> None:
    if not text.strip():
        raise InvalidInput(f"The {what} is empty.", hint="Ask something.")
    if "\x00" in text:
        raise InvalidInput(f"The {what} contains a NUL character.")


def _default_name(connector: str, config: Mapping[str, Any]) -> str:
    path = config.get("path")
    return (Path(str(path)).resolve().name or connector) if path else connector


def _first(group: BaseExceptionGroup[RagError]) -> RagError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, RagError)
    return error


def _summed(reports: list[SyncReport]) -> SyncReport:
    names = SyncReport.model_fields
    totals = {name: sum(getattr(report, name) for report in reports) for name in names}
    return SyncReport(**{**totals, "seconds": round(totals["seconds"], 3)})


def _silent(progress: Progress) -> None:
    """Nobody watches."""
