"""The files connector: its contract, and the file systems that people really have."""

import asyncio
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.files import FilesConfig, FilesConnector, _key, _relative
from rag import plugins
from rag.errors import ConfigError, DocumentFailed, DocumentRejected, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor


def listing(root: Path, **config: object) -> list[Change]:
    async def run() -> list[Change]:
        connector = FilesConnector(FilesConfig(path=root, **config))
        return [change async for change in connector.discover(Cursor())]

    return asyncio.run(run())


def keys(changes: list[Change], kind: str = "upsert") -> list[str]:
    return [change.key for change in changes if change.kind == kind]


def fetch(root: Path, change: Change, **config: object):
    return asyncio.run(FilesConnector(FilesConfig(path=root, **config)).fetch(change))


class TestFilesContract(ConnectorContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> ConnectorSource:
        root = tmp_path / "root"
        (root / "sub").mkdir(parents=True)
        (root / "a.txt").write_bytes(b"alpha")
        (root / "sub" / "b.md").write_bytes(b"# beta")
        return ConnectorSource(
            make=lambda: FilesConnector(FilesConfig(path=root)),
            count=2,
            edit=lambda: (root / "a.txt").write_bytes(b"alpha, edited") and None,
            remove=(root / "a.txt").unlink,
            broken=lambda: root.rename(tmp_path / "gone") and None,
            expected=frozenset({b"alpha", b"# beta"}),
        )


def test_globs_hidden_files_and_litter(tmp_path: Path) -> None:
    for name in ("a.md", "b.txt", ".secret.md", "~$a.docx", "drafts/c.md", ".git/d.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert keys(listing(tmp_path)) == ["a.md", "b.txt", "drafts/c.md"]
    assert keys(listing(tmp_path, include=("**/*.md",))) == ["a.md", "drafts/c.md"]
    assert keys(listing(tmp_path, exclude=("drafts/**",))) == ["a.md", "b.txt"]
    assert ".secret.md" in keys(listing(tmp_path, hidden=True))


def test_links_pipes_and_sockets_are_skipped_never_opened(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "plain.txt").write_text("x")
    (root / "loop").symlink_to(root)
    (root / "leak.txt").symlink_to(outside)
    os.mkfifo(root / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "s"))
        changes = listing(root)
    assert keys(changes) == ["plain.txt"]
    assert sorted(keys(changes, "skipped")) == ["leak.txt", "loop", "pipe.txt", "s"]
    said = asyncio.run(FilesConnector(FilesConfig(path=root)).check())
    assert said.endswith("; 4 links or special files are passed over.")
    assert changes[-1].kind == "complete"


def test_a_file_swapped_for_a_link_after_listing_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").write_text("secret")
    (root / "a.txt").write_text("x")
    change = listing(root)[0]
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to(tmp_path / "outside")
    with pytest.raises(DocumentFailed):
        fetch(root, change)


def test_a_file_that_vanished_fails_for_now(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    change = listing(tmp_path)[0]
    (tmp_path / "a.txt").unlink()
    with pytest.raises(DocumentFailed) as caught:
        fetch(tmp_path, change)
    assert caught.value.reason == "vanished"


def test_a_large_file_is_rejected_with_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 100)
    change = listing(tmp_path)[0]
    with pytest.raises(DocumentRejected, match="limit is 10"):
        fetch(tmp_path, change, max_bytes=10)


@pytest.mark.parametrize(
    "name",
    [b"new\nline.txt", b"\xff\xfe.txt", "ünï.txt".encode(), "u\u0308.txt".encode(), b"100%.txt",
     b"%41.txt", b"tab\t.txt", "emoji-\U0001f600.txt".encode(), b"dot.", b"x" * 255],
)  # fmt: skip
def test_any_name_is_listed_and_read_back(tmp_path: Path, name: bytes) -> None:
    with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:  # noqa: PTH118, PTH123
        file.write(b"content")
    change = listing(tmp_path)[0]
    raw = fetch(tmp_path, change)
    assert raw.data == b"content"
    for text in (change.key, change.uri, raw.name):
        text.encode()
    assert "\n" not in change.uri


def test_twins_by_case_and_by_normal_form_are_two_documents(tmp_path: Path) -> None:
    for name in ("A.txt", "a.txt", "\u00e9.txt", "e\u0301.txt"):
        (tmp_path / name).write_text("same")
    assert len(set(keys(listing(tmp_path)))) == 4


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1))
def test_keys_are_one_to_one(relative: str) -> None:
    assert _relative(_key(relative)) == relative


def test_first_matching_reader_rule_decides(tmp_path: Path) -> None:
    (tmp_path / "hr").mkdir()
    for name in ("hr/pay.md", "hr/open.md", "all.md"):
        (tmp_path / name).write_text("x")
    rules = [
        {"pattern": "hr/open.md", "allow": ["everyone"]},
        {"pattern": "hr/**", "allow": ["group:hr"]},
    ]
    readers = {c.key: set(c.readers) for c in listing(tmp_path, readers=rules) if c.key}
    assert readers == {
        "hr/pay.md": {"group:hr"},
        "hr/open.md": {"everyone"},
        "all.md": {"everyone"},
    }


def test_a_reader_rule_reaches_files_directly_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "hr" / "old").mkdir(parents=True)
    for name in ("hr/pay.pdf", "hr/old/pay.pdf"):
        (tmp_path / name).write_text("x")
    rules = [{"pattern": "hr/**/*.pdf", "allow": ["group:hr"]}]
    assert {c.readers for c in listing(tmp_path, readers=rules) if c.key} == {
        frozenset({"group:hr"})
    }


@pytest.mark.parametrize("pattern", ["/hr/**", "./hr/**", "hr/"])
def test_a_reader_rule_that_can_match_nothing_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ConfigError, match="matches no file"):
        plugins.connector(
            "files",
            {"path": tmp_path, "readers": [{"pattern": pattern, "allow": ["group:hr"]}]},
        )


def test_an_unreadable_folder_keeps_the_listing_from_completing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.txt").write_text("x")
    scandir = os.scandir

    def refuse(path: Path):  # root reads everything, so the refusal is played
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    changes = listing(tmp_path)
    assert keys(changes, "failed") == ["closed/"]
    (failed,) = (change for change in changes if change.kind == "failed")
    assert failed.uri == (tmp_path / "closed").as_uri()
    assert "cannot be listed: Permission denied. Check its permissions." in failed.reason
    assert keys(changes) == ["a.txt"]
    assert keys(changes, "complete") == []


def test_a_missing_root_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Check the path, the mount"):
        listing(tmp_path / "nowhere")


def test_one_file_is_a_source_too(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    change = listing(tmp_path / "a.txt")[0]
    assert fetch(tmp_path / "a.txt", change).data == b"x"


def test_more_files_than_a_page_are_all_listed(tmp_path: Path) -> None:
    for number in range(1203):
        (tmp_path / f"{number}.txt").touch()
    assert len(keys(listing(tmp_path))) == 1203


def test_the_entry_point_builds_it_and_a_typo_is_explained(tmp_path: Path) -> None:
    assert isinstance(plugins.connector("files", {"path": str(tmp_path)}), FilesConnector)
    with pytest.raises(ConfigError, match="Did you mean 'exclude'"):
        plugins.connector("files", {"path": str(tmp_path), "exclud": ["x"]})
    with pytest.raises(ConfigError, match="Did you mean 'files'"):
        plugins.connector("file", {})


def test_a_data_folder_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "data" / "blobs").mkdir(parents=True)
    for name in ("owner.lock", "secret.keys", "rag.toml", "blobs/x"):
        (tmp_path / "data" / name).write_text("secret")
    changes = listing(tmp_path, hidden=True)
    assert keys(changes) == ["a.txt"]
    assert changes[-1].kind == "complete"
    for inside in (tmp_path / "data", tmp_path / "data" / "blobs"):
        with pytest.raises(SourceError, match="data folder of Ratchet"):
            listing(inside)
    (tmp_path / "data" / "packs" / "documents").mkdir(parents=True)
    (tmp_path / "data" / "packs" / "documents" / "b.txt").write_text("x")
    assert keys(listing(tmp_path / "data" / "packs" / "documents")) == ["b.txt"]


@pytest.mark.parametrize("word", ["hr", "group:", "groups:hr", "user:a,b"])
def test_a_reader_that_is_none_is_refused(tmp_path: Path, word: str) -> None:
    rule = {"pattern": "hr/**", "allow": [word]}
    for wrong in ({"default_readers": [word]}, {"readers": [rule]}):
        with pytest.raises(ValidationError):
            FilesConfig.model_validate({"path": tmp_path, **wrong})
