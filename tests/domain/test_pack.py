"""Packs load whole or fail with a message that names the file, the place and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.domain import builtin_pack, check_pack, init_pack, load_pack
from rag.errors import ConfigError, Conflict, InvalidInput, NotFound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init_pack(tmp_path / "lamps", "lamps")
    return tmp_path / "lamps"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_scaffold_is_a_good_pack(folder: Path) -> None:
    assert check_pack(folder) == []
    pack = load_pack(folder)
    assert (pack.name, pack.language, pack.retrieval.fusion) == ("lamps", "en", "dbsf")
    assert Path(pack.sources[0].config["path"]) == folder.resolve() / "documents"
    assert len(pack.evals()) == 5
    assert pack.synonyms.acronyms["RMA"] == "return merchandise authorisation"
    assert pack.person("robin").principal.readers >= {"group:staff", "user:robin"}


def test_a_scaffold_lists_what_it_wrote(tmp_path: Path) -> None:
    written = init_pack(tmp_path / "x", "x")
    assert sorted(written) == sorted(path for path in (tmp_path / "x").rglob("*") if path.is_file())


def test_a_scaffold_never_overwrites(folder: Path) -> None:
    with pytest.raises(Conflict, match="already holds"):
        init_pack(folder, "lamps")
    with pytest.raises(InvalidInput, match="lower-case"):
        init_pack(folder.parent / "new", "No good")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fusion =", "fusoin =", ["pack.toml", "retrieval.fusoin", "Did you mean 'fusion'?"]),
        ("groups = [", "group = [", ["people.0.group", "Did you mean 'groups'?"]),
        ("language =", "langauge =", ["langauge", "Did you mean 'language'?"]),
        ("limit = 10", "limit = 'ten'", ["pack.toml", "retrieval.limit"]),
        ('fusion = "dbsf"', 'fusion = "magic"', ["retrieval.fusion", "'dbsf'"]),
        ('name = "lamps"', "", ["'name' is missing"]),
        ('id = "guest"', 'id = "robin"', ["'robin' is given twice"]),
        ("[prompts.abstain]", "[prompts.refuse]", ["[prompts.abstain] is missing"]),
        ('"title", "language"', '"title"', ["prompts.answer.variables must be"]),
        ("[answer]", "[answer", ["pack.toml", "not valid TOML"]),
    ],
)
def test_a_mistake_in_pack_toml_is_named(
    folder: Path, old: str, new: str, words: list[str]
) -> None:
    edit(folder / "pack.toml", old, new)
    with pytest.raises(ConfigError) as caught:
        load_pack(folder)
    for word in words:
        assert word in str(caught.value)


def test_a_folder_without_pack_toml_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"A pack is a folder with a pack\.toml"):
        load_pack(tmp_path)
    with pytest.raises(NotFound, match="Did you mean 'pumps'"):
        builtin_pack("pump")


def test_prompts_take_exactly_what_they_declare(folder: Path) -> None:
    prompt = load_pack(folder).prompts["abstain"]
    assert "Lamps" in prompt.render(question="?", searched=["Lamps"])
    with pytest.raises(ConfigError, match=r"abstain\.md: the variable 'searched' was not given"):
        prompt.render(question="?")
    with pytest.raises(ConfigError, match="'extra' is not declared"):
        prompt.render(question="?", searched=[], extra=1)


def test_an_undeclared_variable_fails_at_load(folder: Path) -> None:
    (folder / "prompts/answer.md").write_text("About {{ titel }}")
    with pytest.raises(ConfigError, match=r"answer\.md.*'titel'.*Did you mean 'title'"):
        load_pack(folder)


def test_a_prompt_cannot_reach_python(folder: Path) -> None:
    (folder / "prompts/answer.md").write_text("{{ title.__class__.__mro__ }}")
    prompt = load_pack(folder).prompts["answer"]
    with pytest.raises(ConfigError, match="cannot be rendered"):
        prompt.render(title="x", language="en")


def test_text_in_a_variable_is_never_a_template(folder: Path) -> None:
    prompt = load_pack(folder).prompts["question"]
    passages = [{"n": 1, "title": "T", "text": "{{ question }}"}]
    assert "{{ question }}" in prompt.render(question="{% raw %}", passages=passages)


# BAD_INPUT 123: what YAML can do to its reader.
_CASE = "- {id: a, group: a, kind: unanswerable, question: 'Q?', answerable: false}\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"cases: !!python/object/apply:os.system ['true']\n", "line 1 uses the tag"),
        (b"cases: !custom []\n", "uses the tag"),
        (b"a: &a [x, x]\nb: &b [*a, *a]\ncases: *b\n", "anchor or alias"),
        (b"cases: []\ncases: []\n", "'cases' is given twice"),
        (b"cases:\n- {id: a, id: b}\n", "'id' is given twice"),
        (b"cases:\n- [[1]]: x\n- ? {a: b}\n  : x\n", "not valid YAML"),
        ("cases: # gr\u00fcn\n".encode("latin-1"), "line 1 is not UTF-8"),
        ("cases: []\n".encode("utf-16"), "is not UTF-8"),
        (b"cases: [\n", "not valid YAML at line"),
        (b"cases: []\n---\ncases: []\n", "not valid YAML"),
        (b"cases: " + b"[" * 100_000, "nests deeper"),
        (b"cases:\n- {id: 2025-01-01}\n", "cases.0.id"),
        (b"cases:\n- {idd: x}\n", "Did you mean 'id'?"),
        (b"case: []\n", "Did you mean 'cases'?"),
        (b"cases: \x00\n", "not valid YAML"),
        (b"- 1\n", "evals.yaml"),
        (f"cases:\n{_CASE}{_CASE}".encode(), "'a' is given twice"),
        (f"cases:\n{_CASE.replace('false', 'true')}".encode(), "belong together"),
    ],
)
def test_bad_yaml_is_a_config_error_at_once(folder: Path, data: bytes, reason: str) -> None:
    (folder / "evals.yaml").write_bytes(data)
    pack = load_pack(folder)
    with pytest.raises(ConfigError) as caught:
        pack.evals()
    assert "evals.yaml" in str(caught.value)
    assert reason in str(caught.value)


def test_a_byte_order_mark_is_accepted(folder: Path) -> None:
    for name in ("evals.yaml", "pack.toml", "prompts/answer.md"):
        path = folder / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert check_pack(folder) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("evals.yaml", "[prices.csv]", "[prizes.csv]", ["price-1", "no document 'prizes.csv'"]),
        ("evals.yaml", "as_user: robin", "as_user: robyn", ["'robyn'", "Did you mean 'robin'?"]),
        (
            "evals.yaml",
            "as_user: robin",
            "as_user: guest",
            ["refund-1", "'guest' may not read 'internal/refunds.md'"],
        ),
        ("evals.yaml", "kind: table", "kind: tabel", ["evals.yaml", "cases.2.kind"]),
        (
            "pack.toml",
            '"group:staff"',
            '"group:stuff"',
            ["no person has the reader 'group:stuff'", "Did you mean 'group:staff'?"],
        ),
        ("pack.toml", "[sources.config]\npath", "[sources.config]\n#", ["source 'documents'"]),
        ("pack.toml", '"documents"     #', '"papers"  #', ["papers is no folder"]),
        ("pack.toml", "limit = 10", "limit = 90", ["exceeds retrieval.candidates"]),
        ("pack.toml", "abstain_below = 0.35", "abstain_below = 1", ["refuses every question"]),
        ("pack.toml", "abstain_below = 0.35", "abstain_below = 3", ["answer.abstain_below"]),
        ("pack.toml", "[[sources]]", "[prompts.extra]\n[[sources]]", ["extra.md", "Create it"]),
        (
            "pack.toml",
            "widen = 1 ",
            "dense_weight = 0\nsparse_weight = 0\n#",
            ["both retrieval weights are 0"],
        ),
        ("prompts/answer.md", "{{ title }}", "{{ title.x.y }}", ["answer.md", "rendered"]),
        ("prompts/answer.md", "{{ title }}", "{{ title", ["answer.md", "line 1"]),
        ("synonyms.toml", '["warranty", "guarantee"]', '["warranty"]', ["synonyms.toml", "two"]),
        ("synonyms.toml", "[acronyms]", "[acronym]", ["Did you mean 'acronyms'?"]),
    ],
)
def test_check_finds(folder: Path, file: str, old: str, new: str, words: list[str]) -> None:
    edit(folder / file, old, new)
    problems = check_pack(folder)
    assert problems
    for word in words:
        assert word in " ".join(problems)


def test_other_wordings_of_the_answer_are_found_by_their_name(folder: Path) -> None:
    assert load_pack(folder).wordings == ("answer",)
    text = (folder / "prompts" / "answer.md").read_text(encoding="utf-8")
    brief = folder / "prompts" / "answer.brief.md"
    brief.write_text(f"Briefly.\n{text}", encoding="utf-8")
    pack = load_pack(folder)
    assert pack.wordings == ("answer", "answer.brief")
    assert pack.prompts["answer.brief"].render(title="T", language="en").startswith("Briefly.")
    assert check_pack(folder) == []


def test_a_wording_is_as_strict_as_the_prompt(folder: Path) -> None:
    file = folder / "prompts" / "answer.brief.md"
    file.write_text("About {{ titel }}.", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"answer\.brief\.md: the variable 'titel'.*'title'"):
        load_pack(folder)
    file.write_text("About {{ title.name.first }}.", encoding="utf-8")
    [problem] = check_pack(folder)
    assert "answer.brief.md: cannot be rendered" in problem
    file.write_text("{# nothing #}", encoding="utf-8")
    [problem] = check_pack(folder)
    assert "renders to nothing" in problem
    file.rename(folder / "prompts" / "answer.Very brief.md")
    with pytest.raises(ConfigError, match="'Very brief' cannot name a wording"):
        load_pack(folder)


def test_a_wording_is_not_declared(folder: Path) -> None:
    edit(folder / "pack.toml", "[prompts.abstain]", '[prompts."answer.brief"]\n[prompts.abstain]')
    with pytest.raises(ConfigError, match="found by its name"):
        load_pack(folder)
