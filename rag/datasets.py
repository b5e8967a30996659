"""The nouns of datasets: rows that train or measure something, and where each came from.

A row is what a consumer reads; nothing but that is in it. Everything else that is known of it is
its provenance, kept beside it under the row's hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, field_validator

from rag.feedback import Purpose
from rag.redaction import Chosen, Redaction
from rag.types import Data, Message

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Task = Literal["instruction", "preference", "label", "relevance", "evaluation"]
TASKS: tuple[Task, ...] = ("instruction", "preference", "label", "relevance", "evaluation")


class Instruction(Data):
    """What was asked, with the context as it was given, and what the answer should be."""

    task: Literal["instruction"] = "instruction"
    prompt: tuple[Message, ...] = Field(min_length=1)
    completion: str = Field(min_length=1)


class Preference(Data):
    """Two answers to one prompt, of which people, on the whole, prefer the first."""

    task: Literal["preference"] = "preference"
    prompt: tuple[Message, ...] = Field(min_length=1)
    chosen: str = Field(min_length=1)
    rejected: str = Field(min_length=1)


class Label(Data):
    """An answer that people found useful, or not."""

    task: Literal["label"] = "label"
    prompt: tuple[Message, ...] = Field(min_length=1)
    completion: str = Field(min_length=1)
    label: bool


class Judged(Data):
    """A passage with how relevant people found it to a question: above 0, or 0 for not at all."""

    id: str
    title: str = ""
    text: str = Field(min_length=1)
    score: float = Field(ge=0, le=1)


class Relevance(Data):
    """A question, as it stands alone, and every passage of which people said whether it helps.

    A passage that nobody judged is not there: not having been shown is no verdict.
    """

    task: Literal["relevance"] = "relevance"
    id: str
    question: str = Field(min_length=1)
    passages: tuple[Judged, ...] = Field(min_length=1)


class Evaluation(Data):
    """A question with what was answered, and what would have been right as far as people said."""

    task: Literal["evaluation"] = "evaluation"
    id: str
    question: str = Field(min_length=1)
    contexts: tuple[str, ...] = ()
    """What the answer was made of; of the same length as `context_ids`."""
    context_ids: tuple[str, ...] = ()
    response: str = ""
    reference: str = ""
    reference_contexts: tuple[str, ...] = ()
    """Passages that bear the reference out; of the same length as `reference_ids`."""
    reference_ids: tuple[str, ...] = ()


Row = Annotated[
    Instruction | Preference | Label | Relevance | Evaluation, Field(discriminator="task")
]
ROW: TypeAdapter[Instruction | Preference | Label | Relevance | Evaluation] = TypeAdapter(Row)


Columns = Mapping[str, JsonValue]
"""Names, in the order in which they are written, each with its type: `string`, `bool`, `int64`,
`float64`, a list of one type, or an object of named ones."""

_MESSAGES: JsonValue = [{"role": "string", "content": "string"}]
COLUMNS: Mapping[Task, Columns] = {
    "instruction": {"completion": "string", "prompt": _MESSAGES, "task": "string"},
    "preference": {
        "chosen": "string", "prompt": _MESSAGES, "rejected": "string", "task": "string",
    },
    "label": {"completion": "string", "label": "bool", "prompt": _MESSAGES, "task": "string"},
    "relevance": {
        "id": "string",
        "passages": [{"id": "string", "score": "float64", "text": "string", "title": "string"}],
        "question": "string",
        "task": "string",
    },
    "evaluation": {
        "context_ids": ["string"],
        "contexts": ["string"],
        "id": "string",
        "question": "string",
        "reference": "string",
        "reference_contexts": ["string"],
        "reference_ids": ["string"],
        "response": "string",
        "task": "string",
    },
}  # fmt: skip
"""What a line of each task holds, in the order of `line`."""


class File(Data):
    """What a file of a dataset has to be, byte for byte."""

    sha256: str
    size: int


class Table(Data):
    """A file of equal lines. A reader chooses by `config`, the data's kind, and by `split`."""

    path: str
    config: str
    split: str
    rows: int
    columns: Columns
    media_type: str = "application/jsonlines"


class Kept(Data):
    """Of the rows that an export read: how many it holds, and why the others are left out."""

    read: int
    kept: int
    left_out: Mapping[str, int] = {}


class Exported(Data):
    """What an exporter says of the files that it wrote."""

    tables: tuple[Table, ...]
    left_out: Mapping[Task, Mapping[Split, Mapping[str, int]]] = {}


class Manifest(Data):
    """A dataset: what is in its folder and under what terms; more may stand in it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    format: Literal[1] = 1
    name: str
    version: str
    domain: str = ""
    as_of: datetime | None = None
    """Up to when answers and ratings were read, where that is a part of what it is."""
    description: str = ""
    license: str = ""
    languages: tuple[str, ...] = ()
    redaction: Redaction = Redaction(rev="")
    rows: Mapping[Task, Mapping[Split, int]] = {}
    files: Mapping[str, File] = {}
    """By path in the folder, with slashes."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """Its files of rows."""
        return tuple(
            Table(
                path=path,
                config=task,
                split=split,
                rows=self.rows.get(task, {}).get(split, 0),
                columns=COLUMNS[task],
            )
            for task in TASKS
            for split in SPLITS
            if (path := rows_path(task, split)) in self.files
        )


class Source(Data):
    """The dataset that an export was made from."""

    name: str
    version: str
    domain: str = ""


class ExportManifest(Data):
    """An export: which dataset it is made of, in which format, and what it could not hold."""

    format: Literal[1] = 1
    exporter: str
    source: Source
    as_of: datetime | None = None
    description: str = ""
    license: str = ""
    languages: tuple[str, ...] = ()
    redaction: Redaction = Redaction(rev="")
    """Of the whole dataset."""
    rows: Mapping[Task, Mapping[Split, Kept]]
    tables: tuple[Table, ...]
    files: Mapping[str, File]


Consumer = Literal[
    "trl",
    "sentence-transformers",
    "beir",
    "llama-index",
    "datasets",
    "mlcroissant",
    "openai-shape",
    "llama-factory",
]


class Fault(Data):
    """Something that a consumer would do to an export without a word, or refuse to do."""

    code: str
    """One word for what it is; `docs/datasets.md` tells each."""
    where: str = ""
    text: str
    fatal: bool = True
    """Else it is only to be known."""
    found_by: Literal["checks", "consumer"]
    """Our own reading of every line, or the consumer's own code."""


class Loaded(Data):
    """A file as its consumer took it in."""

    path: str
    rows: int
    kept: int
    more: Mapping[str, int | None] = {}
    """Whatever else it counts, as the longest row in tokens."""


class Losses(Data):
    """What a trainer said of its steps."""

    path: str
    losses: tuple[float | None, ...]
    """None where it was no number."""

    @field_validator("losses", mode="after")
    @classmethod
    def _finite(cls, losses: tuple[float | None, ...]) -> tuple[float | None, ...]:
        return tuple(one if one is not None and isfinite(one) else None for one in losses)


class Preflight(Data):
    """What became of an export in a consumer's hands."""

    folder: str
    format: str
    consumer: Consumer
    ok: bool
    """Nothing that is fatal was found."""
    executed: str
    """What of the consumer ran."""
    versions: Mapping[str, str] = {}
    loaded: tuple[Loaded, ...] = ()
    losses: tuple[Losses, ...] = ()
    problems: tuple[Fault, ...] = ()


class ToVerify(Data):
    """Who is to take in a version, in which format, and how."""

    consumer: Consumer
    format: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9_-]{0,63})?$")
    """Empty: as it was built."""
    train_steps: int = Field(default=0, ge=0, le=100)
    max_length: int | None = Field(default=None, ge=1, le=1_000_000)
    """TRL's; without, its own."""


class Verification(Data):
    """What became of a version, or of an export of it, in a consumer's hands, and when."""

    id: str
    format: str = ""
    report: Preflight
    by: str
    at: datetime


def rows_path(task: Task, split: Split) -> str:
    """Where a dataset's folder has these rows."""
    return f"rows/{task}/{split}.jsonl"


def line(value: object) -> str:
    """JSON in one form for equal values: keys in order, no spaces, letters as they are.

    Half a surrogate pair, which no encoding has, becomes a question mark.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode("utf-8")


def row_hash(written: str) -> str:
    """The name of a row: SHA-256 of its line."""
    return hashlib.sha256(written.encode()).hexdigest()


ReviewState = Literal["raw", "accepted", "quarantined", "rejected"]
Omission = Literal[
    "not_reviewed",
    "consent",
    "policy",
    "withheld",
    "unfinished",
    "split_opinion",
    "no_passage_text",
    "no_prompt",
    "over_rater_cap",
    "would_leak",
    "no_answer",
    "redacted_alike",
    "not_redacted",
]
"""Why something that people said made no row, in one word; `docs/datasets.md` tells each."""

PURPOSES: dict[Task, Purpose] = {
    "instruction": "training",
    "preference": "training",
    "label": "training",
    "relevance": "retrieval",
    "evaluation": "evaluation",
}
"""What people must have agreed to before a task may use what they said."""


class DatasetSpec(Data):
    """What a dataset is made of. Equal specifications at the same moment give the same bytes."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_-]*$")
    description: str = Field(default="", max_length=2_000)
    tasks: tuple[Task, ...] = ("instruction", "preference", "label", "relevance", "evaluation")
    since: datetime | None = None
    """Only what was asked from then on."""
    until: datetime | None = None
    """Only what was asked before."""
    models: tuple[str, ...] = Field(default=(), max_length=100)
    """Only answers of these; empty: of all."""
    languages: tuple[str, ...] = Field(default=(), max_length=100)
    signals: tuple[Literal["thumb", "grade", "pairwise", "correction"], ...] = (
        *("thumb", "grade"),
        *("pairwise", "correction"),
    )
    raters: tuple[Literal["user", "expert"], ...] = ("user", "expert")
    review: tuple[ReviewState, ...] = ("accepted",)
    """Only verdicts that stand in one of these states."""
    audience: Literal["everyone", "mine"] = "everyone"
    """Made only of documents that everybody may read; or of all that whoever builds it may."""
    license: str = Field(default="other", max_length=100)
    redaction: Chosen = "default"
    """What is personal is replaced as the settings say; `none`, where they allow it: nothing is."""
    per_rater: int = Field(default=500, ge=1, le=1_000_000)
    """The most opinions of one person that count."""
    test_share: float = Field(default=0.1, ge=0, le=0.5)
    validation_share: float = Field(default=0.1, ge=0, le=0.5)


class Dataset(Data):
    """One version of a dataset."""

    name: str
    number: int
    version: str
    domain: str
    state: Literal["kept", "withdrawn"]
    spec: DatasetSpec
    manifest: Mapping[str, Any]
    created_by: str
    created_at: datetime

    @property
    def rows(self) -> int:
        return sum(sum(each.values()) for each in self.manifest["rows"].values())


class Difference(Data):
    """What became of the rows between two versions, by task."""

    one: str
    other: str
    kept: Mapping[str, int]
    added: Mapping[str, int]
    removed: Mapping[str, int]
    moved: Mapping[str, int]
    """Rows that are in both, in another split."""
