"""The nouns of Ratchet: plain frozen data, one meaning each, no framework but pydantic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from rag.file_kinds import FileKind

EVERYONE = "everyone"
LOCAL = "local"
"""The id of this machine's single user, who has every role and is in every group."""


class Data(BaseModel):
    """Base of every noun: immutable, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"
    DATA = "data"


Roles = Annotated[frozenset[Role], PlainSerializer(sorted, when_used="json")]
"""Told in the same order each time."""


class Principal(Data):
    """Who asks. `readers` are the tokens that match a document's readers."""

    id: str
    groups: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset({Role.USER})
    key: str = ""
    """The id of the API key through which they ask, if it is one."""

    @property
    def readers(self) -> frozenset[str]:
        return frozenset({EVERYONE, f"user:{self.id}", *(f"group:{g}" for g in self.groups)})


class Member(Data):
    """One person in one group; nobody added them where the domain's pack declares them."""

    user: str
    added_by: str = ""
    added_at: datetime | None = None


class Group(Data):
    """A group of one domain; the same name in another domain has nothing to do with it."""

    name: str
    members: tuple[Member, ...] = ()


# --- from a source to chunks ------------------------------------------------------------------


class Cursor(Data):
    """What `discover` resumes from; `value` None asks for a full listing."""

    value: str | None = None


class Change(Data):
    """One line of a listing.

    `key` identifies the document within its source; `revision` is only ever compared. `failed`
    names an item that could not be listed (never a deletion). `complete` closes a full listing and
    alone allows deleting what vanished. `cursor` means: safe to resume here once this is indexed.
    """

    kind: Literal["upsert", "delete", "failed", "skipped", "complete"]
    key: str = ""
    uri: str = ""
    revision: str = ""
    reason: str = ""
    cursor: str | None = None
    readers: frozenset[str] = frozenset({EVERYONE})


class RawDocument(Data):
    """Fetched bytes and what the source knows about them. Dates are aware datetimes."""

    key: str
    uri: str
    name: str
    data: bytes
    media_type: str | None = None
    title: str | None = None
    modified_at: datetime | None = None
    readers: frozenset[str] = frozenset({EVERYONE})
    metadata: Mapping[str, str] = Field(default_factory=dict)


class Box(Data):
    """A rectangle on a page: points, origin bottom left, page numbered from 1."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


class Block(Data):
    """A structural piece of a Document; `document.text[start:end]` is its text.

    A table's text has one line per body row, each self-contained ("Header: value; Header: value"),
    so any run of rows reads alone; `rows` keeps the cells, header row first.
    """

    kind: Literal["heading", "text", "list", "table", "code"]
    start: int
    end: int
    headings: tuple[str, ...] = ()
    level: int = 0
    page: int | None = None
    boxes: tuple[Box, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    hidden: bool = False


class Document(Data):
    """Parsed text with structure. Blocks are in order, do not overlap, cover what is searched."""

    title: str
    text: str
    blocks: tuple[Block, ...]
    media_type: str
    language: str = "und"
    pages: int | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None
    warnings: tuple[str, ...] = ()


class Chunk(Data):
    """What is embedded and cited; `document.text[start:end] == text`.

    `header` (title and heading path) is embedded before the text. `tokens` counts both, by the
    embedder in use, and never exceeds its limit.
    """

    ordinal: int
    text: str
    header: str
    headings: tuple[str, ...] = ()
    page: int | None = None
    boxes: tuple[Box, ...] = ()
    start: int
    end: int
    tokens: int
    kind: Literal["text", "table", "code"] = "text"
    hidden: bool = False


class SparseVector(Data):
    indices: tuple[int, ...]
    values: tuple[float, ...]


class Payload(Data):
    """What the index stores beside a chunk's vectors. Times are seconds since the epoch."""

    chunk_id: str
    document_id: str
    version: int
    source: str
    readers: tuple[str, ...]
    language: str
    title: str
    uri: str
    text: str
    header: str
    headings: tuple[str, ...] = ()
    ordinal: int
    page: int | None = None
    boxes: tuple[Box, ...] = ()
    start: int
    end: int
    kind: str = "text"
    hidden: bool = False
    modified_at: float | None = None
    file_kind: FileKind | None = None
    """None in an index of before it was stored, until it is filled in."""


class Point(Data):
    """One chunk as the index takes it; `payload.chunk_id` (a UUID string) is the point's id."""

    dense: tuple[float, ...]
    sparse: SparseVector
    payload: Payload


# --- asking -----------------------------------------------------------------------------------


class Match(Data):
    """True where the field has any of the values."""

    op: Literal["match"] = "match"
    field: Literal["source", "document_id", "version", "readers", "language", "kind", "file_kind"]
    any_of: tuple[str | int, ...] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _of_known_kinds(self) -> Self:
        if self.field == "file_kind" and (unknown := {*self.any_of} - {*FileKind}):
            named = ", ".join(sorted(str(one)[:100] for one in unknown)[:3])
            raise ValueError(f"no kind of file: {named}. There are {', '.join(FileKind)}")
        return self


def of_kinds(kinds: Sequence[FileKind]) -> Match | None:
    """What is read from files of these kinds; of any where none is named."""
    return Match(field="file_kind", any_of=tuple(kinds)) if kinds else None


class Range(Data):
    """True where the number lies within the closed bounds given."""

    op: Literal["range"] = "range"
    field: Literal["modified_at", "page", "version"]
    gte: float | None = None
    lte: float | None = None


class And(Data):
    op: Literal["and"] = "and"
    of: tuple[Filter, ...] = Field(min_length=1, max_length=100)


class Or(Data):
    op: Literal["or"] = "or"
    of: tuple[Filter, ...] = Field(min_length=1, max_length=100)


class Not(Data):
    op: Literal["not"] = "not"
    of: Filter


Filter = Annotated[And | Or | Not | Match | Range, Field(discriminator="op")]


class IndexQuery(Data):
    """Both halves of one hybrid search; either may be absent. `readers` is the outermost must."""

    dense: tuple[float, ...] | None = None
    sparse: SparseVector | None = None
    readers: frozenset[str]
    filter: Filter | None = None
    limit: int = 50


class Scored(Data):
    """A candidate of one list, best first."""

    score: float
    chunk_id: str


class Candidates(Data):
    """The two lists of a hybrid search, each ordered by (-score, chunk_id)."""

    dense: tuple[Scored, ...] = ()
    sparse: tuple[Scored, ...] = ()


class Score(Data):
    """One stage's verdict on a hit: `why` is readable by a person."""

    stage: Literal["dense", "bm25", "fusion", "memory", "rerank", "widen"]
    rank: int
    score: float
    why: str = ""


class Hit(Data):
    """A chunk found for a question, with the story of its scores, last stage last."""

    rank: int
    score: float
    payload: Payload
    scores: tuple[Score, ...]
    context: str = ""
    """Text for the generator: the chunk widened to its neighbours; empty means the chunk."""
    context_start: int = 0
    pages: tuple[tuple[int, int], ...] = ()
    """(offset, page) of each place in chunk and context where a page begins."""


class Turn(Data):
    role: Literal["user", "assistant"]
    content: str = Field(max_length=100_000)


class SearchRequest(Data):
    query: str = Field(min_length=1, max_length=20_000)
    domain: str | None = None
    limit: int = Field(default=10, ge=1, le=200)
    filter: Filter | None = None


class AskRequest(Data):
    question: str = Field(min_length=1, max_length=20_000)
    domain: str | None = None
    model: str | None = None
    history: tuple[Turn, ...] = Field(default=(), max_length=50)
    """What was said before, where no conversation is named: that one knows by itself."""
    conversation: str | None = Field(default=None, pattern=r"^[0-9a-f-]{36}$")
    filter: Filter | None = None
    fresh: bool = False
    """Written anew, though a model wrote an answer to the same before."""
    beside: str | None = Field(default=None, pattern=r"^[0-9a-f-]{36}$")
    """The trace of the answer beside which the model on trial writes another; it takes no turn."""

    @model_validator(mode="after")
    def _one_past(self) -> Self:
        if self.conversation is not None and self.history:
            raise ValueError("a conversation has its own history")
        if self.beside is not None and (self.conversation is None or self.model is not None):
            raise ValueError("beside takes the conversation of that answer, and no model")
        return self


class SearchResult(Data):
    hits: tuple[Hit, ...]
    queries: tuple[str, ...]
    generation: str
    timings: Mapping[str, float]
    """Milliseconds per stage."""


class Citation(Data):
    """Where a statement stands: an exact span of an exact version, minted by the server."""

    n: int
    document_id: str
    document: str
    uri: str
    version: int
    chunk_id: str
    page: int | None
    span: tuple[int, int]
    boxes: tuple[Box, ...] = ()
    quote: str


class Conflict(Data):
    """Another document that says otherwise than a citation of the answer."""

    n: int
    """The citation that it contradicts."""
    other: Citation
    """What it says, and where; its number is none of the answer's."""
    dated: tuple[str, str]
    """The year or the day of the cited document and of the other; empty where it is not known."""
    newer: bool | None
    """Whether the cited document is the newer one; None where that is not known."""


class Claim(Data):
    """A sentence of an answer that claims something, and whether what it cites supports it."""

    span: tuple[int, int] | None
    """Its characters in the answer, markers included; None where it was removed from it."""
    text: str
    verdict: Literal["supported", "partly", "unsupported"]
    score: float
    """From 0 to 1; `verdict` says in words what it means."""
    reason: str
    citations: tuple[int, ...]
    """The numbers of the citations that it was checked against."""


class Usage(Data):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


class Answer(Data):
    answer: str
    citations: tuple[Citation, ...]
    abstained: bool
    confidence: float
    claims: tuple[Claim, ...] = ()
    """What the answer says, sentence by sentence, each with its support verdict."""
    support: float | None = None
    """The mean score of the claims; None where nothing is claimed."""
    conflicts: tuple[Conflict, ...] = ()
    """What other documents say otherwise."""
    removed: int = 0
    """Sentences that nothing supports and that the pack's policy took out."""
    searched: tuple[str, ...] = ()
    """Titles looked at; an abstention names them."""
    standalone: str | None = None
    """The question as it was searched, where a follow-up was made to stand alone."""
    trace_id: str
    model: str
    cached: bool = False
    """The model wrote it before, for the same question over the same passages."""
    timings: Mapping[str, float]
    usage: Usage


class Message(Data):
    role: Literal["system", "user", "assistant"]
    content: str


class Finish(Data):
    """How a model's text ended; tokens are None where the endpoint does not count them."""

    reason: Literal["stop", "length", "filtered"] = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class AnswerEvent(Data):
    """One server-sent event of an answer.

    started, hits, then token and citation as they come, support, and at last answer or error.
    """

    event: Literal["started", "hits", "token", "citation", "support", "answer", "error"]
    data: Mapping[str, Any]


# --- running ----------------------------------------------------------------------------------


class SyncReport(Data):
    added: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    rejected: int = 0
    warned: int = 0
    failed: int = 0
    dead_lettered: int = 0
    held: int = 0
    chunks: int = 0
    seconds: float = 0.0


class Progress(Data):
    """How far long work has come; `total` 0 means not known yet."""

    phase: str
    done: int
    total: int = 0
    document: str = ""
    failed: int = 0
    final: bool = False
    """The total grows no more."""
    spent: float = 0.0
    """Seconds of a budget, where there is one."""


class RunProgress(Data):
    """How far a run has come, and how fast."""

    phase: str = ""
    seen: int = 0
    done: int = 0
    failed: int = 0
    rate: float = 0.0
    """Documents per second."""
    seconds_left: float | None = None
    """Not known while the source is still being listed."""


class RunError(Data):
    """Why a run did not succeed, in the words of the error."""

    code: str
    message: str
    hint: str = ""


class Run(Data):
    """A durable job: asked for, done by a worker, kept with what came of it."""

    id: str
    kind: Literal["sync", "rebuild", "change", "build", "verify"]
    """change: an admin changed or removed something; the phase of its progress says what.
    build, verify: of a dataset."""
    domain: str
    source: str = ""
    """The source's name then; empty for a run of the whole domain."""
    source_id: str | None = None
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    cancelling: bool = False
    """Told to stop; it ends when the work has stopped."""
    wanted: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    """What it was asked for, where its kind and its source do not say."""
    requested_by: str
    requested_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    worker: str = ""
    heartbeat_at: datetime | None = None
    fence: int = 0
    """Grows with every worker that takes the run; only the latest one's writes count."""
    progress: RunProgress = RunProgress()
    report: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    error: RunError | None = None

    @property
    def ended(self) -> bool:
        return self.state not in ("queued", "running")


class Schedule(Data):
    """When a source is read by itself: by the clock (UTC), or so long after the last time."""

    cron: str = Field(default="", max_length=200)
    every_seconds: int | None = Field(default=None, ge=10, le=366 * 86_400)


class Original(Data):
    """The bytes of a kept version, to be served as an attachment."""

    data: bytes
    name: str
    media_type: str


class Freshness(Data):
    """How soon what happens at a source takes effect in answers, in seconds."""

    count: int
    last: float
    p95: float
    """95 of 100 took no longer than this: the bound of a bucket, thirty days at most."""


class SourceInfo(Data):
    id: str
    domain: str
    name: str
    connector: str
    config: Mapping[str, Any]
    secrets: tuple[str, ...] = ()
    """Names of the settings that are set but never shown."""
    paused: bool = False
    documents: int = 0
    """Those that are indexed."""
    failed: int = 0
    """Those that are not, or not as they are there now."""
    held: int = 0
    last_sync: datetime | None = None
    schedule: Schedule | None = None
    next_sync: datetime | None = None
    """When the schedule is due."""
    freshness: Mapping[str, Freshness] = Field(default_factory=dict[str, Freshness])
    """By what happened: change, delete, revoke; told of one source, not in lists."""


class DomainInfo(Data):
    """A domain as it greets whoever asks there."""

    name: str
    title: str
    description: str = ""
    language: str
    suggested_questions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Names of the sources with a document that the caller may read."""


class ConnectorInfo(Data):
    """A kind of source that can be added; `form` is the JSON Schema of its configuration."""

    name: str
    about: str = ""
    form: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    verified: str = ""
    """What it was tested against, in words; empty means unverified."""
    problem: str = ""
    """Why it cannot be used here; empty when it can."""


class DocumentInfo(Data):
    id: str
    source: str
    uri: str
    title: str
    version: int | None
    state: Literal["indexed", "rejected", "failed", "dead_letter", "pending"]
    reason: str = ""
    message: str = ""
    warnings: tuple[str, ...] = ()
    chunks: int = 0
    language: str = "und"
    media_type: str = ""
    updated_at: datetime
    attempts: int = 0
    """How often this version of it was tried and failed."""
    next_attempt: datetime | None = None
    """From when on a sync tries a failed one again."""
    held: bool = False
    """Gone from the source, but so much vanished at once that an admin must confirm it."""


class Rotated(Data):
    """Of how many sources and models the credentials were encrypted anew."""

    sources: int
    models: int


class Collected(Data):
    """Kept files that nothing needed any more."""

    files: int
    bytes: int


class Check(Data):
    """One line of `rag doctor`."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


def utc_now() -> datetime:
    """The default clock; everything that needs time takes one as a parameter."""
    return datetime.now(UTC)
