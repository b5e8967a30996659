"""The nouns of the ratchet: what might make answers better, what the gate says, what is live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

from pydantic import Field

from rag.types import Data

Kind = Literal[
    "memory", "adapter", "encoder", "chunking", "reranker", "configuration", "prompt", "llm"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What a candidate changes; a release points to one of each at most."""
Stratum = Literal["repeat", "near_duplicate", "novel"]
STRATA: tuple[Stratum, ...] = ("repeat", "near_duplicate", "novel")
"""What the candidate has learned of a question: itself, one that is near, or nothing close."""
Outcome = Literal["passed", "refused", "insufficient"]
Guarded = Literal["latency", "cost", "answered", "support"]
Side = Literal["champion", "challenger"]
"""Of a trial: what is live, or that with the candidate in its place."""
TrialMeasure = Literal["useful", "abstained", "faults", "latency", "cost"]
Ending = Literal[
    "stopped",
    "worse",
    "abstained",
    "faults",
    "latency",
    "cost",
    "promoted",
    "released",
    "refused",
    "outlived",
]
"""How a trial ended: by somebody's word; as people found its answers surely worse; as there were
surely more abstentions or faults, or people waited longer or it cost more; as the candidate was
promoted, or another release went live; as the gate refused it meanwhile; as what it
was made for, an index or a wording, is no more."""


class Asked(Data):
    """One question of a period after what the candidate learned, or of a held-out cluster, answered
    by the live release and by the candidate."""

    id: str
    stratum: Stratum
    before: float
    """nDCG@10 of the live release."""
    after: float
    """That of the candidate."""
    held_out: bool = False
    """Of a cluster that nothing was ever learned from."""
    slices: Mapping[str, str] = {}
    """Its source and its language."""
    guards: Mapping[Guarded, tuple[float, float]] = {}
    """Live release and candidate: milliseconds, money, 1 where it was answered, support."""


class Interval(Data):
    """A mean difference and where it lies; of nothing where there are no questions."""

    questions: int
    mean: float = 0.0
    low: float = 0.0
    high: float = 0.0
    p: float = 1.0
    """How often chance alone, a coin for each question, gives at least this difference."""


class Rules(Data):
    """What the gate asks for."""

    alpha: float = Field(default=0.05, gt=0, lt=1)
    """The chance of promoting what is no better, over all looks at one live release."""
    effect: float = Field(default=0.02, gt=0, le=1)
    """The gain for which there are to be questions enough."""
    least: int = Field(default=100, ge=1)
    """Below so many questions no gain is told."""
    novel: float = Field(default=-0.02, le=0)
    held_out: float = Field(default=-0.02, le=0)
    slice: float = Field(default=-0.05, le=0)
    slice_least: int = Field(default=20, ge=1)
    """A slice of fewer questions decides nothing."""
    guard: float = Field(default=0.05, ge=0)
    """The share by which latency, cost, answers given and support may be worse."""


class Requirement(Data):
    """One thing that the gate asks for."""

    name: str
    holds: bool | None
    """None where there are too few questions to tell."""
    interval: Interval
    bound: float
    """What the interval's lower end has to be above; for a slice, what the mean has to be."""
    needed: int = 0
    """How many more questions would tell, where it is not told yet."""
    why: str = ""


class GateReport(Data):
    """What a gate decided of a candidate, and all that it decided by."""

    outcome: Outcome
    why: str
    conditions: tuple[Requirement, ...]
    strata: Mapping[Stratum, Interval]
    look: int
    """How often candidates were measured against the same release, this time included."""
    alpha: float
    """The chance of a false promotion that this look may spend."""
    before: float
    """Mean nDCG@10 of the live release over the period."""
    after: float


class Gain(Data):
    """What one candidate was worth when it was measured last, and what it had learned from."""

    candidate: str
    """Its name, as `memory-3`."""
    kind: Kind
    ratings: int
    """Verdicts that it learned from."""
    at: datetime
    outcome: Outcome
    overall: Interval
    strata: Mapping[Stratum, Interval]


class Candidate(Data):
    """Something that might make answers better, with where it comes from."""

    id: str
    domain: str
    kind: Kind
    number: int
    """Counts the candidates of a kind in a domain."""
    state: Literal["made", "promoted", "refused"]
    lineage: Mapping[str, Any]
    """What it was made of and how: feedback up to a moment, settings, embedder, generation."""
    figures: Mapping[str, Any] = {}
    created_by: str
    created_at: datetime

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number}"

    @property
    def searched_evals(self) -> bool:
        """Whether the half of the pack's own questions that may be fitted to was."""
        return bool(self.lineage.get("evals"))

    @property
    def written(self) -> bool:
        """Whether it changes no search, so that it is measured by what is written."""
        return self.kind in ("prompt", "llm") or self.lineage.get("by") == "answers"


class Judgement(Data):
    """What the gate said of a candidate against one release, with every question it went by."""

    id: str
    candidate: str
    against: int
    report: GateReport
    asked: tuple[Asked, ...]
    by: str
    at: datetime


class Release(Data):
    """The set of pointers that answers use together; promoted and rolled back as one."""

    id: str
    domain: str
    number: int
    memory: str | None = None
    """The candidate whose memory orders what is found; so it is with each kind."""
    adapter: str | None = None
    encoder: str | None = None
    """It answers with the generation that it made: both switch at once."""
    chunking: str | None = None
    """How documents are cut, in that generation as well."""
    reranker: str | None = None
    configuration: str | None = None
    prompt: str | None = None
    llm: str | None = None
    candidate: str | None = None
    """What was promoted with it; none in the first and in one that was gone back to."""
    report: str | None = None
    """The gate's report that let it through."""
    back_to: int | None = None
    """The number of the release whose pointers it has, where it was gone back to."""
    made_by: str
    made_at: datetime
    why: str = Field(default="", max_length=2_000)

    @property
    def pointers(self) -> dict[Kind, str]:
        """The candidates that answer, by kind."""
        named: dict[Kind, str | None] = {kind: getattr(self, kind) for kind in KINDS}
        return {kind: one for kind, one in named.items() if one is not None}


class CandidateTrial(Data):
    """A candidate that answers a share of the people, beside the live release that the others are
    answered by."""

    id: str
    domain: str
    candidate: str
    """Its name, as `memory-3`."""
    share: float
    against: int
    """The number of the release that is live."""
    look: int
    """How often candidates were held against the same release, by the gate or people, this time
    included."""
    began_by: str
    began_at: datetime
    better_at: datetime | None = None
    """When it first was surely better."""
    ended: Ending | None = None
    ended_by: str = ""
    ended_at: datetime | None = None

    @property
    def won(self) -> bool:
        """Surely better, and not for a reason ended that speaks against it."""
        return self.better_at is not None and self.ended in (None, "stopped")

    @property
    def lost(self) -> bool:
        return self.ended in ("worse", "abstained", "faults", "latency", "cost")


class SideFigure(Data):
    """One measure of both sides. Each person counts once, by the mean of all their answers; of time
    it is the middle one."""

    measure: TrialMeasure
    champion: float | None = None
    challenger: float | None = None
    """Shares of answers, milliseconds, money."""
    people: tuple[int, int]
    answers: tuple[int, int]
    difference: float | None = None
    """Of time and cost as a share of the champion's. None below twenty people on either side."""
    low: float | None = None
    high: float | None = None
    """Between these it lies, however often anybody looks."""
    limit: float
    """How much more of what is bad is too much; for what is good, 0."""
    holds: bool | None = None
    """Of the useful ones: surely more, surely fewer, or not told yet. Of all else: surely within
    the limit, surely beyond it, or not told yet."""


class TrialPoint(Data):
    """What was known of the useful answers at some moment of a trial."""

    at: datetime
    ratings: int
    mean: float
    low: float
    high: float


class CandidateComparison(Data):
    """The two sides of a trial since it began."""

    trial: CandidateTrial
    outcome: Literal["better", "worse", "open"]
    """Better and worse are sure; a measure that is beyond its limit makes it worse."""
    figures: tuple[SideFigure, ...]
    path: tuple[TrialPoint, ...] = ()
