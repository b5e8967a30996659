"""The pack itself: `pack.toml` with what it names, loaded whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from rag.config.reading import read_toml
from rag.domain.evals import EvalCase, load_evals
from rag.domain.prompts import ANSWER, NEEDED, Prompt, load_prompt, load_wordings
from rag.domain.reading import validate
from rag.errors import ConfigError, NotFound, did_you_mean
from rag.types import Data, Principal, Role

PACKS = Path(__file__).parent.parent / "packs"
"""The packs that come with Ratchet."""


class Person(Data):
    """A test person of the pack; `rag ask --as ID` asks as them."""

    id: str = Field(min_length=1, max_length=100)
    groups: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset({Role.USER})

    @property
    def principal(self) -> Principal:
        return Principal(id=self.id, groups=self.groups, roles=self.roles)


class PackSource(Data):
    """A source that comes with the pack; `config` is what its connector takes.

    A `files` source's relative path means a folder of the pack.
    """

    name: str = Field(min_length=1, max_length=100)
    connector: str
    config: Mapping[str, Any] = Field(default_factory=dict[str, Any])


class RetrievalKnobs(Data):
    """How passages are found."""

    fusion: Literal["dbsf", "rrf", "convex"] = "dbsf"
    rrf_k: int = Field(default=60, ge=1, le=1_000)
    dense_weight: float = Field(default=1.0, ge=0, le=100)
    sparse_weight: float = Field(default=1.0, ge=0, le=100)
    candidates: int = Field(default=50, ge=1, le=1_000)
    """Passages asked of each of the two lists."""
    limit: int = Field(default=10, ge=1, le=200)
    """Passages kept."""
    near_duplicate: float = Field(default=0.95, gt=0, le=1)
    """Share of words in common above which the lower of two passages is dropped."""
    widen: int = Field(default=1, ge=0, le=5)
    """Neighbouring chunks given with a passage, on either side."""


FEATURES = 7
"""What is weighed for the confidence of an answer: see `rag.answer.evidence`."""


class AnswerKnobs(Data):
    """How answers are made."""

    abstain_below: float = Field(default=0.35, ge=0, le=1)
    """Confidence under which the answer is that it does not know; calibrate it on the evals."""
    confidence: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = ()
    """Bias and weights of what tells whether the passages answer; empty takes Ratchet's own."""
    unsupported: Literal["mark", "remove"] = "mark"
    """What becomes of a sentence that nothing cited supports; `remove` shows the answer whole."""
    model_floor: float = Field(default=0.0, ge=0, le=1)
    """Conformance under which a model does not answer by default, unless an admin overrides it."""
    max_sentences: int = Field(default=4, ge=1, le=50)
    context_tokens: int = Field(default=3_000, ge=100, le=1_000_000)

    @field_validator("confidence")
    @classmethod
    def _whole(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if len(weights) not in (0, 1 + FEATURES):
            raise ValueError(f"must be {1 + FEATURES} numbers, a bias and {FEATURES} weights")
        return weights


class Synonyms(Data):
    """Terms that mean the same, and acronyms with their long form."""

    groups: tuple[tuple[str, ...], ...] = ()
    acronyms: Mapping[str, str] = Field(default_factory=dict[str, str])

    @field_validator("groups")
    @classmethod
    def _real_groups(cls, groups: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for group in groups:
            if len(group) < 2 or not all(term.strip() for term in group):
                raise ValueError(f"a group needs two terms or more, none empty: {list(group)}")
        return groups


class _PromptEntry(Data):
    variables: frozenset[str] = frozenset()


class _File(Data):
    """What `pack.toml` may say."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    title: str = Field(min_length=1)
    description: str = ""
    language: str = Field("en", pattern=r"^[a-z]{2,3}$")
    suggested_questions: tuple[str, ...] = ()
    retrieval: RetrievalKnobs = RetrievalKnobs()
    answer: AnswerKnobs = AnswerKnobs()
    prompts: Mapping[str, _PromptEntry] = Field(default_factory=dict[str, _PromptEntry])
    sources: tuple[PackSource, ...] = ()
    people: tuple[Person, ...] = ()


class Pack(Data):
    """One domain's pack, ready to use; `root` is its folder."""

    name: str
    title: str
    description: str
    language: str
    root: Path
    suggested_questions: tuple[str, ...]
    retrieval: RetrievalKnobs
    answer: AnswerKnobs
    prompts: Mapping[str, Prompt]
    sources: tuple[PackSource, ...]
    people: tuple[Person, ...]
    synonyms: Synonyms

    @property
    def wordings(self) -> tuple[str, ...]:
        """The prompts that a model may be instructed with, the pack's own first."""
        return tuple(sorted(name for name in self.prompts if name.split(".")[0] == ANSWER))

    def evals(self) -> list[EvalCase]:
        """The evaluation cases, read when first asked for. Raises ConfigError."""
        return list(self._evals)

    @cached_property
    def _evals(self) -> tuple[EvalCase, ...]:
        return load_evals(self.root / "evals.yaml")

    def person(self, user: str) -> Person:
        """The test person of that id. Raises NotFound naming the nearest one."""
        for person in self.people:
            if person.id == user:
                return person
        known = [person.id for person in self.people]
        raise NotFound(
            f"The pack '{self.name}' has no person '{user}'.", hint=did_you_mean(user, known)
        )


def load_pack(folder: Path) -> Pack:
    """Read a pack. Raises ConfigError naming the file, the key and what to do; evals wait."""
    root = folder.resolve()
    toml = root / "pack.toml"
    if not toml.is_file():
        raise ConfigError(f"{folder}: is not a pack.", hint="A pack is a folder with a pack.toml.")
    file = validate(_File, read_toml(toml), str(toml))
    _refuse_repeats(toml, "people", [person.id for person in file.people])
    _refuse_repeats(toml, "sources", [source.name for source in file.sources])
    for name in NEEDED.keys() - file.prompts.keys():
        raise ConfigError(f"{toml}: [prompts.{name}] is missing.", hint="Every pack needs it.")
    for name in file.prompts:
        if name.startswith(f"{ANSWER}."):
            raise ConfigError(
                f"{toml}: [prompts.{name}] is not needed: prompts/{name}.md is found by its name.",
                hint="Remove it from pack.toml.",
            )
    prompts = [load_prompt(root, n, entry.variables) for n, entry in file.prompts.items()]
    synonyms = root / "synonyms.toml"
    return Pack(
        name=file.name,
        title=file.title,
        description=file.description,
        language=file.language,
        root=root,
        suggested_questions=file.suggested_questions,
        retrieval=file.retrieval,
        answer=file.answer,
        prompts={one.name: one for one in (*prompts, *load_wordings(root))},
        sources=tuple(_placed(source, root) for source in file.sources),
        people=file.people,
        synonyms=validate(
            Synonyms, read_toml(synonyms) if synonyms.exists() else {}, str(synonyms)
        ),
    )


def builtin_pack(name: str) -> Path:
    """The folder of a pack that comes with Ratchet. Raises NotFound naming the nearest one."""
    known = sorted(path.parent.name for path in PACKS.glob("*/pack.toml"))
    if name not in known:
        raise NotFound(f"No pack '{name}' comes with Ratchet.", hint=did_you_mean(name, known))
    return PACKS / name


def _placed(source: PackSource, root: Path) -> PackSource:
    """A files source whose path is absolute: relative ones mean the pack's folder."""
    path = source.config.get("path")
    if source.connector != "files" or not isinstance(path, str):
        return source
    return source.model_copy(update={"config": {**source.config, "path": str(root / path)}})


def _refuse_repeats(toml: Path, what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{toml}: {what}: '{name}' is given twice.", hint="Rename one.")
