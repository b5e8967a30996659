"""Every verb: what it asks of the facade, what it prints, and how it fails."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rag import plugins
from rag.config import load
from rag.domain import load_pack
from rag.errors import RagError
from rag.types import (
    Answer,
    AskRequest,
    Check,
    ConnectorInfo,
    DocumentInfo,
    Match,
    Principal,
    SourceInfo,
    SyncReport,
)
from tests.api.fake import SLOW, TRACE, FakeApp
from tests.cli.conftest import Ran

LATER = datetime(2999, 1, 1, tzinfo=UTC)
VERBS = [
    "init", "pack check", "start", "serve", "add", "connectors", "sync", "documents", "search",
    "ask", "eval", "eval retrieval", "trace show", "doctor", "config show", "config check",
    "source list", "source set", "source show", "source check", "source pause", "source remove",
    "source release", "source retry", "source rotate-keys", "source uploads", "upload",
    "groups", "group add", "group remove", "models list", "models check", "models cost",
    "rate", "consent", "people erase", "erase",
    "models conform", "models cards", "models use",
    "runs", "run show", "run cancel", "source schedule", "worker",
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_and_speaks_json(run, verb: str) -> None:
    ran = run(*verb.split(), "--help")
    assert ran.code == 0
    assert "--json" in ran.out


def test_the_global_options_are_explained(run) -> None:
    out = run("--help").out
    for option in ("--data", "--domain", "--config", "--as"):
        assert option in out


def test_sync_json_ends_with_exactly_the_promised_keys(run, fake: FakeApp) -> None:
    ran = run("sync", "--json")
    assert ran.code == 0
    assert list(json.loads(ran.out.splitlines()[-1])) == [
        "added", "updated", "deleted", "unchanged", "rejected", "warned", "failed",
        "dead_lettered", "held", "chunks", "seconds",
    ]  # fmt: skip
    assert fake.closed


def test_ask_json_has_the_promised_keys(run, fake: FakeApp) -> None:
    answer = json.loads(run("ask", "How long?", "--json").out)
    assert {
        "answer", "citations", "claims", "support", "abstained", "trace_id", "model", "timings",
        "usage",
    } <= set(answer)  # fmt: skip
    assert set(answer["citations"][0]) == {
        "n", "document_id", "document", "uri", "version", "chunk_id", "page", "span", "boxes",
        "quote",
    }  # fmt: skip


def test_search_json_has_flat_hits(run, fake: FakeApp) -> None:
    found = json.loads(run("search", "warranty", "-k", "3", "--json").out)
    assert {"rank", "uri", "title", "text", "scores", "page", "chunk_id"} <= set(found["hits"][0])
    assert "timings" in found
    assert fake.seen[-1][2].limit == 3


@pytest.mark.parametrize("verb", ["ask", "search"])
def test_a_question_is_narrowed_to_kinds_of_files(run, fake: FakeApp, verb: str) -> None:
    assert run(verb, "q", "--file-kind", "pdf", "--file-kind", "slides").code == 0
    assert fake.seen[-1][2].filter == Match(field="file_kind", any_of=("pdf", "slides"))
    assert run(verb, "q").code == 0
    assert fake.seen[-1][2].filter is None


@pytest.mark.parametrize(
    "verb", ["ask q", "search q", "documents", "runs", "run show r", "source list", "groups"]
)
def test_who_only_looks_makes_no_folder(run, data: Path, verb: str) -> None:
    ran = run(*verb.split())
    assert f"There is no data folder {data}." in ran.err
    assert "--data" in ran.err
    assert ran.code != 0
    assert not data.exists()


def test_answers_for_people_show_citations_and_no_control_characters(run, fake: FakeApp) -> None:
    out = run("ask", "How long?").out
    assert "24 months [1]" in out
    assert "Partly supported: 24 months" in out
    assert "Not said: all." in out
    assert "support 0.40" in out
    assert "Warranty" in out
    assert TRACE in out
    assert "\x1b" not in out
    assert "[31m" not in out
    found = run("search", "q").out
    assert "Not red." in found
    assert "\x1b" not in found


def test_an_abstention_says_what_it_looked_at(run, fake: FakeApp) -> None:
    out = run("ask", "unknown").out
    assert "I do not know." in out
    assert "Looked at: Warranty" in out


def test_what_an_abstention_names_itself_is_not_told_twice(
    run, fake: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsure = asyncio.run(fake.ask(fake.person(None), AskRequest(question="unknown")))

    async def ask(*_: object) -> Answer:
        words = "I do not know. I looked at Warranty."
        return unsure.model_copy(update={"answer": words, "searched": ("Warranty", "Prices")})

    monkeypatch.setattr(fake, "ask", ask)
    out = run("ask", "unknown").out
    assert out.count("Warranty") == 1
    assert "Looked at: Prices" in out


def test_sync_for_people_counts_and_points_to_the_failures(run, fake: FakeApp) -> None:
    run("add", "files", "docs", "--name", "manuals")
    run("add", "files", "docs", "--name", "else")
    assert run("sync").out == "2 added, 1 rejected, 7 chunks in 0.5 s.\n"
    fake.kept = [one.model_copy(update={"failed": 1}) for one in fake.kept]
    for given, told in (
        ((), "2 documents are not indexed: rag documents --failed"),
        (("manuals",), "1 document is not indexed: rag documents --failed"),
    ):
        assert run("sync", *given).out.splitlines()[1:] == [told]
    assert run("source", "list").out.splitlines()[-2].split() == [
        "else", "files", "0", "1", "0", "active", "never",
    ]  # fmt: skip


def test_documents_failed_names_reason_and_message(run, fake: FakeApp) -> None:
    assert "Send it again." in run("documents", "--failed").out
    (only,) = json.loads(run("documents", "--failed", "--json").out)["documents"]
    assert only["reason"] == "corrupt"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"attempts": 2, "next_attempt": LATER},
            "Tried 2 times; a sync after 2999-01-01 00:00 UTC",
        ),
        ({"next_attempt": datetime(2026, 1, 1, tzinfo=UTC)}, "To be tried anew; a sync now tries"),
        (
            {"state": "dead_letter", "attempts": 5},
            "Tried 5 times and given up. Again: rag source retry manuals --document doc-2",
        ),
        ({"state": "rejected", "attempts": 1}, "Tried 1 time; read again when it changes."),
        ({"version": None}, "tries it again.\n"),
        ({"version": 3}, "Version 3 goes on answering."),
        ({"reason": "no_text"}, "no text, source manuals, id doc-2"),
    ],
)
def test_what_is_not_indexed_says_what_happens_to_it(
    run, fake: FakeApp, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], told: str
) -> None:
    (failed,) = asyncio.run(fake.documents(fake.person(None), failed=True))

    async def documents(*_: object, **__: object) -> list[DocumentInfo]:
        return [failed.model_copy(update={"state": "failed", **given})]

    monkeypatch.setattr(fake, "documents", documents)
    assert told in run("documents", "--failed").out


def test_warnings_of_a_document_are_shown(
    run, fake: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    (good, _) = asyncio.run(fake.documents(fake.person(None)))

    async def documents(*_: object, **__: object) -> list[DocumentInfo]:
        return [good.model_copy(update={"warnings": ("Page 3 is an image.",)})]

    monkeypatch.setattr(fake, "documents", documents)
    assert "Page 3 is an image." in run("documents").out


def test_add_files_gives_the_connector_an_absolute_path(run, fake: FakeApp, tmp_path: Path) -> None:
    ran = run("add", "files", "docs", "--name", "d", "--json")
    assert json.loads(ran.out)["config"] == {"path": str(tmp_path / "docs")}
    assert fake.kept[0].name == "d"


def test_settings_of_a_source_come_as_text_json_or_from_a_file(
    run, fake: FakeApp, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    given = ("--set", "hidden=true", "--set", "path=/else", "--set", "token=@token")
    assert run("add", "files", *given, "--json").code == 0
    assert fake.kept[0].config == {"path": "/else", "hidden": True, "token": "s3cret"}
    assert run("add", "files", "x", "--set", "hidden").code == 2
    assert "cannot be read" in run("add", "files", "x", "--set", "token=@missing").err


def test_settings_of_a_source_are_changed_and_taken_away(run, fake: FakeApp) -> None:
    run("add", "files", "docs", "--name", "d", "--set", "hidden=true", "--set", "glob=*")
    ran = run("source", "set", "d", "--set", "hidden=false", "--set", "path=/y", "--unset", "glob")
    assert ran.code == 0
    assert "Next: rag sync d" in ran.out
    assert fake.kept[0].config == {"path": "/y", "hidden": False}
    assert json.loads(run("source", "set", "d", "--unset", "hidden", "--json").out)["config"] == {
        "path": "/y"
    }
    assert "--set or --unset" in run("source", "set", "d").err
    assert run("source", "set", "gone", "--set", "path=/z").code == 4


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("feeds", {"urls": ["https://example.org/x"]}),
        ("web", {"urls": ["https://example.org/x"]}),
        ("github", {"repositories": ["https://example.org/x"]}),
        ("gitlab", {"projects": ["https://example.org/x"]}),
        ("confluence", {"url": "https://example.org/x"}),
        ("sql", {"url": "https://example.org/x"}),
    ],
)
def test_the_first_needed_setting_may_be_given_bare(
    run, fake: FakeApp, monkeypatch: pytest.MonkeyPatch, kind: str, config: dict
) -> None:
    async def connectors(_: Principal) -> list[ConnectorInfo]:
        return plugins.connectors()

    async def add_source(_: Principal, **given: Any) -> SourceInfo:
        return SourceInfo(id="s", domain="d", name="n", connector=kind, config=given["config"])

    monkeypatch.setattr(fake, "connectors", connectors)
    monkeypatch.setattr(fake, "add_source", add_source)
    added = run("add", kind, "https://example.org/x", "--json")
    assert json.loads(added.out)["config"] == config


def test_the_verbs_of_sources(run, fake: FakeApp) -> None:
    assert "rag add files" in run("source", "list").out
    run("add", "files", "docs", "--name", "manuals")
    assert "Lists a tree." in run("connectors").out
    assert "manuals" in run("source", "list").out
    assert "2 files under" in run("source", "check", "manuals").out
    assert "paused" in run("source", "pause", "manuals").out
    assert "read again" in run("source", "pause", "manuals", "--off").out
    assert "connector: files" in run("source", "show", "manuals").out
    assert "3 documents deleted; no answer" in run("source", "release", "manuals").out
    again = "The next sync tries {} again. Next: rag sync manuals\n"
    assert run("source", "retry", "manuals").out == again.format("4 documents")
    one = run("source", "retry", "manuals", "--document", "d")
    assert one.out == again.format("1 document")
    rotated = json.loads(run("source", "rotate-keys", "--json").out)
    assert rotated == {"sources": 5, "models": 1}
    (held,) = json.loads(run("documents", "--held", "--json").out)["documents"]
    assert held["held"]
    assert "--yes" in run("source", "remove", "manuals").err
    assert "2 documents deleted" in run("source", "remove", "manuals", "--yes").out
    assert run("source", "show", "manuals").code == 4


def test_nothing_to_release_or_to_retry_is_said(
    run, fake: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(*_: object) -> int:
        return 0

    for method in ("release_hold", "retry", "remove_source"):
        monkeypatch.setattr(fake, method, none)
    run("add", "files", "docs", "--name", "{odd}")
    assert run("source", "release", "{odd}").out == "No deletion is held for '{odd}'.\n"
    assert run("source", "retry", "{odd}").out == "Nothing of '{odd}' has failed.\n"
    assert "Removed '{odd}'; 0 documents" in run("source", "remove", "{odd}", "--yes").out


@pytest.fixture
def kinds(fake: FakeApp, monkeypatch: pytest.MonkeyPatch) -> list[ConnectorInfo]:
    found = plugins.connectors()

    async def connectors(_: Principal) -> list[ConnectorInfo]:
        return found

    monkeypatch.setattr(fake, "connectors", connectors)
    return found


def test_one_connector_is_shown_with_every_setting(run, kinds: list[ConnectorInfo]) -> None:
    lines = [" ".join(line.split()) for line in run("connectors", "files").out.splitlines()]
    assert "path path needed A folder, or one file." in lines
    assert 'default_readers list of text ["everyone"] Who may read files that no rule matches.' in (
        lines
    )
    assert "readers list of {pattern, allow} - Who may read which files." in lines
    assert lines[-1] == "Example: rag add files PATH --name NAME"
    out = run("connectors", "git").out
    assert "text, secret" in out
    assert "{username, host_key, [password], [private_key]}" in out
    assert "rag add sql --set url=@FILE --set key=KEY" in run("connectors", "sql").out
    assert run("connectors", "uploads").out.endswith("Example: rag add uploads --name NAME\n")
    assert json.loads(run("connectors", "git", "--json").out)["name"] == "git"
    ran = run("connectors", "gti")
    assert (ran.code, "Did you mean 'git'?" in ran.err) == (4, True)


def test_every_connector_can_be_shown(run, kinds: list[ConnectorInfo]) -> None:
    for one in kinds:
        out = run("connectors", one.name).out
        example = out.splitlines()[-1]
        for key in one.form.get("required", ()):
            assert key in example or key.upper() in example
        assert all(key in out for key in one.form["properties"])
        assert "****" not in out


def test_documents_come_as_many_as_asked_for(run, fake: FakeApp) -> None:
    first = run("documents", "--limit", "1", "--json")
    (one,) = json.loads(first.out)["documents"]
    assert f"--after {one['id']}" in first.err
    rest = run("documents", "--after", one["id"], "--json")
    assert [one["title"] for one in json.loads(rest.out)["documents"]] == ["broken.pdf"]
    assert rest.err == ""


def test_an_optional_secret_is_text_whatever_it_looks_like(tmp_path: Path) -> None:
    from connectors.git import GitConfig
    from rag.cli.sources import _config

    form = GitConfig.model_json_schema()
    (tmp_path / "token").write_text("12345\n")
    for given in ("token=12345", f"token=@{tmp_path / 'token'}"):
        assert _config(form, None, [given]) == {"token": "12345"}
    assert _config(form, None, ["token=null"]) == {"token": "null"}
    assert _config(form, None, ['ssh={"user": "a"}', "timeout_s=5"]) == {
        "ssh": {"user": "a"}, "timeout_s": 5,
    }  # fmt: skip


def test_a_value_from_a_file_that_is_no_text_is_told(run, fake: FakeApp, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    ran = run("add", "files", "docs", "--set", f"path=@{tmp_path / 'key'}")
    assert (ran.code, "not text in UTF-8" in ran.err) == (2, True)


def test_what_nothing_needs_is_collected(run, fake: FakeApp) -> None:
    assert run("doctor", "--collect").out == "Deleted 2 files, 9 bytes.\n"
    assert json.loads(run("doctor", "--collect", "--json").out) == {"files": 2, "bytes": 9}


def test_the_verbs_of_groups(run, fake: FakeApp) -> None:
    assert run("group", "add", "hr", "bob").out.splitlines() == [
        "'bob' is in 'hr' now.",
        "The group 'hr' is new here.",
        "'bob' was in no group before.",
    ]
    assert run("group", "add", "hr", "anna").out == "'anna' is in 'hr' now.\n"
    assert run("group", "add", "hr", "anna").out == "'anna' was in 'hr' already.\n"
    assert run("group", "remove", "hr", "anna").out == "'anna' is not in 'hr' now.\n"
    assert run("group", "remove", "hr", "anna").out == "'anna' was not in 'hr'.\n"
    for given in (("hr", "user:anna"), ("group:hr", "anna"), ("hr", "group:anna")):
        for verb in ("add", "remove"):
            ran = run("group", verb, *given)
            assert (ran.code, "Give the name alone" in ran.err) == (2, True)
    assert run("groups").out.splitlines()[-3].split() == ["hr", "bob", "the", "pack"]
    gone = json.loads(run("group", "remove", "hr", "bob", "--json").out)
    assert gone == {"name": "hr", "members": []}
    assert json.loads(run("groups", "--json").out)["groups"][0] == gone


def test_files_are_uploaded_listed_and_removed(run, fake: FakeApp, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.txt", "b.txt", "sub/a.txt"):
        (tmp_path / name).write_text(name)
    run("add", "uploads", "--name", "inbox")
    assert "Kept 2 files. Next: rag sync inbox" in run("upload", "inbox", "a.txt", "b.txt").out
    given = ("--readers", "group:hr", "--readers", "user:anna")
    (made,) = json.loads(run("upload", "inbox", "sub/a.txt", *given, "--json").out)["uploads"]
    assert (made["name"], made["readers"]) == ("a.txt", ["group:hr", "user:anna"])
    assert fake.uploaded["s0", "a.txt"][1] == b"sub/a.txt"
    assert "group:hr, user:anna" in run("source", "uploads", "inbox").out
    left = json.loads(run("source", "uploads", "inbox", "--remove", "a.txt", "--json").out)
    assert [one["name"] for one in left["uploads"]] == ["b.txt"]
    assert run("source", "uploads", "inbox", "--remove", "a.txt").code == 4


def test_what_cannot_be_uploaded_is_told(
    run, fake: FakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.txt", "sub/a.txt"):
        (tmp_path / name).write_text("x" * 2_000)
    run("add", "uploads", "--name", "inbox")
    assert "Two of the files" in run("upload", "inbox", "a.txt", "sub/a.txt").err
    assert "cannot be read" in run("upload", "inbox", "missing").err
    assert "cannot be read" in run("upload", "inbox", "sub").err
    assert run("upload", "nowhere", "a.txt").code == 4
    monkeypatch.setenv("RAG_SERVER__MAX_UPLOAD_BYTES", "1999")
    assert "max_upload_bytes" in run("upload", "inbox", "a.txt").err
    assert fake.uploaded == {}


def test_one_of_a_thing_is_said_as_one(run, fake: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sync(*_: object, **__: object) -> SyncReport:
        return SyncReport(chunks=1, seconds=0.5)

    async def rebuild(*_: object, **__: object) -> int:
        return 1

    monkeypatch.setattr(fake, "sync", sync)
    monkeypatch.setattr(fake, "rebuild", rebuild)
    assert run("sync").out == "1 chunk in 0.5 s.\n"
    assert run("sync", "--rebuild").out == "Rebuilt the index of 1 document.\n"


def test_rebuild_takes_no_source(run, fake: FakeApp) -> None:
    assert json.loads(run("sync", "--rebuild", "--json").out) == {"documents": 2}
    assert run("sync", "manuals", "--rebuild").code == 2


def test_eval_tells_figures_and_the_first_failures(run, fake: FakeApp) -> None:
    as_json = json.loads(run("eval", "--json").out)
    assert (as_json["recall@10"], len(as_json["failures"])) == (0.97, 12)
    out = run("eval").out
    lines = [line.strip() for line in out.splitlines()]
    assert {"facts: 1.0", "threshold: -", "12 questions went wrong:"} <= set(lines)
    assert next(line for line in lines if line.startswith("table")).split()[1:] == [
        "0.97", "1.0", "-",
    ]  # fmt: skip
    assert "calibrating half" not in out, "nothing was calibrated"
    assert "threshold in use" not in out, "it is what the figures are about"
    at = lines.index("fact missing: What does it cost?  (q9, table)")
    assert lines[at + 1 :] == [
        "expected: 95 or 95.00",
        "answered with confidence 0.50: It costs  90.",
        "and 2 more: rag eval --json",
    ]


def test_nothing_of_the_program_shows_in_an_outline(
    run, fake: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def trace(*_: object) -> dict[str, Any]:
        return {"a": None, "b": False, "c": {}, "d": [], "e": "", "f": [{"g": True}], "h": 0.5}

    monkeypatch.setattr(fake, "trace", trace)
    assert " ".join(run("trace", "show", "t").out.split()) == "a: - b: no f: - g: yes h: 0.5"


def test_trace(run, fake: FakeApp) -> None:
    assert json.loads(run("trace", "show", TRACE, "--json").out)["ts"].startswith("2026-01-01")


def test_doctor_fails_when_a_part_fails(run, fake: FakeApp) -> None:
    assert run("doctor").code == 0
    fake.checks = [Check(name="index", ok=False, detail="gone", hint="Start it.")]
    ran = run("doctor", "--json")
    assert ran.code == 7
    assert json.loads(ran.out)["ok"] is False
    assert "Start it." in run("doctor").out


def test_asking_as_a_person_and_in_a_domain(run, fake: FakeApp) -> None:
    assert run("--as", "anna", "--domain", "shop", "ask", "q").code == 0
    _, principal, request = fake.seen[-1]
    assert principal.id == "anna"
    assert request.domain == "shop"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["ask", "q", "--model", "extractve"], 4, "Did you mean 'extractive'?"),
        (["ask", "  "], 2, "empty"),
        (["ask", ""], 2, "question"),
        (["ask", "full disk"], 8, "Make room."),
        (["sync", "manual"], 4, "Did you mean 'manuals'?"),
        (["trace", "show", "nope"], 4, "nope"),
        (["--as", "ana", "ask", "q"], 4, "anna"),
        (["search", "q", "-k", "0"], 2, "-k"),
        (["serch", "q"], 2, "search"),
        (["search", "q", "--file-kind", "poem"], 2, "'pdf', 'word'"),
        (["ask"], 2, "question"),
        (["ask", "q", "--nope"], 2, "--nope"),
    ],
)
def test_a_failure_is_one_line_with_its_exit_code(
    run, fake: FakeApp, arguments: list[str], code: int, says: str
) -> None:
    ran: Ran = run(*arguments)
    assert ran.code == code
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("rag: ")
    assert says.lower() in ran.err.lower()
    as_json: Ran = run(*arguments, "--json")
    assert as_json.code == code
    error = json.loads(as_json.err)["error"]
    assert set(error) == {"code", "message", "hint", "retryable"}


def test_exit_codes_tell_errors_apart() -> None:
    """Two errors with one exit code ask for the same thing of the caller."""

    def tree(kind: type[RagError]):
        yield kind
        for child in kind.__subclasses__():
            yield from tree(child)

    codes = {kind.__name__: kind.exit_code for kind in tree(RagError)}
    assert codes["Locked"] == 3
    assert all(0 < code < 126 for code in codes.values())


def test_a_bug_is_json_too(run, fake: FakeApp) -> None:
    ran = run("ask", "bug", "--json")
    assert ran.code == 1
    assert json.loads(ran.err)["error"]["code"] == "internal"


def test_interrupting_ends_with_130(run, fake: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fake, "ask", interrupted)
    ran = run("ask", SLOW)
    assert ran.code == 130
    assert ran.err == "rag: Interrupted.\n"
    assert fake.closed


def test_init_makes_a_pack_that_checks_out(run, tmp_path: Path) -> None:
    folder = str(tmp_path / "lamps")
    assert json.loads(run("init", folder, "--json").out)["files"]
    assert run("pack", "check", folder).code == 0
    assert run("init", folder).code == 6
    (tmp_path / "lamps" / "pack.toml").write_text("name = 1\n")
    ran = run("pack", "check", folder, "--json")
    assert ran.code == 2
    assert "pack.toml" in json.loads(ran.out)["problems"][0]


def test_what_init_says_makes_a_data_folder_answer_from_the_pack(run, tmp_path: Path) -> None:
    said = run("init", str(tmp_path / 'my "lamps"'), "--name", "lamps").out
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rag.toml").write_text(said.partition("\n\n")[2])
    settings = load(data=tmp_path / "data", environ={})
    assert settings.domain == "lamps"
    assert load_pack(settings.data / settings.domains["lamps"].pack).name == "lamps"


def test_config_show_masks_secrets_and_names_origins(
    run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_INDEX__API_KEY", "hidden")
    shown = json.loads(run("config", "show", "--json").out)
    assert shown["settings"]["index"]["api_key"] == "********"
    assert shown["origins"]["index.api_key"] == "RAG_INDEX__API_KEY"
    out = run("config", "show").out
    assert "hidden" not in out
    assert "RAG_INDEX__API_KEY" in out


def test_config_check_warns_or_refuses(run, data: Path) -> None:
    assert run("config", "check").code == 0
    data.mkdir()
    (data / "rag.toml").write_text('[answer]\nmodel = "gpt"\n')
    assert "gpt" in json.loads(run("config", "check", "--json").out)["warnings"][0]
    (data / "rag.toml").write_text("[servr]\n")
    ran = run("config", "check")
    assert ran.code == 2
    assert "Did you mean 'server'?" in ran.err


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m rag config show | head -1"
    ran = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert ran.stderr == ""
    assert ran.returncode == 0


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from rag.cli import main; main(['--help']);"
        "heavy = {'torch', 'fastapi', 'sqlalchemy', 'pydantic', 'httpx'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
