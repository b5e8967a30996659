"""Rerankers: what was found is ordered as ratings say, by trees or by a trained cross-encoder."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import structlog
from numpy.typing import NDArray

from rag.app.adapters import FOLDER
from rag.app.domains import Domain, Domains
from rag.app.gathering import Gathering
from rag.app.housekeeping import SYSTEM
from rag.app.loras import alone
from rag.app.parts import Parts
from rag.app.people import People
from rag.backends.lambdamart import LambdaMartReranker, features
from rag.backends.reranker import CrossEncoderReranker, read_text
from rag.candidates import Candidate, Kind
from rag.errors import ConfigError, Conflict, Forbidden, InvalidInput, NotFound, did_you_mean
from rag.learn.asked import keep, kept_at, written
from rag.learn.built import appearing
from rag.learn.crossing import Read, crossed
from rag.learn.lora import FOLDER as MODELS
from rag.learn.lora import Base, base_at, digest_of
from rag.learn.ranking import ENOUGH, Asked, Fit, ranked
from rag.protocols import Reranker
from rag.retrieve.levers import Levers
from rag.store.candidates import Candidates, Kept, Voted
from rag.store.questions import unfolded
from rag.types import Hit, Principal, Progress

TREES = "lambdamart"
CONFIG = "config.json"
"""What every cross-encoder has."""
IN_USE = "reranking"
"""What the base is called that `reranking.model` names."""
LOADED = 2
"""Rerankers that are kept ready: what answers, and what is measured against it."""
FILE, LEARNED = "reranker.json", "learned.npz"
"""The trees, and what they were grown on, to grow them anew when somebody is erased."""
MOST = 1_000
"""Questions that are learned from, the latest."""

log = structlog.get_logger(__name__)


class Rerankers:
    """Makes rerankers of feedback and gives the one that a candidate is."""

    bound_to = ("embedder",)

    def __init__(
        self, parts: Parts, gathering: Gathering, people: People, domains: Domains
    ) -> None:
        self._domains = domains
        self._parts = parts
        self._gathering = gathering
        self._people = people
        self._kept = Candidates(parts.ledger.database, parts.ledger.now)
        self._models = parts.settings.data / MODELS
        """Where whoever trains a model is alone."""
        self._loaded: dict[str, tuple[int, Reranker]] = {}
        """By candidate, with when the file was written that it was read from."""

    async def put(self, levers: Levers, candidate: Candidate, domain: Domain) -> Levers:
        """With the reranker that a candidate is; as they are where nothing is left of it."""
        reranker = await asyncio.to_thread(self._reranker, candidate)
        return replace(levers, reranker=reranker) if reranker else levers

    async def make(
        self,
        principal: Principal,
        domain: Domain,
        progress: Callable[[Progress], None],
        base: str | None = None,
    ) -> Candidate:
        """One of all that was said and accepted until now: trees, or a cross-encoder trained from a
        base. Raises InvalidInput for too little, and where none surely does better on questions
        that it did not learn from; Conflict while another model is trained."""
        at = self._base(base) if base else None
        found = await self._gathering.gather(domain, progress)
        asked = await self._asked(domain, found.generation.id, found.votes, progress)
        id = str(uuid4())
        if at is None:
            lineage, figures = await self._grow(id, asked)
        else:
            lineage, figures = await self._train(id, at, asked, progress)
            lineage["base"] = base
        return await asyncio.to_thread(
            self._kept.add,
            id,
            domain.pack.name,
            "reranker",
            {**found.lineage, **lineage},
            {**found.counts, "questions": len(asked), **figures},
            principal.id,
            found.votes,
        )

    async def _grow(
        self, id: str, asked: Mapping[str, Found]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        seen = await asyncio.to_thread(lambda: {name: one.asked for name, one in asked.items()})
        fit = await asyncio.to_thread(ranked, [*seen.values()])
        if not fit.trees:
            raise _no_better(len(asked))
        await asyncio.to_thread(self._save, id, seen, fit)
        return (
            {"method": TREES, "trees": fit.trees},
            {"before": fit.before, "after": fit.after},
        )

    async def _train(
        self,
        id: str,
        base: Path,
        asked: Mapping[str, Found],
        progress: Callable[[Progress], None],
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        with alone(self._models):
            digest = await asyncio.to_thread(digest_of, Base(folder=base))
            with appearing(self._folder(id)) as out:
                said = [one.read for one in asked.values()]
                came = await crossed(base, said, out, self._parts.settings.data, progress)
                if came.surely <= 0:
                    raise _no_better(came.apart)
        figures = dict(came.told)
        lineage = {
            "method": "cross-encoder",
            "base_sha256": digest,
            "epochs": figures.pop("epochs"),
            "versions": figures.pop("versions"),
        }
        before = {"before": came.before, "after": came.after, "apart": came.apart}
        return lineage, {**before, **figures}

    def _base(self, name: str) -> Path:
        settings = self._parts.settings
        named = {
            one: settings.data / path.expanduser() for one, path in settings.tuning.bases.items()
        }
        if settings.reranking.model:
            named[IN_USE] = settings.data / Path(settings.reranking.model).expanduser()
        if name not in named:
            raise InvalidInput(
                f"No base is called '{name}'.",
                hint=did_you_mean(name, [*named]) or "Declare it: tuning.bases in rag.toml.",
            )
        base = base_at(named[name])
        if base.file:
            raise InvalidInput(
                "A reranker is not trained from a file of llama.cpp's.",
                hint="Its base is a folder with config.json and *.safetensors.",
            )
        return base.folder

    async def write(self, candidate: Candidate) -> None:
        """Grow trees anew on what is left; of too little nothing is left. What a cross-encoder
        learned cannot be taken out of it: that is noted, and somebody has to decide. Raises
        NotFound for one whose files are gone."""
        folder = self._folder(candidate.id)
        shrunk = await asyncio.to_thread(self._kept.shrunk, candidate)
        if candidate.lineage["method"] == TREES:
            if await asyncio.to_thread((folder / LEARNED).exists):
                await asyncio.to_thread(self._write, candidate.id)
            elif not shrunk:
                await self._remake(candidate)
        elif not shrunk:
            if not await asyncio.to_thread((folder / CONFIG).exists):
                raise NotFound(
                    f"The files of '{candidate.name}' are gone.", hint="Train another one."
                )
        elif not candidate.figures.get("withdrawn"):
            await asyncio.to_thread(self._kept.note, candidate.id, {"withdrawn": True})
            await asyncio.to_thread(
                self._parts.audit.write,
                SYSTEM,
                "model learned what is erased",
                candidate.name,
                domain=candidate.domain,
            )

    async def _remake(self, candidate: Candidate) -> None:
        """The same where what they were grown on is gone: it is searched for again."""
        votes = await asyncio.to_thread(self._kept.votes, candidate.id)
        live = await asyncio.to_thread(self._parts.ledger.generations.live, candidate.domain)
        made = {part: candidate.lineage[part] for part in ("embedder", "chunker")}
        # In another cut the same ids are of other passages.
        if not votes or live is None or not made.items() <= dict(live.fingerprint).items():
            return
        domain = self._domains.get(candidate.domain)
        asked = await self._asked(domain, live.id, votes, lambda _: None)
        seen = await asyncio.to_thread(lambda: {name: one.asked for name, one in asked.items()})
        fit = await asyncio.to_thread(ranked, [*seen.values()])
        if fit.trees:
            await asyncio.to_thread(self._save, candidate.id, seen, fit)

    def tainted(self) -> list[str]:
        """The cross-encoders that learned from what is erased by now."""
        known = self._kept.of_kind("reranker")
        return [f"{one.domain}/{one.name}" for one in known if one.figures.get("withdrawn")]

    def sweep(self) -> None:
        """Remove cross-encoders that are whole and were never listed: their maker was killed."""
        # What was trained just now is listed a moment later, while nobody else trains.
        with suppress(Conflict), alone(self._models):
            # An encoder's files are called alike.
            kinds: tuple[Kind, ...] = ("reranker", "encoder")
            known = {one.id for kind in kinds for one in self._kept.of_kind(kind)}
            for folder in self._models.parent.joinpath(FOLDER).glob(f"*/{CONFIG}"):
                if folder.parent.name not in known:
                    shutil.rmtree(folder.parent, ignore_errors=True)

    def _write(self, id: str) -> None:
        votes = self._kept.votes(id)
        said = _said((one.digest, one.chunk_id, one.value) for one in votes)
        try:
            learned = kept_at(self._folder(id) / LEARNED)
        except FileNotFoundError:
            return
        asked = {
            digest: one._replace(useful=useful)
            for digest, one in learned.items()
            if (useful := _useful(said.get(digest, {}), one.names))
        }
        fit = ranked([*asked.values()]) if len(asked) >= ENOUGH else None
        if fit is None or not fit.trees:
            shutil.rmtree(self._folder(id), ignore_errors=True)
        else:
            self._save(id, asked, fit)

    async def _asked(
        self,
        domain: Domain,
        generation: str,
        votes: Iterable[Voted | Kept],
        progress: Callable[[Progress], None],
    ) -> dict[str, Found]:
        """Each question by its words, searched for again as whoever asked it last may now, without
        what was promoted; those of which nothing useful is found are left out."""
        by_trace = _said((one.trace_id, one.chunk_id, one.value) for one in votes)
        questions = await asyncio.to_thread(self._kept.questions, by_trace.keys())
        latest: dict[str, Mapping[str, Any]] = {}
        said: dict[str, dict[str, float]] = {}
        shown: dict[str, set[str]] = {}
        told = await asyncio.to_thread(lambda: [*self._parts.traces.some(sorted(by_trace))])
        for trace in sorted(told, key=lambda one: one["ts"]):
            digest = questions[trace["id"]].digest
            latest[digest] = trace
            shown.setdefault(digest, set()).update(str(hit["chunk_id"]) for hit in trace["hits"])
            of = said.setdefault(digest, {})
            for name, value in by_trace[trace["id"]].items():
                of[name] = of.get(name, 0.0) + value
        asked: dict[str, Found] = {}
        kept = sorted(latest, key=lambda digest: latest[digest]["ts"])[-MOST:]
        for done, digest in enumerate(kept, 1):
            trace = latest[digest]
            question, hits = await self._searched(domain, generation, trace)
            if _useful(said[digest], [hit.payload.chunk_id for hit in hits]):
                asked[digest] = Found(
                    unfolded(questions[trace["id"]].vector),
                    question,
                    hits,
                    said[digest],
                    frozenset(shown[digest] | said[digest].keys()),
                )
            progress(Progress(phase="search", done=done, total=len(kept)))
        if len(asked) < ENOUGH:
            raise InvalidInput(
                f"{len(asked)} questions with a useful passage among what is found are too few "
                "to order by.",
                hint=f"{ENOUGH} would do. Accept more feedback: rag review.",
            )
        return asked

    async def _searched(
        self, domain: Domain, generation: str, trace: Mapping[str, Any]
    ) -> tuple[str, Sequence[Hit]]:
        """What a reranker would be given, in the order that the answer would have without it."""
        try:
            who = await asyncio.to_thread(
                self._people.now, Principal(id=trace["principal_id"]), trace["domain"]
            )
        except (NotFound, Forbidden):
            return "", ()
        looking = _Looking()
        await domain.retriever.retrieve(
            who,
            trace["query_standalone"],
            generation=generation,
            limit=domain.pack.retrieval.limit,
            levers=Levers(reranker=looking),
        )
        hits = looking.hits
        if self._parts.reranker is not None:
            scores = await self._parts.reranker.rerank(looking.question, hits)
            order = sorted(range(len(hits)), key=lambda n: -scores[n])
            hits = [hits[n] for n in order]
        return looking.question, hits

    # --- the files ---

    def _folder(self, id: str) -> Path:
        return self._parts.settings.data / FOLDER / id

    def _save(self, id: str, asked: Mapping[str, Asked], fit: Fit) -> None:
        folder = self._folder(id)
        folder.mkdir(parents=True, exist_ok=True)
        keep(folder / LEARNED, asked)
        written(folder / FILE, fit.written)

    def _reranker(self, candidate: Candidate) -> Reranker | None:
        trees = candidate.lineage["method"] == TREES
        path = self._folder(candidate.id) / (FILE if trees else CONFIG)
        try:
            at = path.stat().st_mtime_ns
        except FileNotFoundError:
            self._loaded.pop(candidate.id, None)
            return None
        known = self._loaded.pop(candidate.id, None)
        if known is None or known[0] != at:
            try:
                known = (at, LambdaMartReranker(path) if trees else self._crossed(path.parent))
            except ConfigError as error:
                log.warning("reranker not read", candidate=candidate.name, reason=error.message)
                return None
        # The one asked for last comes last. Whoever still asks another one keeps it until then.
        self._loaded[candidate.id] = known
        while len(self._loaded) > LOADED:
            self._loaded.pop(next(iter(self._loaded)), None)
        return known[1]

    def _crossed(self, folder: Path) -> CrossEncoderReranker:
        return CrossEncoderReranker(folder, self._parts.settings.reranking.threads)


class Found(NamedTuple):
    """A question, what was found for it, and what people said of that."""

    vector: NDArray[np.float32]
    question: str
    hits: Sequence[Hit]
    """As people see them without what was promoted."""
    said: Mapping[str, float]
    shown: frozenset[str]

    @property
    def asked(self) -> Asked:
        """As trees see it."""
        names = [hit.payload.chunk_id for hit in self.hits]
        rows = features(self.question, self.hits)
        return Asked(self.vector, rows, names, _useful(self.said, names), self.shown)

    @property
    def read(self) -> Read:
        """As a cross-encoder reads it: what people saw, and nothing else."""
        seen = [hit for hit in self.hits if hit.payload.chunk_id in self.shown]
        names = [hit.payload.chunk_id for hit in seen]
        said = [max(-1.0, min(1.0, self.said.get(name, 0.0))) for name in names]
        return Read(self.question, self.vector, names, [read_text(hit) for hit in seen], said)


def _no_better(questions: int) -> InvalidInput:
    return InvalidInput(
        f"No reranker surely does better on questions that it did not learn from, of {questions}.",
        hint="Wait for more feedback, or make a memory: rag tune memory.",
    )


class _Looking:
    """Takes the place of a reranker, to see what one is given."""

    fingerprint = "looking"
    question = ""
    hits: Sequence[Hit] = ()

    async def rerank(self, question: str, hits: Sequence[Hit]) -> list[float]:
        self.question, self.hits = question, hits
        return [-float(n) for n in range(len(hits))]

    async def aclose(self) -> None:
        """Nothing is open."""


def _said(votes: Iterable[tuple[str, str, float]]) -> dict[str, dict[str, float]]:
    """What all together say of each passage, by question."""
    said: dict[str, dict[str, float]] = {}
    for question, chunk_id, value in votes:
        of = said.setdefault(question, {})
        of[chunk_id] = of.get(chunk_id, 0.0) + value
    return said


def _useful(said: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """How useful which of these are, where they are."""
    return {name: min(1.0, said[name]) for name in names if said.get(name, 0.0) > 0}
