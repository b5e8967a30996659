"""A facade without an engine: real nouns, two documents, every behaviour a route must pass on."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from rag.app.access import Access
from rag.app.accounts import Accounts
from rag.app.agreement import ToldDispute
from rag.app.beside import Made
from rag.app.conversations import Conversations
from rag.app.curation import ToReview
from rag.app.drafting import Drafted, drafted
from rag.app.explaining import Explained, ExplainRequest, Listed, Passage, Place
from rag.app.gaps import MissedDocument, ToldGap, ToldQuestion
from rag.app.generations import GenerationInfo
from rag.app.oidc import Oidc
from rag.app.once import Once
from rag.app.privacy import Privacy
from rag.app.upkeep import Condition, Space
from rag.app.viewing import Piece, View
from rag.candidates import Asked as Compared
from rag.candidates import (
    Candidate,
    CandidateComparison,
    CandidateTrial,
    Gain,
    Judgement,
    Kind,
    Release,
    Rules,
    SideFigure,
)
from rag.config import AddedModelSettings, Settings, unusable
from rag.datasets import (
    Dataset,
    DatasetSpec,
    Difference,
    ExportManifest,
    ReviewState,
    Source,
    ToVerify,
    Verification,
)
from rag.domain import RetrievalKnobs
from rag.errors import (
    Conflict,
    DocumentRejected,
    Forbidden,
    InvalidInput,
    NotFound,
    StorageFull,
    did_you_mean,
)
from rag.feedback import Consent, ConsentAsked, Feedback, Rated, Verdict
from rag.jobs import next_due
from rag.learn.clustering import Clusters
from rag.learn.comparing import Changes
from rag.learn.exporting import Format
from rag.learn.gate import judged
from rag.learn.lora import Recipe
from rag.learn.preflight.verifying import fits
from rag.learn.previewing import Shown, ShownExport
from rag.models.told import (
    BudgetState,
    Comparison,
    Costs,
    Days,
    DeclaredModel,
    Figure,
    KeyInfo,
    ModelCheck,
    ModelInfo,
)
from rag.people import checked_name as checked_group
from rag.redaction import Preview, RedactionRules
from rag.store.accounts import Accounts as AccountStore
from rag.store.agreement import Agreement, Disputed, Period, Rater
from rag.store.audit import Audit
from rag.store.blobs import Blobs
from rag.store.choices import Choice, ScoreCard, Trial
from rag.store.conversations import Conversations as ConversationStore
from rag.store.daily import Daily, Pace
from rag.store.database import Database
from rag.store.ended import Ended
from rag.store.freshness import BOUNDS, Measured
from rag.store.gaps import Asked
from rag.store.generations import left_behind
from rag.store.inbox import Said, Wanted
from rag.store.ledger import Ledger
from rag.store.repeats import Repeats
from rag.store.signins import Keys, Sessions
from rag.store.spending import Spent
from rag.store.traces import Traces
from rag.store.upkeep import Underway
from rag.store.uploads import Upload, checked_name
from rag.store.vault import KEY_FILE, Vault
from rag.types import (
    Answer,
    AnswerEvent,
    AskRequest,
    Check,
    Citation,
    Claim,
    Collected,
    ConnectorInfo,
    DocumentInfo,
    DomainInfo,
    Group,
    Hit,
    Member,
    Original,
    Payload,
    Principal,
    Progress,
    Role,
    Rotated,
    Run,
    RunProgress,
    Schedule,
    Score,
    SearchRequest,
    SearchResult,
    SourceInfo,
    SyncReport,
    Usage,
    utc_now,
)

DOCUMENT = "doc-1"
CHUNK = "00000000-0000-4000-8000-000000000001"
TEXT = "A pump is covered for 24 months. \x1b[31mNot red."
TRACE = "trace-1"
SLOW = "slow question"


class Stores:
    """What accounts are kept in: the real stores, on a database made when first needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def folder(self) -> Path:
        if self.settings.data.is_dir():
            return self.settings.data
        return Path(tempfile.mkdtemp(prefix="ratchet-test-"))

    @cached_property
    def database(self) -> Database:
        made = Database(f"sqlite:///{self.folder / 'ratchet.db'}")
        made.migrate()
        return made

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.database)

    @cached_property
    def blobs(self) -> Blobs:
        return Blobs(self.folder / "blobs")

    @cached_property
    def vault(self) -> Vault:
        return Vault(self.settings.data / KEY_FILE)

    @cached_property
    def traces(self) -> Traces:
        return Traces(self.database, self.folder)

    @cached_property
    def accounts(self) -> AccountStore:
        return AccountStore(self.database, utc_now)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.database, utc_now)

    @cached_property
    def keys(self) -> Keys:
        return Keys(self.database, utc_now)

    @cached_property
    def conversations(self) -> ConversationStore:
        return ConversationStore(self.database, utc_now)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self.database, utc_now)

    @cached_property
    def repeats(self) -> Repeats:
        return Repeats(self.database, utc_now)


class Known:
    """Everybody is, in every domain; and what they were answered before is not kept here."""

    async def within(self, principal: Principal, domain: str | None) -> Principal:
        return principal

    async def some(self, who: Principal, domain: str, trace_ids: Sequence[str]) -> dict[str, Any]:
        return {}


class FakeDatasets:
    """Of one dataset, `month`, in two versions."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def sweep(self) -> int:
        return 0

    async def build(
        self, principal: Principal, spec: DatasetSpec, domain: str | None, progress: Any
    ) -> Dataset:
        progress(Progress(phase="gather", done=2))
        return self.made(spec, 2, domain, principal.id)

    async def list(self, principal: Principal, domain: str | None) -> list[Dataset]:
        return [self.made(DatasetSpec(name="month"), n, domain) for n in (2, 1)]

    async def get(self, principal: Principal, name: str, domain: str | None) -> Dataset:
        if name not in ("month", "month@1", "month@2"):
            raise NotFound(f"There is no dataset '{name}'.")
        return self.made(DatasetSpec(name="month"), int(name[-1]) if "@" in name else 2, domain)

    async def diff(
        self, principal: Principal, one: str, other: str, domain: str | None
    ) -> Difference:
        for name in (one, other):
            await self.get(principal, name, domain)
        return Difference(one=one, other=other, kept={"label": 1}, added={}, removed={}, moved={})

    async def folder(self, principal: Principal, name: str, domain: str | None) -> Path:
        await self.get(principal, name, domain)
        folder = self.root / "dataset"
        (folder / "rows" / "label").mkdir(parents=True, exist_ok=True)
        (folder / "rows" / "label" / "train.jsonl").write_text("{}\n")
        (folder / "manifest.json").write_text("{}\n")
        return folder

    async def begun(
        self, principal: Principal, name: str, format: str, limit: int, domain: str | None
    ) -> ShownExport:
        await self.export(principal, name, format, domain)
        return ShownExport(format=format, rows={}, files=())

    async def changes(
        self, principal: Principal, one: str, other: str, domain: str | None
    ) -> Changes:
        await self.diff(principal, one, other, domain)
        return Changes(one=one, other=other, counts={"kept": 1}, filter=(), changes=())

    async def clusters(
        self, principal: Principal, name: str, limit: int, domain: str | None
    ) -> Clusters:
        await self.get(principal, name, domain)
        return Clusters(count=0, leaks=0, shown=())

    async def redaction(self, principal: Principal) -> RedactionRules:
        return RedactionRules(rev="0" * 16, kinds=("EMAIL_ADDRESS",), optional=True)

    async def preview(self, principal: Principal, text: str) -> Preview:
        left = text.replace("ada@example.com", "<EMAIL_ADDRESS_1>")
        return Preview(text=left, replaced={"EMAIL_ADDRESS": {"EmailRecognizer": 1}})

    async def rows(self, principal: Principal, name: str, *of: Any) -> list[Shown]:
        await self.get(principal, name, None)
        return [Shown(row="0" * 64, line="{}", provenance={"row": "0" * 64})]

    async def formats(self, principal: Principal) -> list[Format]:
        return [Format(name="trl-sft", about="TRL.", tasks=("instruction",), trains=True)]

    async def export(
        self, principal: Principal, name: str, format: str, domain: str | None
    ) -> tuple[ExportManifest, Path]:
        if format != "trl-sft":
            raise InvalidInput(f"There is no format '{format}'.")
        folder = await self.folder(principal, name, domain)
        source = Source(name="month", version="0" * 64, domain=domain or "pumps")
        return ExportManifest(exporter=format, source=source, rows={}, tables=(), files={}), folder

    @staticmethod
    def made(spec: DatasetSpec, number: int, domain: str | None, by: str = "local") -> Dataset:
        return Dataset(
            name=spec.name, number=number, version="0" * 64, domain=domain or "pumps",
            state="kept", spec=spec, manifest={"rows": {"label": {"train": 1}}, "omitted": {}},
            created_by=by, created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip


class FakeDatasetRuns:
    """Builds `month`, and has `month@1` taken in."""

    def __init__(self, datasets: FakeDatasets) -> None:
        self._datasets = datasets

    def _run(self, kind: Any, state: Any = "queued") -> Run:
        return Run(
            id="r1", kind=kind, domain="d", state=state, wanted={"dataset": "month"},
            requested_by="local", requested_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip

    async def build(self, principal: Principal, spec: DatasetSpec, domain: str | None) -> Run:
        return self._run("build")

    async def builds(self, principal: Principal, domain: str | None) -> list[Run]:
        return [self._run("build")]

    async def verify(
        self, principal: Principal, name: str, wanted: ToVerify, domain: str | None
    ) -> Run:
        await self._datasets.get(principal, name, domain)
        fits(wanted.consumer, wanted.format or "dataset", wanted.train_steps)
        return self._run("verify")

    async def verifications(
        self, principal: Principal, name: str, domain: str | None
    ) -> tuple[list[Verification], list[Run]]:
        await self._datasets.get(principal, name, domain)
        return [], [self._run("verify")]

    async def run(self, principal: Principal, run_id: str, domain: str | None) -> Run:
        if run_id != "r1":
            raise NotFound("There is no such run.", hint="See: rag runs.")
        return self._run("verify")

    async def follow(
        self, principal: Principal, run_id: str, domain: str | None
    ) -> AsyncIterator[Run]:
        yield await self.run(principal, run_id, domain)
        yield self._run("verify", "succeeded")

    async def cancel(self, principal: Principal, run_id: str, domain: str | None) -> Run:
        await self.run(principal, run_id, domain)
        return self._run("verify", "cancelled")


class FakeCuration:
    """Knows one verdict, `f1`."""

    async def inbox(
        self, principal: Principal, wanted: Wanted, limit: int, after=None, domain=None
    ) -> list[ToReview]:
        if after is not None:
            raise InvalidInput(f"The list has no verdict '{after}' to go on after.")
        said = Said(
            id="f1", trace_id=TRACE, at=datetime(2026, 1, 1, tzinfo=UTC), surface="ui", by="0a1b",
            rater="user", target=Rated(kind="answer"), signal="thumb", value=-1.0, reasons=(),
            comment="No.", correction=None,
        )  # fmt: skip
        return [
            ToReview(
                feedback=said, state=wanted.state or "raw", note="", reviewed_by="", reviewer="",
                flags=(), question="How long?", answer="Two weeks.", model="extractive",
                abstained=False, gap="",
            )
        ]  # fmt: skip

    async def review(
        self,
        principal: Principal,
        feedback_ids: Sequence[str],
        state: ReviewState,
        note: str = "",
        domain: str | None = None,
    ) -> int:
        if {*feedback_ids} != {"f1"}:
            raise NotFound("There is no such feedback.")
        return 1

    async def assign(
        self, principal: Principal, trace_ids: Sequence[str], reviewer: str, domain=None
    ) -> None:
        if {*trace_ids} != {TRACE} or reviewer not in ("", principal.id):
            raise NotFound("There is no such answer or reviewer.")

    async def reviewers(self, principal: Principal) -> list[str]:
        return [principal.id]

    async def made(self, principal: Principal, trace_id: str) -> Made:
        if trace_id != TRACE:
            raise NotFound(f"There is no trace '{trace_id}'.")
        return Made(
            trace_id=TRACE, at=datetime(2026, 1, 1, tzinfo=UTC), question="How long?",
            standalone="How long?", language="en", answer="Two weeks.", abstained=False,
            citations=(), passages=(), provider="extractive", model="extractive", prompt="",
            prompt_sha="", generation="g1",
        )  # fmt: skip


class FakeCandidateTrials:
    """Of one candidate at a time, of which nothing is known yet."""

    def __init__(self) -> None:
        self.trial: CandidateTrial | None = None

    async def begin(
        self, principal: Principal, name: str, share: float, domain: str | None = None
    ) -> CandidateTrial:
        if self.trial is not None and self.trial.ended is None:
            raise Conflict("A candidate is tried already.")
        self.trial = CandidateTrial(
            id=TRACE, domain=domain or "pumps", candidate=name, share=share, against=0, look=1,
            began_by=principal.id, began_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        return self.trial

    async def stop(self, principal: Principal, domain: str | None = None) -> CandidateTrial:
        if self.trial is None or self.trial.ended is not None:
            raise Conflict("No candidate is tried.")
        self.trial = self.trial.model_copy(update={"ended": "stopped", "ended_by": principal.id})
        return self.trial

    async def compare(
        self, principal: Principal, domain: str | None = None
    ) -> CandidateComparison | None:
        if self.trial is None:
            return None
        figure = SideFigure(
            measure="useful", champion=0.75, people=(24, 3), answers=(40, 3), limit=0
        )
        return CandidateComparison(trial=self.trial, outcome="open", figures=(figure,))


class FakeTuning:
    """Of one memory, which a gate let through and which may be promoted and taken back."""

    def __init__(self) -> None:
        self.made: list[Release] = []
        self.search: Any = None

    async def make(
        self,
        principal: Principal,
        kind: Kind,
        domain: str | None,
        progress: Any,
        base: Any = None,
        budget: Any = None,
        *,
        answers: bool = False,
    ) -> Candidate:
        self.search = (budget, answers)
        progress(Progress(phase="remember", done=2))
        return self.candidate(domain)

    async def train(
        self, principal: Principal, recipe: Recipe, domain: str | None, progress: Any
    ) -> Candidate:
        progress(Progress(phase="train", done=1, total=recipe.steps))
        return self.candidate(domain)

    async def list(self, principal: Principal, domain: str | None) -> list[Candidate]:
        return [self.candidate(domain)]

    async def get(
        self, principal: Principal, name: str, domain: str | None
    ) -> tuple[Candidate, list[Judgement]]:
        if name != "memory-1":
            raise NotFound(f"There is no candidate '{name}'.")
        return self.candidate(domain), [self.said()]

    async def gains(self, principal: Principal, domain: str | None) -> list[Gain]:
        report = self.said().report
        return [
            Gain(
                candidate="memory-1", kind="memory", ratings=2, at=datetime(2026, 1, 1, tzinfo=UTC),
                outcome=report.outcome, overall=report.conditions[0].interval, strata=report.strata,
            )
        ]  # fmt: skip

    async def measure(
        self, principal: Principal, name: str, domain: str | None, progress: Any
    ) -> Judgement:
        await self.get(principal, name, domain)
        progress(Progress(phase="measure", done=1, total=1))
        return self.said()

    async def promote(
        self, principal: Principal, name: str, domain: str | None, why: str = ""
    ) -> Release:
        found, _ = await self.get(principal, name, domain)
        return self.release(memory=found.id, candidate=found.id, why=why)

    async def roll_back(
        self,
        principal: Principal,
        domain: str | None,
        to: int | None = None,
        why: str = "",
        *,
        force: bool = False,
    ) -> Release:
        if not self.made:
            raise Conflict("Nothing was promoted yet, so there is nothing to go back to.")
        if why == "in haste" and not force:
            raise left_behind(3)
        if to is not None and to > len(self.made):
            raise NotFound(f"There is no release {to}.")
        return self.release(back_to=to or 0, why=why)

    async def releases(self, principal: Principal, domain: str | None) -> list[Release]:
        return self.made[::-1]

    def release(self, **more: Any) -> Release:
        number, at = len(self.made) + 1, datetime(2026, 1, 2, tzinfo=UTC)
        self.made.append(
            Release(id=TRACE, domain="pumps", number=number, made_by="d", made_at=at, **more)
        )
        return self.made[-1]

    @staticmethod
    def candidate(domain: str | None) -> Candidate:
        return Candidate(
            id=TRACE,
            domain=domain or "pumps",
            kind="memory",
            number=1,
            state="made",
            lineage={"as_of": "2026-01-01T00:00:00+00:00", "knobs": {"gate": 0.6}},
            figures={"votes": 2, "answers": 1, "gate_fitted": False},
            created_by="d",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    @staticmethod
    def said() -> Judgement:
        asked = Compared(id=TRACE, stratum="repeat", before=0.5, after=1.0)
        return Judgement(
            id=TRACE,
            candidate=TRACE,
            against=0,
            report=judged([asked], look=1, rules=Rules()),
            asked=(asked,),
            by="d",
            at=datetime(2026, 1, 1, tzinfo=UTC),
        )


class FakeAgreement:
    """Of two people, who are divided on one answer."""

    async def of(self, principal: Principal, span: Any, domain=None) -> Agreement:
        return Agreement(
            opinions=2, people=2, units=1, cut=False, alpha=0.0,
            periods=(Period(month="2026-01", opinions=2, units=1, alpha=0.0),),
            raters=(
                Rater(
                    by="0a1b", place="1-0a1b", expert=False, opinions=1, compared=1, agreed=0,
                    weight=0.8,
                ),
            ),
            disputed=(Disputed(unit=TRACE, trace_id=TRACE, up=1, down=1, place="1-2"),),
        )  # fmt: skip

    async def raters(
        self, principal: Principal, span: Any, limit: int, after=None, domain=None
    ) -> Sequence[Rater]:
        if after is not None:
            raise InvalidInput(f"The list has no '{after}' to go on after.")
        return (await self.of(principal, span, domain)).raters

    async def disputed(
        self, principal: Principal, span: Any, limit: int, after=None, domain=None
    ) -> list[ToldDispute]:
        if after is not None:
            raise InvalidInput(f"The list has no '{after}' to go on after.")
        found = (await self.of(principal, span, domain)).disputed
        return [
            ToldDispute(**dict(one), question="How long?", answer="Two weeks.") for one in found
        ]


class FakeGaps:
    """Knows one gap, of one question."""

    async def list(
        self, principal: Principal, asked: Asked, limit: int, after=None, domain=None
    ) -> list[ToldGap]:
        if after is not None:
            raise InvalidInput(f"The list has no gap '{after}' to go on after.")
        missed = MissedDocument(document_id="", name="The manual", people=1, title="")
        return [
            ToldGap(
                cluster=TRACE, questions=2, people=1, example=TRACE, answered=None,
                first=datetime(2026, 1, 1, tzinfo=UTC), last=datetime(2026, 1, 2, tzinfo=UTC),
                missed=(missed,), question="How long?", language="en",
            )
        ]  # fmt: skip

    async def languages(self, principal: Principal, domain=None) -> list[str]:
        return ["en"]

    async def questions(
        self,
        principal: Principal,
        cluster: str,
        asked: Asked,
        limit: int,
        before: int | None = None,
        domain: str | None = None,
    ) -> list[ToldQuestion]:
        if cluster != TRACE or (before is not None and before <= 1):
            return []
        return [
            ToldQuestion(
                n=1, trace_id=TRACE, at=datetime(2026, 1, 1, tzinfo=UTC), by="0a1b",
                answered=False, missed=True, question="How long?", answer="", language="en",
                said=(),
            )
        ]  # fmt: skip


class FakeTrials:
    """Of one model, `big`, in one domain."""

    def __init__(self) -> None:
        self.choices: list[Choice] = []

    def choice(self, who: Principal, model: str, trial: Trial | None, domain: str | None) -> Choice:
        made = Choice(
            domain=domain or "pumps", model=model, score=None, floor=0.8, override="", trial=trial,
            chosen_by=who.id, chosen_at=datetime(2026, 1, 1, tzinfo=UTC), id=f"choice-{len(model)}",
        )  # fmt: skip
        self.choices.append(made)
        return made

    async def begin(
        self, principal: Principal, model: str, how: Any, share: float, domain=None, override=""
    ) -> Choice:
        if model != "big":
            raise NotFound(f"There is no model '{model}'.")
        if not 0 < share <= 1:
            raise InvalidInput("A share is above 0, and 1 at most.")
        if how == "canary" and not override:
            raise Conflict("'big' scores 0.5, and 'pumps' asks for 0.8.")
        trial = Trial(id="trial-1", model=model, how=how, share=share, override=override)
        return self.choice(principal, "main", trial, domain)

    async def stop(self, principal: Principal, domain=None) -> Choice:
        if not self.choices or self.choices[-1].trial is None:
            raise Conflict("Nothing is tried in 'pumps'.")
        return self.choice(principal, "main", None, domain)

    async def roll_back(self, principal: Principal, domain=None) -> Choice:
        if not self.choices:
            raise Conflict("There is nothing to go back to: what is configured answers.")
        return self.choice(principal, "", None, domain)

    async def compare(self, principal: Principal, domain=None) -> Comparison:
        trials = [one.trial for one in self.choices if one.trial]
        if not trials:
            raise NotFound("Nothing was ever tried in 'pumps'.")
        enough = {"difference": 0.02, "low": 0.01, "high": 0.03}
        less: dict[str, None] = dict.fromkeys(enough)
        return Comparison(
            domain=domain or "pumps", trial=trials[-1], running=True, champion="main",
            since=datetime(2026, 1, 1, tzinfo=UTC), answers=(30, 25), missing=1,
            faults={"model_busy": 2},
            figures=(
                Figure(
                    measure="faults", champion=0.1, challenger=0.12, answers=(30, 25), **enough
                ),
                Figure(measure="useful", champion=None, challenger=1.0, answers=(0, 2), **less),
            ),
        )  # fmt: skip


class FakeDeclared:
    """`big` is configured, without a key."""

    def __init__(self) -> None:
        told = {"provider": "openai_like", "model": "m", "base_url": "https://models.example/v1"}
        big = DeclaredModel(name="big", declared="configuration", where="rag.toml", settings=told)
        self.models = {"big": big}
        self.keys: dict[str, str] = {}

    async def list(self, principal: Principal) -> list[DeclaredModel]:
        return [*self.models.values()]

    async def put(
        self, principal: Principal, name: str, settings: AddedModelSettings, key: str | None = None
    ) -> DeclaredModel:
        if name == "big":
            raise Conflict("The model 'big' is declared by rag.toml.")
        told = settings.model_dump(mode="json")
        self.models[name] = DeclaredModel(name=name, declared="added", settings=told)
        return self.models[name] if key is None else await self.set_key(principal, name, key)

    async def remove(self, principal: Principal, name: str) -> None:
        if self.models.pop(name, None) is None:
            raise NotFound(f"There is no model '{name}'.")

    async def set_key(self, principal: Principal, name: str, key: str) -> DeclaredModel:
        if name not in self.models:
            raise NotFound(f"There is no model '{name}'.")
        self.keys[name] = key
        given = KeyInfo(
            origin="added", set_by=principal.id, set_at=datetime(2026, 1, 1, tzinfo=UTC)
        )
        self.models[name] = self.models[name].model_copy(update={"key": given})
        return self.models[name]

    async def remove_key(self, principal: Principal, name: str) -> None:
        if self.keys.pop(name, None) is None:
            raise NotFound(f"Nobody gave a model '{name}' a key.")


class FakeApp:
    def __init__(self, settings: Settings) -> None:
        self.declared = FakeDeclared()
        self.trials = FakeTrials()
        self.curation = FakeCuration()
        self.gaps = FakeGaps()
        self.tuning = FakeTuning()
        self.candidate_trials = FakeCandidateTrials()
        self.agreement = FakeAgreement()
        self.settings = settings
        self.parts = Stores(settings)
        self.accounts = Accounts(cast(Any, self.parts))
        self.access = Access(cast(Any, self.parts), self.accounts)
        told: Any = SimpleNamespace(pack=SimpleNamespace(name=settings.domain))
        domains: Any = SimpleNamespace(get=lambda _: told)
        parts, nothing = cast(Any, self.parts), cast(Any, None)
        self.datasets = FakeDatasets(settings.data)
        self.dataset_runs = FakeDatasetRuns(self.datasets)
        self.privacy = Privacy(
            parts, domains, self.accounts, nothing, nothing, nothing, (self.datasets.sweep,)
        )
        self.oidc = Oidc(cast(Any, self.parts), self.accounts)
        self.once = Once(cast(Any, self.parts), nothing)
        known = cast(Any, Known())
        self.conversations = Conversations(cast(Any, self.parts), known, known, self.accounts)
        self.checks = [Check(name="database", ok=True, detail="reachable")]
        self.kept: list[SourceInfo] = []
        self.ran: list[Run] = []
        self.uploaded: dict[tuple[str, str], tuple[Upload, bytes]] = {}
        self.seen: list[tuple[str, Principal, Any]] = []
        self.members: dict[str, set[str]] = {"service": {"anna"}}
        self.cancelled = asyncio.Event()
        self.started = asyncio.Event()
        self.closed = False
        self.rated: list[Feedback] = []
        self.agreed = Consent()

    async def ask(self, principal: Principal, request: AskRequest) -> Answer:
        async for event in self.stream(principal, request):
            if event.event == "answer":
                return Answer.model_validate(event.data)
        raise AssertionError

    async def stream(self, principal: Principal, request: AskRequest) -> AsyncIterator[AnswerEvent]:
        self.seen.append(("ask", principal, request))
        words(request.question)
        request = await self.conversations.heard(principal, request)
        if request.model not in (None, "extractive"):
            known = ["extractive"]
            raise NotFound(
                f"There is no model '{request.model}'.", hint=did_you_mean(request.model, known)
            )
        if request.question == "full disk":
            raise StorageFull("The disk is full.", hint="Make room.")
        if request.question == "bug":
            raise RuntimeError("a secret from the inside")
        place = await self.conversations.place(principal, request)
        yield AnswerEvent(event="started", data={"trace_id": place.trace_id if place else TRACE})
        if request.question == SLOW:
            self.started.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        yield AnswerEvent(event="token", data={"text": "24 months [1]"})
        if request.question == "late bug":
            raise RuntimeError("a secret from the inside")
        if request.question == "late problem":
            raise StorageFull("The disk is full.", hint="Make room.")
        abstained = request.question == "unknown"
        citation = Citation(
            n=1,
            document_id=DOCUMENT,
            document="Warranty",
            uri="file:///warranty.md",
            version=1,
            chunk_id=CHUNK,
            page=None,
            span=(0, 31),
            quote="A pump is covered for 24 months.",
        )
        claim = Claim(
            span=(0, 13),
            text="24 months",
            verdict="partly",
            score=0.4,
            reason="\x1b[31mNot said: all.",
            citations=(1,),
        )
        answer = Answer(
            answer="I do not know." if abstained else "24 months [1]",
            citations=() if abstained else (citation,),
            abstained=abstained,
            claims=() if abstained else (claim,),
            support=None if abstained else claim.score,
            confidence=0.1 if abstained else 0.9,
            searched=("Warranty",),
            trace_id=TRACE,
            model="extractive",
            timings={"total": 12.0},
            usage=Usage(prompt_tokens=3, completion_tokens=2),
        )
        yield AnswerEvent(event="answer", data=answer.model_dump())

    async def explain(self, principal: Principal, request: ExplainRequest) -> Explained:
        words(request.query)
        place = Place(chunk_id=CHUNK, rank=1, score=0.8)
        passage = Passage(
            chunk_id=CHUNK, document_id=DOCUMENT, version=1, title="Warranty", uri="file:///w",
            source="s", header="Warranty", excerpt=TEXT, page=None, boxes=(), start=0, end=31,
        )  # fmt: skip
        return Explained(
            generation="g", knobs=RetrievalKnobs(), reranker=None, queries=(request.query,),
            stages=(Listed(stage="dense", places=(place,), total=1),), passages={CHUNK: passage},
            moved={}, evidence=(), confidence=0.5, abstains=True,
            timings={"search": 1.0},
        )  # fmt: skip

    async def generations(
        self, principal: Principal, domain: str | None = None
    ) -> list[GenerationInfo]:
        return [
            GenerationInfo(
                id=TRACE, state="live", created_at=datetime(2026, 1, 1, tzinfo=UTC),
                activated_at=datetime(2026, 1, 1, tzinfo=UTC), documents=1, chunks=1,
                made_with={"embedder": "e"},
            )
        ]  # fmt: skip

    async def search(self, principal: Principal, request: SearchRequest) -> SearchResult:
        self.seen.append(("search", principal, request))
        words(request.query)
        payload = Payload(
            chunk_id=CHUNK,
            document_id=DOCUMENT,
            version=1,
            source="s",
            readers=("everyone",),
            language="en",
            title="Warranty",
            uri="file:///warranty.md",
            text=TEXT,
            header="Warranty",
            ordinal=0,
            start=0,
            end=31,
        )
        story = (Score(stage="dense", rank=1, score=0.8), Score(stage="fusion", rank=1, score=1.0))
        hit = Hit(rank=1, score=1.0, payload=payload, scores=story)
        return SearchResult(
            hits=(hit,)[: request.limit],
            queries=(request.query,),
            generation="g",
            timings={"search": 1.0},
        )

    async def domains(self, principal: Principal) -> list[str]:
        return [self.settings.domain, *sorted(self.settings.domains)]

    async def trace(self, principal: Principal, trace_id: str) -> Mapping[str, Any]:
        if trace_id != TRACE or Role.ADMIN not in principal.roles:
            raise NotFound(f"There is no trace '{trace_id}'.")
        return {
            "id": TRACE, "domain": "pumps", "ts": datetime(2026, 1, 1, tzinfo=UTC), "hits": [],
            "answer": "24 months.", "citations": [],
        }  # fmt: skip

    async def add_source(
        self,
        principal: Principal,
        *,
        connector: str,
        config: Mapping[str, Any],
        name: str | None = None,
        domain: str | None = None,
    ) -> SourceInfo:
        if connector not in ("files", "uploads"):
            raise InvalidInput(f"There is no connector '{connector}'.")
        source = SourceInfo(
            id=f"s{len(self.kept)}",
            domain=domain or "pumps",
            name=name or "manuals",
            connector=connector,
            config=config,
        )
        self.kept.append(source)
        return source

    async def add_pack_sources(self, principal: Principal, domain: str | None = None) -> int:
        return 0

    async def sources(self, principal: Principal, domain: str | None = None) -> list[SourceInfo]:
        return [one for one in self.kept if domain in (None, one.domain)]

    async def connectors(self, principal: Principal) -> list[ConnectorInfo]:
        form = {
            "properties": {"path": {"type": "string", "format": "path"}, "hidden": {}},
            "required": ["path"],
        }
        return [ConnectorInfo(name="files", about="Lists a tree.", form=form)]

    async def check_connector(
        self, principal: Principal, *, connector: str, config: Mapping[str, Any]
    ) -> str:
        if connector != "files":
            raise InvalidInput(f"There is no connector '{connector}'.")
        return f"2 files under {config.get('path')}."

    async def source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> SourceInfo:
        for one in await self.sources(principal, domain):
            if source in (one.id, one.name):
                return one
        raise NotFound(f"There is no source '{source}'.")

    async def check_source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> str:
        found = await self.source(principal, source, domain)
        return await self.check_connector(principal, connector=found.connector, config=found.config)

    async def change_source(
        self,
        principal: Principal,
        source: str,
        config: Mapping[str, Any],
        domain: str | None = None,
    ) -> SourceInfo:
        found = await self.source(principal, source, domain)
        changed = {**found.config, **config}
        kept = {key: value for key, value in changed.items() if value is not None}
        self.kept[self.kept.index(found)] = found.model_copy(update={"config": kept})
        return await self.source(principal, source, domain)

    async def pause_source(
        self, principal: Principal, source: str, paused: bool, domain: str | None = None
    ) -> SourceInfo:
        found = await self.source(principal, source, domain)
        self.kept[self.kept.index(found)] = found.model_copy(update={"paused": paused})
        return await self.source(principal, source, domain)

    async def remove_source(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> int:
        self.kept.remove(await self.source(principal, source, domain))
        return 2

    async def release_hold(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> int:
        await self.source(principal, source, domain)
        return 3

    async def retry(
        self,
        principal: Principal,
        source: str,
        document: str | None = None,
        domain: str | None = None,
    ) -> int:
        await self.source(principal, source, domain)
        return 1 if document else 4

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
        found = await self.source(principal, source, domain)
        made = Upload(
            name=checked_name(name),
            digest=hashlib.sha256(data).hexdigest(),
            size=len(data),
            media_type=media_type or "",
            readers=tuple(readers),
            uploaded_by=principal.id,
            uploaded_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        self.uploaded[found.id, name] = made, data
        return made

    async def uploads(
        self, principal: Principal, source: str, domain: str | None = None
    ) -> list[Upload]:
        found = await self.source(principal, source, domain)
        return [made for (kept, _), (made, _) in self.uploaded.items() if kept == found.id]

    async def remove_upload(
        self, principal: Principal, source: str, name: str, domain: str | None = None
    ) -> None:
        found = await self.source(principal, source, domain)
        if self.uploaded.pop((found.id, checked_name(name)), None) is None:
            raise NotFound(f"Nothing named '{name}' was uploaded.")

    async def rotate_keys(self, principal: Principal) -> Rotated:
        return Rotated(sources=5, models=1)

    async def unusable(self) -> list[str]:
        return unusable(self.settings)

    async def sync(
        self,
        principal: Principal,
        *,
        source: str | None = None,
        domain: str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> SyncReport:
        self.seen.append(("sync", principal, source))
        if source not in (None, "manuals"):
            raise NotFound(f"There is no source '{source}'.", hint="Did you mean 'manuals'?")
        if progress is not None:
            for done in (1, 2):
                progress(Progress(phase="sync", done=done, total=2, document=f"{done}.md"))
        return SyncReport(added=2, rejected=1, chunks=7, seconds=0.5)

    async def start_sync(self, principal: Principal, source: str, domain: str | None = None) -> Run:
        found = await self.source(principal, source, domain)
        made = Run(
            id=f"run-{len(self.ran)}",
            kind="sync",
            domain=found.domain,
            source=found.name,
            source_id=found.id,
            state="queued",
            requested_by=principal.id,
            requested_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        if any(not one.ended for one in self.ran):
            raise Conflict(f"'{found.name}' is being worked on by run {self.ran[-1].id}.")
        self.ran.append(made)
        return made

    async def runs(
        self, principal: Principal, *, source=None, domain=None, limit: int = 50, after=None
    ) -> list[Run]:
        chosen = None if source is None else (await self.source(principal, source, domain)).id
        found = [one for one in self.ran if chosen in (None, one.source_id)]
        latest = found[::-1]
        places = [None, *(one.id for one in latest)]
        if after not in places:
            raise InvalidInput(f"The list has no run '{after}' to go on after.")
        return latest[places.index(after) :][:limit]

    async def run(self, principal: Principal, run_id: str, domain: str | None = None) -> Run:
        for one in self.ran:
            if one.id == run_id:
                return one
        raise NotFound("There is no such run.", hint="See: rag runs.")

    async def follow_run(
        self, principal: Principal, run_id: str, domain: str | None = None
    ) -> AsyncIterator[Run]:
        found = await self.run(principal, run_id)
        yield found
        progress = RunProgress(phase="sync", seen=2, done=1, rate=0.5, seconds_left=2.0)
        yield found.model_copy(update={"state": "running", "progress": progress})
        report = SyncReport(added=2).model_dump()
        yield found.model_copy(update={"state": "succeeded", "report": report})

    async def cancel_run(self, principal: Principal, run_id: str, domain: str | None = None) -> Run:
        found = await self.run(principal, run_id)
        done = found if found.ended else found.model_copy(update={"state": "cancelled"})
        self.ran[self.ran.index(found)] = done
        return done

    async def schedule_source(
        self,
        principal: Principal,
        source: str,
        schedule: Schedule | None,
        domain: str | None = None,
    ) -> SourceInfo:
        found = await self.source(principal, source, domain)
        due = next_due(schedule, datetime(2026, 1, 1, tzinfo=UTC)) if schedule else None
        made = found.model_copy(update={"schedule": schedule, "next_sync": due})
        self.kept[self.kept.index(found)] = made
        return made

    async def rebuild(self, principal: Principal, *, domain=None, progress=None) -> int:
        return 2

    async def evaluate(self, principal: Principal, *, domain=None, progress=None):
        if progress is not None:
            progress(Progress(phase="evaluate", done=1, total=1))
        figures = {"recall@10": 0.97, "facts": 1.0, "refused_unanswerable": None}
        failure = {
            "wrong": "fact missing",
            "kind": "table",
            "question": "What does\nit cost?",
            "confidence": 0.5,
            "answer": "It costs \x1b[31m 90.",
            "expected": [["95", "95.00"]],
            "documents": ["prices.csv"],
        }
        return {
            "note": "",
            "threshold": None,
            **figures,
            "in_use": figures,
            "calibration": None,
            "kinds": {"table": figures},
            "failures": [{**failure, "id": f"q{number}"} for number in range(12)],
        }

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
        good = DocumentInfo(
            id=DOCUMENT,
            source="manuals",
            uri="file:///warranty.md",
            title="Warranty",
            version=1,
            state="indexed",
            chunks=7,
            updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        bad = good.model_copy(
            update={
                "id": "doc-2",
                "title": "broken.pdf",
                "state": "rejected",
                "reason": "corrupt",
                "message": "The file is cut off. Send it again.",
            }
        )
        if held:
            return [good.model_copy(update={"held": True})]
        found = [bad] if failed else [good, bad]
        places = [None, *(one.id for one in found)]
        if after not in places:
            raise InvalidInput(f"The list has no document '{after}' to go on after.")
        return found[places.index(after) :][:limit]

    async def original(self, principal: Principal, document_id: str, version: int) -> Original:
        if (document_id, version) != (DOCUMENT, 1):
            raise NotFound(f"There is no document '{document_id}' in version {version}.")
        return Original(
            data=b"<script>alert(1)</script>", name="wärranty\r\n.html", media_type="text/html"
        )

    async def view(
        self, principal: Principal, document_id: str, version: int, *, at: int, size: int
    ) -> View:
        await self.original(principal, document_id, version)
        return View(
            document_id=document_id, version=version, newest=2, title="Warranty", uri="file:///w",
            source="documents", media_type="text/html", pages=None, modified_at=None,
            read_at=datetime(2026, 1, 1, tzinfo=UTC), start=0, end=len(TEXT), length=len(TEXT),
            pieces=(Piece(kind="text", start=0, text=TEXT),),
        )  # fmt: skip

    async def about(self, principal: Principal, domain: str | None = None) -> DomainInfo:
        return DomainInfo(name=domain or "pumps", title="Pumps", language="en")

    async def text(self, principal: Principal, document_id: str, version: int) -> str:
        await self.original(principal, document_id, version)
        return TEXT

    async def chunks(
        self,
        principal: Principal,
        document_id: str,
        version: int,
        *,
        after: int = 0,
        limit: int = 100,
    ) -> list[Payload]:
        await self.original(principal, document_id, version)
        found = await self.search(principal, SearchRequest(query="x"))
        return [
            found.hits[0].payload.model_copy(update={"ordinal": number})
            for number in range(after, min(7, after + limit))
        ]

    async def models(self, principal: Principal, domain: str | None = None) -> list[ModelInfo]:
        big = ModelInfo(
            name="big", kind="model", provider="openai_like", model="m", input_price=1.0,
            output_price=2.0, price="declared", breaker="closed", declared="configuration",
        )  # fmt: skip
        route = ModelInfo(name="main", kind="route", default=True, candidates=("big", "extractive"))
        return [big, route]

    async def check_models(self, principal: Principal, name: str | None = None):
        if name not in (None, "big"):
            raise NotFound(f"There is no model '{name}'.")
        failed = {"code": "model_busy", "detail": "429.", "hint": "Ask later."}
        return [
            ModelCheck(name="big", ok=True, first_token_ms=12.5),
            *([] if name else [ModelCheck(name="small", ok=False, **failed)]),
        ]

    async def conform(
        self, principal: Principal, model: str, domain=None, *, progress: Any = None
    ) -> ScoreCard:
        await self.check_models(principal, model)
        if progress is not None:
            progress(Progress(phase="conformance", done=0, total=8, document="Why?"))
        case = {"check": "cites", "question": "Why?", "passed": False, "answer": "", "why": "none"}
        return ScoreCard(
            id="card-1", domain=domain or "pumps", model=model, fingerprint="f", suite="1",
            score=0.5, checks={"cites": 0.5}, cases=(case,), taken_by=principal.id,
            taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip

    async def score_cards(self, principal: Principal, model=None, domain=None) -> list[ScoreCard]:
        return [await self.conform(principal, model or "big", domain)]

    async def choose_model(
        self, principal: Principal, model: str, domain=None, override: str = ""
    ) -> Choice:
        if model != "extractive" and not override:
            raise Conflict(f"'{model}' scores 0.5, and 'pumps' asks for 0.8.")
        return Choice(
            domain=domain or "pumps", model=model, score=0.5, floor=0.8, override=override,
            chosen_by=principal.id, chosen_at=datetime(2026, 1, 1, tzinfo=UTC), id="choice-1",
        )  # fmt: skip

    async def model_choices(self, principal: Principal, domain=None) -> list[Choice]:
        return [await self.choose_model(principal, "big", domain, "a trial")]

    async def model_days(self, principal: Principal, by="model", days=30, domain=None) -> Days:
        pace = Pace(timed=2, ms_p50=900.0, ms_p95=1_500.0)
        spent = Daily(
            name="big", day=date(2026, 1, 2), answers=2, unpriced=1, prompt_tokens=10,
            completion_tokens=5, cost=0.25, pace=pace,
        )  # fmt: skip
        since = date(2026, 1, min(days, 30))
        return Days(
            by=by, domain=domain, since=since, until=date(2026, 1, 30), days=(spent,),
            pace={"big": pace},
        )  # fmt: skip

    async def model_costs(self, principal: Principal, by="model", days=30, domain=None) -> Costs:
        spent = Spent(
            name="big", answers=2, unpriced=1, prompt_tokens=10, completion_tokens=5, cost=0.25,
            rated=2, useful=1, cost_per_useful=0.125,
        )  # fmt: skip
        budget = BudgetState(
            name="month", per="person", period="month", since=date(2026, 1, 1), soft=0.1, hard=1.0,
            spent={"anna": 0.25},
        )  # fmt: skip
        return Costs(
            by=by, since=date(2026, 1, min(days, 30)), domain=domain, totals=(spent,),
            budgets=(budget,),
        )  # fmt: skip

    async def rate(
        self,
        principal: Principal,
        trace_id: str,
        verdict: Verdict,
        *,
        key: str | None = None,
        surface: str = "program",
    ) -> Feedback:
        await self.trace(principal, trace_id)
        self.seen.append(("rate", principal, (verdict, key, surface)))
        target = verdict.target.model_dump()
        span = (target.pop("start"), target.pop("end")) if "start" in target else None
        made = Feedback(
            id=f"f{len(self.rated)}",
            trace_id=trace_id,
            at=datetime(2026, 1, 1, tzinfo=UTC),
            surface="api",
            rater="user",
            target=Rated(**target, span=span),
            signal=verdict.signal,
            value=verdict.value,
            reasons=verdict.reasons,
            comment=verdict.comment,
            correction=verdict.correction,
            effective=True,
            consent=Consent(),
        )
        self.rated.append(made)
        return made

    async def feedback(
        self, principal: Principal, trace_id: str, *, history: bool = False
    ) -> list[Feedback]:
        await self.trace(principal, trace_id)
        return [one for one in self.rated if history or one.effective]

    async def retract(self, principal: Principal, trace_id: str, feedback_id: str) -> Feedback:
        for place, one in enumerate(self.rated):
            if one.id == feedback_id:
                self.rated[place] = one.model_copy(update={"effective": False})
                return self.rated[place].model_copy(update={"signal": "retract", "value": None})
        raise NotFound(f"There is no feedback '{feedback_id}'.")

    async def consent(self, principal: Principal) -> ConsentAsked:
        return ConsentAsked(given=self.agreed, version=1, text="May we?")

    async def agree(self, principal: Principal, consent: Consent) -> ConsentAsked:
        if consent.version != 1:
            raise Conflict("The text in force is version 1.")
        self.agreed = consent
        return await self.consent(principal)

    async def groups(self, principal: Principal, domain: str | None = None) -> list[Group]:
        return [
            Group(name=name, members=tuple(Member(user=user) for user in sorted(users)))
            for name, users in sorted(self.members.items())
        ]

    async def change_group(
        self,
        principal: Principal,
        group: str,
        user: str,
        *,
        belongs: bool,
        domain: str | None = None,
    ) -> Group:
        checked_group(group, "group")
        checked_group(user, "person")
        users = self.members.setdefault(group, set())
        (users.add if belongs else users.discard)(user)
        return Group(name=group, members=tuple(Member(user=one) for one in sorted(users)))

    async def doctor(self) -> list[Check]:
        return [*self.checks, Check(name="embedder", ok=True, detail="all-MiniLM-L6-v2")]

    async def collect(self, principal: Principal) -> Collected:
        return Collected(files=2, bytes=9)

    async def draft_settings(self, principal: Principal, text: str) -> Drafted:
        return drafted(text, self.settings)

    async def upkeep(self, principal: Principal) -> Condition:
        stored = Space(folder="/data", database=1, files=2, index=None, free=3, total=4)
        return Condition(
            version="1", backup=None, verified=None, housekeeping=None, stored=stored, inside=True,
            runs=Underway(queued=0, running=0, waiting_since=None, beat_at=None),
        )  # fmt: skip

    async def freshness(self) -> list[Measured]:
        counts = (2, *(0 for _ in BOUNDS[1:]), 1)
        return [Measured(domain="d", source="n", kind="delete", counts=counts, total=9.5, last=9.0)]

    async def ended_runs(self) -> list[Ended]:
        states, outcomes = {"failed": 2, "succeeded": 1}, {"rejected": 4, "held": 0}
        return [Ended(domain="d", source="n", kind="sync", states=states, outcomes=outcomes)]

    async def ready(self) -> list[Check]:
        return self.checks

    def person(self, user: str | None, domain: str | None = None) -> Principal:
        if user in (None, "local"):
            return Principal(id="local", roles=frozenset(Role))
        if (known := self.accounts.known(user)) is not None:
            return known
        if user != "anna":
            raise NotFound(f"The pack has no person '{user}'.", hint="Did you mean 'anna'?")
        return Principal(id="anna", groups=frozenset({"service"}))

    async def aclose(self) -> None:
        self.closed = True


def words(text: str) -> None:
    if not text.strip():
        raise InvalidInput("The question is empty.", hint="Ask something.")


# Kinds of failure that a caller must get back as the same class.
FAILURES = (
    NotFound("gone", hint="look"),
    Forbidden("no"),
    StorageFull("full"),
    InvalidInput("what"),
    DocumentRejected("corrupt", "cut off"),
)
