"""The sample domain is what its generator says, and its questions are answered in its documents."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from rag.domain import EvalKind, builtin_pack, check_pack, load_pack
from rag.domain.check import readers_of
from sample import library
from sample.__main__ import HOME, write


@pytest.fixture(scope="module")
def pack():
    return load_pack(builtin_pack("pumps"))


@pytest.fixture(scope="module")
def texts():
    return {doc.path: doc.text() for doc in library.documents()}


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_it_is_generated_byte_for_byte(tmp_path: Path) -> None:
    write(tmp_path / "pumps")
    made, committed = files(tmp_path / "pumps"), files(HOME)
    assert made.keys() == committed.keys()
    assert [name for name in made if made[name] != committed[name]] == []


def test_it_passes_its_own_check(pack) -> None:
    assert check_pack(pack.root) == []


def test_it_is_large_enough_and_small_enough(pack) -> None:
    found = files(pack.root / "documents")
    assert len(found) >= 48
    assert {Path(name).suffix for name in found} == {
        ".md", ".docx", ".pdf", ".pptx", ".xlsx", ".html", ".eml", ".csv",
    }  # fmt: skip
    assert sum(map(len, files(pack.root).values())) < 6_000_000
    assert len(pack.people) >= 4
    assert len(pack.suggested_questions) == 6


def test_every_kind_of_question_is_well_represented(pack) -> None:
    cases = pack.evals()
    assert len(cases) >= 700
    assert len({case.group for case in cases}) >= 220
    kinds = Counter(case.kind for case in cases)
    assert kinds[EvalKind.UNANSWERABLE] >= 120
    assert all(kinds[kind] >= 50 for kind in EvalKind)


def test_no_question_is_asked_twice(pack) -> None:
    asked = Counter((case.question, case.history, case.as_user) for case in pack.evals())
    assert [question for question, times in asked.items() if times > 1] == []


def test_every_fact_stands_in_an_expected_document(pack, texts) -> None:
    missing = [
        (case.id, fact)
        for case in pack.evals()
        for fact in case.facts
        if not any(s in texts[path] for s in fact for path in case.documents)
    ]
    assert missing == []


def test_every_expected_document_gives_a_fact(pack, texts) -> None:
    idle = [
        (case.id, path)
        for case in pack.evals()
        for path in case.documents
        if not any(spelling in texts[path] for fact in case.facts for spelling in fact)
    ]
    assert idle == []


def test_superseded_facts_are_not_in_the_older_edition(pack, texts) -> None:
    """The old value differs, or an answer from the old document would count as right."""
    older = {
        "policies/warranty-2025.docx": "policies/warranty-2023.docx",
        "policies/returns-2025.docx": "policies/returns-2022.docx",
        "policies/travel-expenses-2025.md": "policies/travel-expenses-2023.md",
        "hr/leave-2025.md": "hr/leave-2022.md",
        "bulletins/sb-2024-07.html": "service/torque-tables.xlsx",
    }
    checked = 0
    for case in pack.evals():
        for path in case.documents:
            if case.kind is EvalKind.SUPERSEDED and path in older:
                text = texts[older[path]]
                assert not any(
                    re.search(rf"\b{re.escape(s)}\b", text) for f in case.facts for s in f
                )
                checked += 1
    assert checked >= 20


def test_synonym_questions_use_the_packs_synonyms(pack) -> None:
    terms = [term.lower() for group in pack.synonyms.groups for term in group]
    without = [
        case.id
        for case in pack.evals()
        if case.kind is EvalKind.SYNONYM and not any(t in case.question.lower() for t in terms)
    ]
    assert len(without) <= 0.15 * sum(c.kind is EvalKind.SYNONYM for c in pack.evals()), without


def test_misspelt_questions_are_misspelt(pack, texts) -> None:
    """Each holds a word that no document and no correct question holds."""
    right = " ".join(texts.values()) + " ".join(
        case.question for case in pack.evals() if case.kind is not EvalKind.MISSPELT
    )
    known = set(re.findall(r"\w+", right.lower()))
    clean = [
        case.id
        for case in pack.evals()
        if case.kind is EvalKind.MISSPELT
        and known.issuperset(re.findall(r"\w+", case.question.lower()))
    ]
    assert clean == []


def test_restricted_documents_are_closed_to_others(pack, texts) -> None:
    config = pack.sources[0].config
    readers = {path: readers_of(config, path) for path in texts}
    closed = {path for path, who in readers.items() if "everyone" not in who}
    assert {path.split("/")[0] for path in closed} == {"hr", "management", "incidents"}
    sam = pack.person("sam").principal.readers
    assert all(not (readers[path] & sam) for path in closed)


def test_forbidden_questions_are_answered_for_others(pack) -> None:
    """The same words as an answerable question: only the person differs."""
    cases = pack.evals()
    answered = {case.question for case in cases if case.answerable}
    forbidden = [case for case in cases if case.group.startswith("forbidden-")]
    assert len(forbidden) >= 20
    assert len([case for case in forbidden if case.question in answered]) >= 12
