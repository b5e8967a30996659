"""Checking a pack before anyone relies on it: every problem names a file and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from rag.domain.evals import EvalCase
from rag.domain.pack import Pack, load_pack
from rag.domain.prompts import NEEDED
from rag.errors import ConfigError, did_you_mean
from rag.globs import matches
from rag.types import EVERYONE, Principal

_SAMPLES: Mapping[str, object] = {
    "title": "Title",
    "language": "en",
    "question": "What?",
    "passages": [{"n": 1, "title": "A document", "text": "A passage."}],
    "searched": ["A document"],
}


def check_pack(folder: Path) -> list[str]:
    """Every problem of the pack, each with its file and what to do; an empty list means good."""
    try:
        pack = load_pack(folder)
    except ConfigError as error:
        return [str(error)]
    problems = [*_sources(pack), *_prompts(pack), *_knobs(pack)]
    try:
        cases = pack.evals()
    except ConfigError as error:
        return [*problems, str(error)]
    return [*problems, *_evals(pack, cases)]


def readers_of(config: Mapping[str, Any], path: str) -> frozenset[str]:
    """Who may read `path` by a files source's `readers`: the first matching pattern decides."""
    for rule in cast("Sequence[Mapping[str, Any]]", config.get("readers", ())):
        if matches(path, (str(rule.get("pattern", "")),)):
            return frozenset(rule.get("allow", ()))
    return frozenset(config.get("default_readers", (EVERYONE,)))


def _sources(pack: Pack) -> Iterable[str]:
    toml = pack.root / "pack.toml"
    if not pack.sources:
        yield f"{toml}: has no source. Add a [[sources]] with connector = 'files'."
    groups = sorted({f"group:{group}" for person in pack.people for group in person.groups})
    users = [f"user:{person.id}" for person in pack.people]
    known = {EVERYONE, *groups, *users}
    for source in pack.sources:
        if source.connector != "files":
            continue
        folder = Path(str(source.config.get("path", "")))
        if not source.config.get("path") or not folder.is_dir():
            yield f"{toml}: source '{source.name}': {folder} is no folder. Create it or fix path."
        rules = cast("Sequence[Mapping[str, Any]]", source.config.get("readers", ()))
        for rule in rules:
            if not rule.get("pattern") or not rule.get("allow"):
                yield f"{toml}: source '{source.name}': a reader rule needs pattern and allow."
        named = {str(reader) for rule in rules for reader in rule.get("allow", ())}
        for reader in sorted(named - known):
            yield (
                f"{toml}: source '{source.name}': no person has the reader '{reader}'. "
                f"Add a person with it or fix the name. {did_you_mean(reader, sorted(known))}"
            )


def _prompts(pack: Pack) -> Iterable[str]:
    for prompt in pack.prompts.values():
        if prompt.name not in NEEDED and prompt.name not in pack.wordings:
            yield f"{prompt.file}: nothing uses this prompt. Remove it from pack.toml."
            continue
        try:
            text = prompt.render(**{name: _SAMPLES[name] for name in prompt.variables})
        except ConfigError as error:
            yield str(error)
            continue
        if not text:
            yield f"{prompt.file}: renders to nothing. Write the prompt."


def _knobs(pack: Pack) -> Iterable[str]:
    toml, knobs = pack.root / "pack.toml", pack.retrieval
    if knobs.limit > knobs.candidates:
        yield f"{toml}: retrieval.limit exceeds retrieval.candidates. Raise candidates."
    if knobs.dense_weight == 0 and knobs.sparse_weight == 0:
        yield f"{toml}: both retrieval weights are 0, so nothing is found. Raise one."
    if pack.answer.abstain_below >= 1:
        yield f"{toml}: answer.abstain_below of 1 refuses every question. Lower it."


def _evals(pack: Pack, cases: list[EvalCase]) -> Iterable[str]:
    file = pack.root / "evals.yaml"
    folders = [(s, Path(str(s.config.get("path", "")))) for s in pack.sources]
    people = {person.id: person.principal for person in pack.people}
    for case in cases:
        if case.as_user is not None and case.as_user not in people:
            hint = did_you_mean(case.as_user, sorted(people))
            yield f"{file}: {case.id}: no person '{case.as_user}'. Add them to pack.toml. {hint}"
            continue
        asker = people.get(case.as_user or "", Principal(id="anyone"))
        for document in case.documents:
            homes = [source for source, folder in folders if (folder / document).is_file()]
            if not homes:
                yield f"{file}: {case.id}: there is no document '{document}'. Add or rename it."
            elif not any(readers_of(home.config, document) & asker.readers for home in homes):
                yield (
                    f"{file}: {case.id}: '{asker.id}' may not read '{document}'. "
                    "Ask as someone who may, or make the case unanswerable."
                )
