"""Every verb of Ratchet on one object, whatever face asks: API, command line or a program."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, closing
from typing import Any

import structlog

from rag import plugins
from rag.app.access import Access
from rag.app.accounts import Accounts
from rag.app.added_models import DeclaredModels
from rag.app.agreement import Agreeing
from rag.app.candidate_trials import CandidateTrials
from rag.app.conversations import Conversations
from rag.app.credentials import Credentials
from rag.app.curation import Curation
from rag.app.dataset_runs import DatasetRuns, DatasetWork
from rag.app.datasets import Datasets
from rag.app.declared import Declarations
from rag.app.defaults import Defaults
from rag.app.documents import Documents
from rag.app.domains import Domains
from rag.app.drafting import Drafted
from rag.app.explaining import Explained, Explaining, ExplainRequest
from rag.app.feedback import Ratings
from rag.app.gaps import Gaps
from rag.app.generations import GenerationInfo, Generations
from rag.app.health import Health
from rag.app.housekeeping import Housekeeping
from rag.app.loras import Loras
from rag.app.model_verbs import ModelVerbs
from rag.app.models import Models
from rag.app.oidc import Oidc
from rag.app.once import Once
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.privacy import Privacy
from rag.app.quotas import Quotas
from rag.app.rounds import Rounds
from rag.app.runs import Runs
from rag.app.sources import Sources
from rag.app.traces import Traces
from rag.app.trials import Trials
from rag.app.tuning import Tuning
from rag.app.upkeep import Condition, Upkeep
from rag.app.uploads import Uploads
from rag.app.viewing import View
from rag.app.writing import Writing
from rag.domain import Pack
from rag.errors import InvalidInput, Unavailable
from rag.feedback import Consent, ConsentAsked, Feedback, Verdict
from rag.learn.evaluation import evaluate_pack
from rag.models.budgets import Budgets
from rag.models.told import Costs, Days, ModelCheck, ModelInfo
from rag.store.added import AddedModels
from rag.store.choices import Choice, ScoreCard
from rag.store.daily import Split
from rag.store.ended import Ended, ended
from rag.store.freshness import Measured
from rag.store.spending import By
from rag.store.uploads import Upload
from rag.types import (
    Answer,
    AnswerEvent,
    AskRequest,
    Check,
    Collected,
    ConnectorInfo,
    DocumentInfo,
    DomainInfo,
    Group,
    Original,
    Payload,
    Principal,
    Progress,
    Rotated,
    Run,
    Schedule,
    SearchRequest,
    SearchResult,
    SourceInfo,
    SyncReport,
)
from rag.webhooks import Webhooks

log = structlog.get_logger(__name__)
OnProgress = Callable[[Progress], None]


class App:
    """Every verb of Ratchet for one data folder. Made by `build`, ended by `aclose`."""

    def __init__(self, parts: Parts, resources: AsyncExitStack, *, apart: bool = False) -> None:
        """`apart`: runs are left to whoever calls `work`, here or in another process."""
        self.settings = parts.settings
        self._parts = parts
        self._resources = resources
        budgets = Budgets(parts.settings.budgets, parts.spending, parts.ledger.now)
        added = AddedModels(parts.ledger.database, parts.ledger.now)
        declared = Declarations(parts.settings, added, parts.vault)
        self._models = Models(parts.settings, budgets, declared)
        self._domains = Domains(parts, self._models)
        self.accounts = Accounts(parts)
        self.access = Access(parts, self.accounts)
        self.oidc = Oidc(parts, self.accounts)
        self._people = People(parts, self._domains, self.accounts)
        self._documents = Documents(parts, self._domains, self._people)
        self._traces = Traces(parts, self._people)
        self.conversations = Conversations(parts, self._people, self._traces, self.accounts)
        self._ratings = Ratings(parts, self._people, self._traces)
        self.once = Once(parts, self._traces)
        self._quotas = Quotas(parts)
        self._credentials = Credentials(parts, added)
        self._sources = Sources(parts, self._domains, self._credentials)
        self._uploads = Uploads(parts)
        self._generations = Generations(parts)
        self.datasets = Datasets(parts, self._domains, self._people, self._traces, self.accounts)
        self._defaults = Defaults(parts, self._models)
        work = DatasetWork(parts, self._domains, self._people, self.datasets, self.accounts)
        others = {"build": work.build, "verify": work.verify}
        self._runs = Runs(parts, self._domains, self._sources, others, apart=apart)
        loras = Loras(parts, self.datasets)
        self.tuning = Tuning(
            parts,
            self._domains,
            self._people,
            self._generations,
            self.accounts,
            loras,
            self._defaults,
            Writing(parts, self._people, self._models),
            self._runs,
        )
        self.candidate_trials = CandidateTrials(
            parts, self._domains, self._generations, self.accounts, self.tuning
        )
        self._explaining = Explaining(
            parts, self._domains, self._people, self._generations, self.tuning
        )
        self.trials = Trials(parts, self._domains, self._models, self._defaults, self.accounts)
        self.declared = DeclaredModels(
            parts, self._domains, self._models, added, self._credentials, self.accounts
        )
        self._model_verbs = ModelVerbs(parts, self._models)
        self._health = Health(parts, self._domains, self._generations, self._models, self._defaults)
        self.dataset_runs = DatasetRuns(parts, self._domains, self.datasets, self._runs)
        sweeps = (self.datasets.sweep, self.tuning.sweep, loras.sweep)
        self.privacy = Privacy(
            parts,
            self._domains,
            self.accounts,
            self._people,
            self._traces,
            self._runs,
            sweeps,
            self.tuning.tainted,
        )
        self.curation = Curation(parts, self._domains, self._people, self._traces, self.accounts)
        self.agreement = Agreeing(parts, self._domains, self._people, self._traces)
        self.gaps = Gaps(parts, self._domains, self._people, self._traces)
        self.rounds = Rounds(parts, self._domains, self.tuning)
        self._housekeeping = Housekeeping(
            parts, (*sweeps, self.candidate_trials.sweep, self.rounds.once)
        )
        self._upkeep = Upkeep(parts)
        self._webhooks = Webhooks(parts.outbox, parts.settings.webhooks)

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

    async def stream(
        self, principal: Principal, request: AskRequest
    ) -> AsyncGenerator[AnswerEvent]:
        """The answer as it is made; the last event is `answer`.

        Within a conversation it is told what was said there before, and becomes a part of it.
        """
        domain = self._domains.get(request.domain)
        _require_words(request.question, "question")
        request = await self.conversations.heard(principal, request)
        part = await self.trials.part(principal, request, domain)
        who = await self._people.within(principal, request.domain)
        generation = await self._generations.answering(domain, request.filter)
        with closing(part.writer), self._ratings.answering(principal) as told:
            if part.writer.composes:
                await self._quotas.require(principal)
            place = await self.conversations.place(principal, request)
            levers, side = await self.candidate_trials.part(principal, request, domain, generation)
            answer = domain.asker.stream(
                who,
                request,
                generation,
                part.writer,
                levers=levers,
                side=side,
                place=place,
                answered=part.answered,
            )
            async with aclosing(answer) as events:
                async for event in events:
                    told(event)
                    yield event
            if side:
                self.candidate_trials.soon()

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        """The hits the principal may read, best first."""
        domain = self._domains.get(request.domain)
        _require_words(request.query, "query")
        who = await self._people.within(principal, request.domain)
        generation = await self._generations.answering(domain, request.filter)
        return await domain.retriever.retrieve(
            who,
            request.query,
            generation=generation.id,
            limit=request.limit,
            filter=request.filter,
            levers=await self.tuning.levers(domain, generation),
        )

    async def explain(self, principal: Principal, request: ExplainRequest) -> Explained:
        """How a search comes about, stage by stage, of what the principal may read."""
        _require_words(request.query, "query")
        return await self._explaining.explain(principal, request)

    async def generations(
        self, principal: Principal, domain: str | None = None
    ) -> list[GenerationInfo]:
        """Every build of the domain's index that there is, and whether it can be searched."""
        return await self._generations.list(self._domains.get(domain))

    async def trace(self, principal: Principal, trace_id: str) -> Mapping[str, Any]:
        """Everything that made an answer, but for what the principal may no longer read."""
        return await self._traces.get(principal, trace_id)

    async def domains(self, principal: Principal) -> list[str]:
        """The domains in which the principal is known, the default one first."""
        return await self._people.domains(principal)

    # --- feedback ---

    async def rate(
        self,
        principal: Principal,
        trace_id: str,
        verdict: Verdict,
        *,
        key: str | None = None,
        surface: str = "program",
    ) -> Feedback:
        """A person's verdict on their own answer, or on a part of it; the last on each counts."""
        made = await self._ratings.rate(principal, trace_id, verdict, key=key, surface=surface)
        self.candidate_trials.soon()
        return made

    async def feedback(
        self, principal: Principal, trace_id: str, *, history: bool = False
    ) -> list[Feedback]:
        """One's own verdicts on a trace: those in effect, or every event."""
        return await self._ratings.given(principal, trace_id, history=history)

    async def retract(self, principal: Principal, trace_id: str, feedback_id: str) -> Feedback:
        """Take one's own verdict back; the history keeps both."""
        return await self._ratings.retract(principal, trace_id, feedback_id)

    async def consent(self, principal: Principal) -> ConsentAsked:
        """What one's feedback may be used for, and the text that asks for it."""
        return await self._ratings.consent(principal)

    async def agree(self, principal: Principal, consent: Consent) -> ConsentAsked:
        """Let one's feedback from now on be used for these purposes and no other."""
        return await self._ratings.agree(principal, consent)

    # --- groups ---

    async def groups(self, principal: Principal, domain: str | None = None) -> list[Group]:
        """Every group of the domain with who is in it now."""
        return await self._people.groups(domain)

    async def change_group(
        self,
        principal: Principal,
        group: str,
        user: str,
        *,
        belongs: bool,
        domain: str | None = None,
    ) -> Group:
        """Let a person into a group or put them out, from the next question on."""
        changed = await self._people.change(principal, group, user, belongs, domain)
        act = "add to group" if belongs else "remove from group"
        await self.accounts.wrote(principal, act, user, group=group)
        return changed

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
        found = await self._sources.add(connector, config, name, domain)
        await self.accounts.wrote(principal, "add source", found.name, connector=connector)
        return found

    async def connectors(self, principal: Principal) -> list[ConnectorInfo]:
        """The kinds of source that can be added."""
        return await asyncio.to_thread(plugins.connectors)

    async def check_connector(
        self, principal: Principal, *, connector: str, config: Mapping[str, Any]
    ) -> str:
        """What such a source would read; nothing is registered."""
        return await self._sources.check(connector, config)

    async def sources(self, principal: Principal, domain: str | None = None) -> list[SourceInfo]:
        return await self._sources.list(domain)

    async def source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> SourceInfo:
        return await self._sources.get(source, domain)

    async def check_source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> str:
        """What the source would read now, in one sentence. Raises SourceError."""
        return await self._sources.check_known(source, domain)

    async def change_source(
        self,
        principal: Principal,
        source: str,
        config: Mapping[str, Any],
        domain: str | None = None,
    ) -> SourceInfo:
        """Give a source other settings, tried first; those not given stay, None takes one away.

        A server syncs it at once, so that what was read before obeys them too; without a server the
        next sync does. Raises InvalidInput, or Conflict while it is synced.
        """
        # Tried before there is a run: settings that are refused are no run that failed.
        await self._sources.accept(await self._sources.get(source, domain), config)

        async def change(parts: Parts, found: SourceInfo) -> int:
            await self._sources.change(parts, found, config)
            return 0

        await self._runs.change(principal, "set", source, domain, change)
        # The names of the settings alone: their values can be credentials.
        await self.accounts.wrote(principal, "change source", source, settings=sorted(config))
        await self._runs.sync_soon(principal, source, domain)
        return await self._sources.get(source, domain)

    async def pause_source(
        self, principal: Principal, source: str, paused: bool, domain: str | None = None
    ) -> SourceInfo:
        """Read it in no sync, or again; its documents go on answering."""
        found = await self._sources.pause(source, paused, domain)
        await self.accounts.wrote(principal, "pause source" if paused else "resume source", source)
        return found

    async def remove_source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> int:
        """Forget a source with its documents, gone for the next question. Returns how many."""
        count = await self._runs.change(principal, "remove", source, domain, self._sources.remove)
        await self.accounts.wrote(principal, "remove source", source, documents=count)
        return count

    async def release_hold(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> int:
        """Delete the documents whose deletion was held. Returns how many."""
        count = await self._runs.change(principal, "release", source, domain, self._sources.release)
        await self.accounts.wrote(principal, "release hold", source, documents=count)
        return count

    async def retry(
        self,
        principal: Principal,
        source: str,
        document: str | None = None,
        domain: str | None = None,
    ) -> int:
        """Let the next sync try failed, dead and rejected documents again. Returns how many.

        Raises NotFound or Conflict for a document that is not there or did not fail.
        """
        return await self._sources.retry(source, document, domain)

    async def upload(
        self,
        principal: Principal,
        source: str,
        name: str,
        data: bytes,
        *,
        media_type: str | None = None,
        readers: Sequence[str] = (),
        domain: str | None = None,
    ) -> Upload:
        """Keep a document in a source of uploads; sync reads it. The same name again: new version.

        No readers mean the source's. Raises InvalidInput, TooLarge.
        """
        found = await self._sources.get(source, domain)
        return await self._uploads.add(principal, found, name, data, media_type, readers)

    async def uploads(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> list[Upload]:
        """What was uploaded to a source, by name."""
        return await self._uploads.list(await self._sources.get(source, domain))

    async def remove_upload(
        self, principal: Principal, source: str, name: str, domain: str | None = None
    ) -> None:
        """Forget an upload with its document, gone for the next question. Raises NotFound."""

        async def remove(parts: Parts, found: SourceInfo) -> int:
            return await Uploads(parts).remove(found, name)

        await self._runs.change(principal, "remove upload", source, domain, remove)

    async def rotate_keys(self, principal: Principal) -> Rotated:
        """Encrypt every stored credential with a new key."""
        rotated = await self._credentials.rotate()
        said = rotated.model_dump()
        await self.accounts.wrote(principal, "rotate keys", "credentials", **said)
        return rotated

    async def add_pack_sources(self, principal: Principal, domain: str | None = None) -> int:
        """Register what the pack itself brings, but for what is there or was removed."""
        return await self._sources.add_from_pack(domain)

    async def compare_with_pack(self, domain: str | None = None) -> None:
        """Log a warning for each source that is not read as the pack says; every sync does too."""
        await self._sources.compare_with_pack(domain)

    async def sync(
        self,
        principal: Principal,
        *,
        source: str | None = None,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> SyncReport:
        """Read one source, or all; the report adds up what became of every document.

        Each is a run, begun after the one that is under way. Leaving ends what was asked for.
        """
        await self._sources.compare_with_pack(domain)
        return await self._runs.sync(principal, source, domain, progress or _silent)

    async def rebuild(
        self,
        principal: Principal,
        *,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> int:
        """Build a new generation from the kept documents, verify it, then switch to it at once.

        The one before goes on answering until the switch and is kept until the next sync.
        """
        return await self._runs.rebuild(principal, domain, progress or _silent)

    # --- runs ---

    async def start_sync(self, principal: Principal, source: str, domain: str | None = None) -> Run:
        """Ask for a sync that a worker will do. Raises Conflict, naming it, while one goes on."""
        return await self._runs.start(principal, source, domain)

    async def runs(
        self,
        principal: Principal,
        *,
        source: str | None = None,
        domain: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> list[Run]:
        """The latest runs of a domain, or of a source, newest first; those asked for before the
        one with the id `after`."""
        return await self._runs.list(source, domain, limit, after)

    async def run(self, principal: Principal, run_id: str, domain: str | None = None) -> Run:
        return await self._runs.get(run_id, domain)

    async def follow_run(
        self, principal: Principal, run_id: str, domain: str | None = None
    ) -> AsyncIterator[Run]:
        """The run now and whenever it changed, until it has ended."""
        async for run in self._runs.follow(run_id, domain):
            yield run

    async def cancel_run(self, principal: Principal, run_id: str, domain: str | None = None) -> Run:
        """Let it end soon; the source is free once the work has stopped. May be said again."""
        return await self._runs.cancel(run_id, domain)

    async def schedule_source(
        self,
        principal: Principal,
        source: str,
        schedule: Schedule | None,
        domain: str | None = None,
    ) -> SourceInfo:
        """Let a source be read by itself from now on; None for no more."""
        return await self._runs.schedule(source, schedule, domain)

    async def work(self) -> None:
        """Do runs that are asked for or due, and those of workers that died, tell webhooks of
        them, bring indexes up to date, and keep house once a day, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._runs.worker.serve())
            group.create_task(self._webhooks.serve())
            group.create_task(self._housekeeping.serve())
            group.create_task(self._generations.fill_in())

    async def documents(
        self,
        principal: Principal,
        *,
        domain: str | None = None,
        failed: bool = False,
        held: bool = False,
        source: str | None = None,
        search: str = "",
        limit: int | None = None,
        after: str | None = None,
    ) -> list[DocumentInfo]:
        """What the principal may read, or what was not indexed, or whose deletion is held.

        Of every source or of one, and with `search` in their title or address.

        All of it, or `limit` of them after the document with the id `after`.
        """
        return await self._documents.list(
            principal,
            domain,
            failed=failed,
            held=held,
            source=source,
            search=search,
            limit=limit,
            after=after,
        )

    async def original(self, principal: Principal, document_id: str, version: int) -> Original:
        """The bytes of a kept version. NotFound also for whoever may not read the document."""
        return await self._documents.original(principal, document_id, version)

    async def text(self, principal: Principal, document_id: str, version: int) -> str:
        """The parsed text of a kept version: what citation spans count in."""
        return await self._documents.text(principal, document_id, version)

    async def view(
        self, principal: Principal, document_id: str, version: int, *, at: int, size: int
    ) -> View:
        """A part of a kept version as it is built. NotFound also for whoever may not read it."""
        return await self._documents.view(principal, document_id, version, at, size)

    async def about(self, principal: Principal, domain: str | None = None) -> DomainInfo:
        """How a domain greets whoever asks there. NotFound also for strangers."""
        return await self._documents.about(principal, domain)

    async def chunks(
        self,
        principal: Principal,
        document_id: str,
        version: int,
        *,
        after: int = 0,
        limit: int = 100,
    ) -> list[Payload]:
        """What is found of a version, from chunk `after` on; nothing where it answers nothing."""
        return await self._documents.chunks(principal, document_id, version, after, limit)

    # --- models ---

    async def models(self, principal: Principal, domain: str | None = None) -> list[ModelInfo]:
        """Extractive, the declared models and the routes; asks none of them."""
        return await self._model_verbs.list(await self._defaults.default(self.pack(domain)))

    async def check_models(self, principal: Principal, name: str | None = None) -> list[ModelCheck]:
        """Ask one model, or each, for a word. Raises NotFound."""
        return await self._model_verbs.check(name)

    async def model_costs(
        self, principal: Principal, by: By = "model", days: int = 30, domain: str | None = None
    ) -> Costs:
        """What was spent in the last days, and where each budget stands; in one domain, or all."""
        return await self._model_verbs.costs(by, days, domain)

    async def model_days(
        self, principal: Principal, by: Split = "model", days: int = 30, domain: str | None = None
    ) -> Days:
        """What models did day by day, what it cost and how long it took; in one domain, or all."""
        return await self._model_verbs.days(by, days, domain)

    async def conform(
        self,
        principal: Principal,
        model: str,
        domain: str | None = None,
        *,
        progress: OnProgress | None = None,
    ) -> ScoreCard:
        """Run the conformance suite against a model with the domain's prompts; the card is kept."""
        return await self._defaults.conform(
            principal, model, self.pack(domain), progress or _silent
        )

    async def score_cards(
        self, principal: Principal, model: str | None = None, domain: str | None = None
    ) -> list[ScoreCard]:
        """The latest score cards of one model, or of all, newest first."""
        return await self._defaults.cards(self.pack(domain), model)

    async def choose_model(
        self, principal: Principal, model: str, domain: str | None = None, override: str = ""
    ) -> Choice:
        """Let a model or route answer from the next question on. Raises Conflict below the floor.

        `override` says why it may all the same.
        """
        chosen = await self._defaults.choose(principal, model, self.pack(domain), override)
        said = {"domain": chosen.domain, "score": chosen.score, "override": chosen.override}
        await self.accounts.wrote(principal, "choose model", model, **said)
        return chosen

    async def model_choices(self, principal: Principal, domain: str | None = None) -> list[Choice]:
        """Who made which model the default, newest first; the first one counts."""
        return await self._defaults.choices(self.pack(domain))

    # --- quality ---

    async def evaluate(
        self,
        principal: Principal,
        *,
        domain: str | None = None,
        progress: OnProgress | None = None,
    ) -> Mapping[str, Any]:
        """Ask the pack's evals; one half calibrates the threshold, the other is reported."""
        chosen = self._domains.get(domain)
        generation = await self._generations.answering(chosen)
        candid = self._domains.asker(
            chosen.pack.model_copy(
                update={"answer": chosen.pack.answer.model_copy(update={"abstain_below": 0.0})}
            ),
            chosen.retriever,
        )

        default = await self._defaults.default(chosen.pack)
        levers = await self.tuning.levers(chosen, generation)

        async def ask(user: str | None, request: AskRequest) -> AsyncIterator[AnswerEvent]:
            made = self._models.writer(principal, request, chosen.pack.name, default)
            with closing(made) as writer:
                who = self.person(user, domain)
                answer = candid.stream(
                    who,
                    request,
                    generation,
                    writer,
                    levers=levers,
                    record=False,
                    account=principal,
                )
                async for event in answer:
                    yield event

        return await evaluate_pack(chosen.pack, ask, progress or _silent)

    # --- health ---

    async def collect(self, principal: Principal) -> Collected:
        """Keep house now: apply the retention settings, go on with what was to be erased, delete
        kept files that no version and no upload has named for a day."""
        return await self._housekeeping.once()

    async def upkeep(self, principal: Principal) -> Condition:
        """The last backup and when it was read back, what is stored, and who does the runs."""
        return await self._upkeep.look()

    async def freshness(self) -> list[Measured]:
        """How soon what happened at each source took effect, for `/metrics`."""
        return await asyncio.to_thread(self._parts.ledger.freshness.all)

    async def ended_runs(self) -> list[Ended]:
        """What became of the runs of the last day, for `/metrics`."""
        ledger = self._parts.ledger
        return await asyncio.to_thread(ended, ledger.database, ledger.now())

    async def ready(self) -> list[Check]:
        """Cheap: can this process answer now?"""
        return await self._health.ready()

    async def unusable(self) -> list[str]:
        """Models that cannot answer as they are declared."""
        return await self._model_verbs.unusable()

    async def draft_settings(self, principal: Principal, text: str) -> Drafted:
        """What the next start would say of a configuration file with this text; it is not kept."""
        return await self._model_verbs.drafted(text)

    async def doctor(self) -> list[Check]:
        """Every part tried for real, each with what to do when it fails."""
        return await self._health.doctor()

    def person(self, user: str | None, domain: str | None = None) -> Principal:
        """Who asks: someone the domain knows, or this machine's single user with every role."""
        return self._people.person(user, domain)

    def pack(self, domain: str | None = None) -> Pack:
        return self._domains.get(domain).pack

    async def warm(self) -> None:
        """Load the encoder now rather than at the first question."""
        await self._parts.embedder.embed_query("warm")
        for name in self._domains.names():
            live = await asyncio.to_thread(self._parts.ledger.generations.live, name)
            if live is not None and live.encoder is not None:
                await (await self._parts.encoders.of(live.encoder)).embed_query("warm")

    async def aclose(self) -> None:
        await self.trials.aclose()
        await self.candidate_trials.aclose()
        await self._generations.aclose()
        await self._models.aclose()
        await self._resources.aclose()


def _require_words(text: str, what: str) -> None:
    if not text.strip():
        raise InvalidInput(f"The {what} is empty.", hint="Ask something.")
    if "\x00" in text:
        raise InvalidInput(f"The {what} contains a NUL character.")


def _silent(progress: Progress) -> None:
    """Nobody watches."""
