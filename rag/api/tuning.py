"""The routes of the ratchet: candidates, what the gate says of them, releases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field

from rag.api.policy import Data
from rag.api.routes import EVENTS, RESPONSES, Domain, Name, with_progress
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.candidates import (
    Candidate,
    CandidateComparison,
    CandidateTrial,
    Gain,
    Judgement,
    Kind,
    Release,
)
from rag.learn.lora import Recipe
from rag.types import Data as Body
from rag.types import Progress

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)
NAMED = r"^[a-z]{1,16}-[1-9][0-9]{0,8}$"
Named = Annotated[str, Path(pattern=NAMED, description="A candidate, as `memory-3`.")]
Why = Annotated[str, Field(max_length=2_000)]


class NewCandidate(Body):
    kind: Kind
    domain: Name | None = None
    base: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Of a reranker: what it is trained from, a name under tuning.bases, or `reranking` for the one
    in use. Without, it is trees."""
    budget: Annotated[float, Field(gt=0, le=1_440, allow_inf_nan=False)] | None = None
    """Of a chunking or a configuration: minutes in which others are tried; 10 if none are named."""
    answers: bool = False
    """Of a configuration: it is searched for by what is answered, not by what is found."""


class NewModel(Body):
    recipe: Recipe
    domain: Name | None = None


class Candidates(Body):
    candidates: list[Candidate]


class Measured(Body):
    """A candidate with what the gate said of it, newest first."""

    candidate: Candidate
    reports: list[Judgement]


class Gains(Body):
    gains: list[Gain]


class Measuring(Body):
    domain: Name | None = None


class Promotion(Body):
    why: Why = ""
    domain: Name | None = None


class TryCandidate(Body):
    candidate: Annotated[str, Field(pattern=NAMED)]
    share: float = Field(default=0.1, gt=0, le=0.5, allow_inf_nan=False)
    """Of the people; 0.1 is a tenth."""
    domain: Name | None = None


class Compared(Body):
    """The trial that runs or ran last; null where there was none."""

    comparison: CandidateComparison | None


class Rollback(Body):
    to: int | None = Field(default=None, ge=0, le=10**9)
    """The number of the release to go back to; the one before the live one if none is named."""
    why: Why = ""
    domain: Name | None = None
    force: bool = False
    """Also to an index that lacks documents, which the next sync brings."""


class Releases(Body):
    releases: list[Release]
    """Newest first; the first one is live."""


@router.post("/candidates", response_model=Candidate, responses=EVENTS)
async def make(request: Request, body: NewCandidate, who: Data, server: Server) -> Any:
    """Make a candidate of the feedback that was accepted until now. Nothing that people see
    changes. Events as of a sync."""

    async def work(progress: Callable[[Progress], None]) -> Candidate:
        return await server.app.tuning.make(
            who, body.kind, body.domain, progress, body.base, body.budget, answers=body.answers
        )

    return await with_progress(request, work)


@router.post("/candidates/llm", response_model=Candidate, responses=EVENTS)
async def train(request: Request, body: NewModel, who: Data, server: Server) -> Any:
    """Train a language model further on a version of a dataset, as far as it may be trained with.
    Events as of a sync. 409 while another one is trained."""

    async def work(progress: Callable[[Progress], None]) -> Candidate:
        return await server.app.tuning.train(who, body.recipe, body.domain, progress)

    return await with_progress(request, work)


@router.get("/candidates")
async def candidates(who: Data, server: Server, domain: Domain = None) -> Candidates:
    """Every candidate, newest first."""
    return Candidates(candidates=await server.app.tuning.list(who, domain))


@router.put("/candidates/trial")
async def begin_trial(body: TryCandidate, who: Data, server: Server) -> CandidateTrial:
    """Let a candidate answer a share of the people, from the next question on. It ends by itself
    where they are surely worse off. 409 while another one is tried, and for one that the gate
    refused or was not asked about."""
    return await server.app.candidate_trials.begin(who, body.candidate, body.share, body.domain)


@router.get("/candidates/trial")
async def compare(who: Data, server: Server, domain: Domain = None) -> Compared:
    """Both sides of the trial that runs or ran last, and how sure each difference is. Look as often
    as you like: the intervals hold at every moment."""
    return Compared(comparison=await server.app.candidate_trials.compare(who, domain))


@router.delete("/candidates/trial")
async def stop_trial(who: Data, server: Server, domain: Domain = None) -> CandidateTrial:
    """Let what is live answer everybody, from the next question on; 409 where nothing is tried."""
    return await server.app.candidate_trials.stop(who, domain)


@router.get("/candidates/{name}")
async def candidate(name: Named, who: Data, server: Server, domain: Domain = None) -> Measured:
    """One candidate: what it was made of, and every time that it was measured."""
    found, reports = await server.app.tuning.get(who, name, domain)
    return Measured(candidate=found, reports=reports)


@router.post("/candidates/{name}/reports", response_model=Judgement, responses=EVENTS)
async def measure(request: Request, name: Named, body: Measuring, who: Data, server: Server) -> Any:
    """Measure a candidate against what is live. Each look at the same release makes the next one
    stricter. Events as of a sync."""

    async def work(progress: Callable[[Progress], None]) -> Judgement:
        return await server.app.tuning.measure(who, name, body.domain, progress)

    return await with_progress(request, work)


@router.get("/gains")
async def gains(who: Data, server: Server, domain: Domain = None) -> Gains:
    """What ratings were worth: each candidate that learned from some, as it was measured last, from
    the fewest to the most."""
    return Gains(gains=await server.app.tuning.gains(who, domain))


@router.post("/candidates/{name}/promotion")
async def promote(name: Named, body: Promotion, who: Data, server: Server) -> Release:
    """Let a candidate that the gate let through into the next release, from the next question on.
    409 unless its last report, against what is live now, says that it passed; or that too little is
    known, and people were surely better off with it on trial."""
    return await server.app.tuning.promote(who, name, body.domain, body.why)


@router.get("/releases")
async def releases(who: Data, server: Server, domain: Domain = None) -> Releases:
    """What answers use together, and what they used before."""
    return Releases(releases=await server.app.tuning.releases(who, domain))


@router.post("/releases/rollback")
async def roll_back(body: Rollback, who: Data, server: Server) -> Release:
    """Let answers use what an earlier release did, from the next question on. 409 `behind` where
    its index lacks documents that are answered from by now, unless forced."""
    return await server.app.tuning.roll_back(who, body.domain, body.to, body.why, force=body.force)
