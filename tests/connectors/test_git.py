"""The git connector on bare repositories and on a server on loopback."""

import asyncio
import base64
import os
import shutil
import socket
import stat
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from dulwich.objects import Tree
from dulwich.pack import PackData
from pydantic import ValidationError

from connectors import _git_remote, git
from connectors.git import GitConfig, GitConnector
from rag.errors import DocumentFailed, DocumentRejected, Forbidden, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor
from tests.connectors import certificates
from tests.connectors.git_server import LINK, MODULE, Bare, git_itself, serving, smart_http
from tests.connectors.ssh_server import SshServer

LOOPBACK = ("127.0.0.0/8",)
tls = certificates.tls


def listing(connector: GitConnector, cursor: str | None = None) -> list[Change]:
    async def run() -> list[Change]:
        return [change async for change in connector.discover(Cursor(value=cursor))]

    return asyncio.run(run())


def local(bare: Bare, **config: object) -> GitConnector:
    return GitConnector(GitConfig(url=str(bare.path), **config))


def keys(changes: list[Change], kind: str = "upsert") -> list[str]:
    return [change.key for change in changes if change.kind == kind]


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Bare]:
    made = Bare(tmp_path / "r.git")
    made.commit({"a.md": b"# alpha", "docs/b.txt": b"beta"})
    yield made
    made.repo.close()


@pytest.fixture
def remote(bare: Bare):
    with serving(smart_http(bare.repo)) as server:
        yield f"http://127.0.0.1:{server.server_port}/r.git"


class TestLocalGit(ConnectorContract):
    @pytest.fixture
    def source(self, bare: Bare, tmp_path: Path) -> ConnectorSource:
        return ConnectorSource(
            make=lambda: local(bare),
            count=2,
            edit=lambda: bare.commit({"a.md": b"# alpha 2", "docs/b.txt": b"beta"}) and None,
            remove=lambda: bare.commit({"a.md": b"# alpha"}) and None,
            broken=lambda: bare.path.rename(tmp_path / "gone") and None,
            expected=frozenset({b"# alpha", b"beta"}),
        )


class TestRemoteGit(ConnectorContract):
    @pytest.fixture
    def source(self, bare: Bare, remote: str) -> ConnectorSource:
        def broken() -> None:
            del bare.repo.refs[b"refs/heads/main"]

        return ConnectorSource(
            make=lambda: GitConnector(GitConfig(url=remote, networks=LOOPBACK)),
            count=2,
            edit=lambda: bare.commit({"a.md": b"# alpha 2", "docs/b.txt": b"beta"}) and None,
            remove=lambda: bare.commit({"a.md": b"# alpha"}) and None,
            broken=broken,
            expected=frozenset({b"# alpha", b"beta"}),
        )


def test_branch_globs_and_readers(bare: Bare) -> None:
    bare.commit({"x.md": b"x", ".github/ci.md": b"c", "d/y.txt": b"y"}, branch="next/1")
    assert keys(listing(local(bare))) == ["a.md", "docs/b.txt"]
    assert keys(listing(local(bare, branch="next/1"))) == ["d/y.txt", "x.md"]
    assert keys(listing(local(bare, branch="next/1", exclude=("d/*",)))) == [
        ".github/ci.md",
        "x.md",
    ]
    upserts = listing(local(bare, include=("**/*.md",), readers=("group:dev",)))[:-1]
    assert [(change.key, change.readers) for change in upserts] == [
        ("a.md", frozenset({"group:dev"}))
    ]


@pytest.mark.parametrize("branch", ["--upload-pack=x", "-x", "a..b", "a b", "a\nb", "x.lock", "/a"])
def test_names_that_are_no_branch_are_refused(branch: str) -> None:
    with pytest.raises(ValidationError, match="not the name of a branch"):
        GitConfig(url="/r", branch=branch)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c id", "file:///etc", "git://host/r", "https://user:pass@host/r",
        "https://user@host/r", "ssh://u:p@host/r", "git@host:r.git", "https:///r",
        "ssh://host/-oProxyCommand=id", "https://host/r?x=1", "repository", "./repository", "../r",
    ],
)  # fmt: skip
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        GitConfig(url=url)


def test_a_token_goes_over_https_only_and_is_never_shown() -> None:
    with pytest.raises(ValidationError, match="only ever sent over https"):
        GitConfig(url="http://host/r", token="s3cret")
    assert "s3cret" not in repr(GitConfig(url="https://host/r", token="s3cret"))


def test_links_and_submodules_are_skipped_with_a_reason(bare: Bare) -> None:
    special = {"leak": (LINK, b"/etc/passwd"), "sub": (MODULE, b"elsewhere")}
    bare.commit({"a.md": b"a", ".gitmodules": b"[submodule]\n url = /x"}, special=special)
    changes = listing(local(bare))
    skipped = {change.key: change.reason for change in changes if change.kind == "skipped"}
    assert skipped == {"leak": "symbolic link", "sub": "submodule"}
    assert keys(changes) == ["a.md"]
    assert changes[-1].kind == "complete"


def test_hooks_and_filters_of_the_repository_never_run(bare: Bare, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    for name in ("post-checkout", "post-merge", "pre-receive", "reference-transaction"):
        hook = bare.path / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {proof}\n")
        hook.chmod(0o755)
    with (bare.path / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = touch {proof}\n\tsshCommand = touch {proof}\n")
        config.write(f'[filter "x"]\n\tsmudge = touch {proof}\n\tclean = touch {proof}\n')
        config.write(f"[uploadpack]\n\tpackObjectsHook = touch {proof}\n")
    bare.commit({"a.md": b"a", ".gitattributes": b"* filter=x\n"})
    connector = local(bare)
    change = listing(connector)[0]
    assert asyncio.run(connector.fetch(change)).data == b"a"
    assert not proof.exists()


def test_lfs_pointers_and_large_files_are_rejected(bare: Bare, remote: str) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
    bare.commit({"big.bin": os.urandom(5000), "lfs.pdf": pointer, "ok.md": b"ok"})
    for url in (str(bare.path), remote):
        connector = GitConnector(GitConfig(url=url, networks=LOOPBACK, max_bytes=1000))
        changes = {change.key: change for change in listing(connector)}
        with pytest.raises(DocumentRejected) as large:
            asyncio.run(connector.fetch(changes["big.bin"]))
        assert large.value.reason == "too_large"
        with pytest.raises(DocumentRejected) as lfs:
            asyncio.run(connector.fetch(changes["lfs.pdf"]))
        assert lfs.value.reason == "lfs_pointer"
        assert asyncio.run(connector.fetch(changes["ok.md"])).data == b"ok"
        asyncio.run(connector.aclose())


def test_no_commits_and_no_such_branch_break_the_listing(tmp_path: Path, bare: Bare) -> None:
    with pytest.raises(SourceError, match="no commits yet"):
        listing(local(Bare(tmp_path / "empty.git")))
    with pytest.raises(SourceError, match="no branch 'gone'") as gone:
        listing(local(bare, branch="gone"))
    assert gone.value.hint == "Set branch; there is main."
    bare.repo.refs.set_symbolic_ref(b"HEAD", b"refs/heads/trunk")
    with pytest.raises(SourceError, match="no default branch") as none:
        listing(local(bare))
    assert none.value.hint == "Set branch; there is main."
    with pytest.raises(SourceError, match="no git repository"):
        listing(GitConnector(GitConfig(url=str(tmp_path))))


def test_from_a_cursor_on_changes_and_deletions_are_named(bare: Bare) -> None:
    connector = local(bare)
    cursor = listing(connector)[-1].cursor
    assert cursor
    assert listing(connector, cursor) == []
    bare.commit({"a.md": b"# alpha 2", "new.md": b"new"})
    changes = listing(connector, cursor)
    assert keys(changes, "delete") == ["docs/b.txt"]
    assert keys(changes) == ["a.md", "new.md"]
    assert changes[-1].cursor not in (None, cursor)


def test_a_server_that_keeps_the_old_commit_to_itself_is_listed_anew(
    bare: Bare, remote: str
) -> None:
    connector = GitConnector(GitConfig(url=remote, networks=LOOPBACK))
    cursor = listing(connector)[-1].cursor
    bare.commit({"a.md": b"# alpha 2"})
    assert listing(connector, cursor)[-1] == Change(kind="complete", cursor=None)
    asyncio.run(connector.aclose())


def test_a_force_push_that_drops_the_cursor_is_survived(bare: Bare, remote: str) -> None:
    connector = GitConnector(GitConfig(url=remote, networks=LOOPBACK))
    old = listing(connector)
    bare.commit({"other.md": b"other"}, orphan=True)
    changes = listing(connector, "1" * 40)
    assert keys(changes) == ["other.md"]
    assert keys(changes, "delete") == []
    assert keys(listing(connector)) == ["other.md"]
    with pytest.raises(DocumentFailed) as caught:
        asyncio.run(connector.fetch(old[0]))
    assert caught.value.reason == "vanished"
    asyncio.run(connector.aclose())


def test_fetch_needs_no_listing_and_nothing_is_left_behind(
    bare: Bare, remote: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = listing(local(bare))[0]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    connector = GitConnector(GitConfig(url=remote, networks=LOOPBACK))
    assert asyncio.run(connector.fetch(change)).data == b"# alpha"
    assert list(tmp_path.glob("ratchet-git-*"))
    asyncio.run(connector.aclose())
    assert not list(tmp_path.glob("ratchet-git-*"))


def test_any_name_is_listed_and_read_back(bare: Bare) -> None:
    names = [b"new\nline.txt", b"\xff.txt", "ünï.txt".encode(), b"100%.txt", b"..", b"a/../b"]
    # Names that a checkout could not hold are data here: nothing is ever written by them.
    bare.commit({name: name for name in names})
    connector = local(bare, exclude=())
    changes = listing(connector)[:-1]
    assert len({change.key for change in changes}) == len(names)
    assert {asyncio.run(connector.fetch(change)).data for change in changes} == set(names)
    for change in changes:
        change.key.encode()


def test_a_tree_that_multiplies_itself_is_bounded(
    bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "MAX_ENTRIES", 10_000)
    tree = Tree()
    bare.repo.object_store.add_object(tree)
    for _ in range(12):  # 10 ** 12 folders
        above = Tree()
        for number in range(10):
            above.add(b"%d" % number, stat.S_IFDIR, tree.id)
        bare.repo.object_store.add_object(above)
        tree = above
    bare.commit_tree(tree.id)
    with pytest.raises(SourceError, match="more than 10,000 entries"):
        listing(local(bare))


def test_a_repository_over_its_limit_is_not_fetched(bare: Bare, remote: str) -> None:
    bare.commit({"a.bin": os.urandom(50_000)})
    connector = GitConnector(GitConfig(url=remote, networks=LOOPBACK, max_repository_bytes=20_000))
    with pytest.raises(SourceError, match="larger than max_repository_bytes"):
        listing(connector)


def test_a_pack_that_unpacks_to_too_much_is_refused(bare: Bare, remote: str) -> None:
    bare.commit({"bomb.txt": b"0" * 20_000_000})
    connector = GitConnector(
        GitConfig(url=remote, networks=LOOPBACK, max_repository_bytes=1000_000)
    )
    with pytest.raises(SourceError, match="unpacks to more"):
        listing(connector)


def test_a_pack_that_lies_about_sizes_is_refused(tmp_path: Path) -> None:
    header = b"PACK" + (2).to_bytes(4, "big") + (1).to_bytes(4, "big")
    lie = bytes([0x35]) + zlib.compress(b"0" * 1_000_000)  # says 5 bytes
    with (tmp_path / "p").open("w+b") as pack:
        pack.write(header + lie + b"\0" * 20)
        pack.flush()
        with pytest.raises(SourceError, match="damaged"):
            _git_remote.check_pack(pack, 1 << 30)


def test_the_pack_check_adds_up_real_packs(bare: Bare) -> None:
    bare.repo.object_store.pack_loose_objects()
    (path,) = (bare.path / "objects" / "pack").glob("*.pack")
    with PackData(path, object_format=bare.repo.object_format) as data:
        total = sum(entry.decomp_len for entry in data.iter_unpacked())
    with path.open("r+b") as pack:
        pack.seek(0, 2)
        _git_remote.check_pack(pack, total + 1000)
        with pytest.raises(SourceError):
            _git_remote.check_pack(pack, total - 1)


# --- the network -----------------------------------------------------------------------------


def test_a_private_address_is_not_contacted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/r.git"
        with pytest.raises(Forbidden):
            listing(GitConnector(GitConfig(url=url)))
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_redirect_to_a_forbidden_address_is_not_followed() -> None:
    with socket.create_server(("127.0.0.2", 0)) as listener:
        listener.settimeout(0.2)
        target = (
            f"http://127.0.0.2:{listener.getsockname()[1]}/r.git/info/refs?service=git-upload-pack"
        )

        def redirect(_environ: object, start) -> list[bytes]:
            start("302 Found", [("Location", target), ("Content-Length", "0")])
            return [b""]

        with serving(redirect) as server:
            url = f"http://127.0.0.1:{server.server_port}/r.git"
            with pytest.raises(Forbidden):
                listing(GitConnector(GitConfig(url=url, networks=("127.0.0.1/32",))))
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_login_page_is_not_a_repository() -> None:
    def page(_environ: object, start) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/html")])
        return [b"<form>"]

    with serving(page) as server:
        url = f"http://127.0.0.1:{server.server_port}/r.git"
        with pytest.raises(SourceError, match="login page"):
            listing(GitConnector(GitConfig(url=url, networks=LOOPBACK)))


def test_a_server_that_breaks_off_never_completes(bare: Bare) -> None:
    chain = smart_http(bare.repo)

    def cut(environ, start):
        if environ["REQUEST_METHOD"] == "GET":
            return chain(environ, start)
        sent = bytearray()
        list(chain(environ, lambda *_: sent.extend))
        start("200 OK", [("Content-Type", "application/x-git-upload-pack-result")])
        return [bytes(sent[: len(sent) // 2])]

    with serving(cut) as server:
        url = f"http://127.0.0.1:{server.server_port}/r.git"
        with pytest.raises(SourceError):
            listing(GitConnector(GitConfig(url=url, networks=LOOPBACK)))


def test_https_with_a_token(bare: Bare, tls: certificates.Tls) -> None:
    chain = smart_http(bare.repo)
    expected = "Basic " + base64.b64encode(b"me:s3cret").decode()

    def guarded(environ, start):
        if environ.get("HTTP_AUTHORIZATION") != expected:
            start("401 Unauthorized", [("WWW-Authenticate", "Basic")])
            return [b""]
        return chain(environ, start)

    with serving(guarded) as server:
        server.socket = tls.server.wrap_socket(server.socket, server_side=True)
        url = f"https://127.0.0.1:{server.server_port}/r.git"
        config = {"url": url, "networks": LOOPBACK, "username": "me"}
        connector = GitConnector(GitConfig(**config, token="s3cret"))
        assert keys(listing(connector)) == ["a.md", "docs/b.txt"]
        asyncio.run(connector.aclose())
        with pytest.raises(SourceError, match="auth_error") as caught:
            listing(GitConnector(GitConfig(**config, token="wr0ng")))
        assert "wr0ng" not in str(caught.value)


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_git_s_own_server_leaves_out_large_files_and_names_deletions(bare: Bare) -> None:
    bare.commit({"a.md": b"# alpha", "docs/b.txt": b"beta", "big.bin": os.urandom(50_000)})
    with serving(git_itself(bare.path.parent)) as server:
        url = f"http://127.0.0.1:{server.server_port}/r.git"
        config = {"max_bytes": 1000, "max_repository_bytes": 20_000, "networks": LOOPBACK}
        connector = GitConnector(GitConfig(url=url, **config))
        changes = listing(connector)
        assert keys(changes) == ["a.md", "big.bin", "docs/b.txt"]
        assert asyncio.run(connector.fetch(changes[0])).data == b"# alpha"
        with pytest.raises(DocumentRejected) as caught:
            asyncio.run(connector.fetch(changes[1]))
        assert caught.value.reason == "too_large"
        cursor = changes[-1].cursor
        assert listing(connector, cursor) == []
        bare.commit({"a.md": b"# alpha 2"})
        later = listing(connector, cursor)
        assert keys(later, "delete") == ["big.bin", "docs/b.txt"]
        assert later[-1].cursor not in (None, cursor)
        asyncio.run(connector.aclose())


def test_git_over_ssh_to_a_known_host(bare: Bare) -> None:
    with SshServer(repo=bare.repo).running() as server:
        login = {"username": "me", "password": "s3cret", "host_key": server.host_key}
        url = f"ssh://git@127.0.0.1:{server.port}/r.git"
        connector = GitConnector(GitConfig(url=url, ssh=login, networks=LOOPBACK))
        changes = listing(connector)
        assert keys(changes) == ["a.md", "docs/b.txt"]
        assert asyncio.run(connector.fetch(changes[0])).data == b"# alpha"
        asyncio.run(connector.aclose())
        assert set(server.commands) == {"git-upload-pack '/r.git'"}

        logins = len(server.logins)
        login["host_key"] = SshServer().host_key
        with pytest.raises(SourceError, match="another host key"):
            listing(GitConnector(GitConfig(url=url, ssh=login, networks=LOOPBACK)))
        with pytest.raises(Forbidden):
            listing(GitConnector(GitConfig(url=url, ssh=login)))
        assert len(server.logins) == logins
