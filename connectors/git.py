"""Files of one branch of a git repository.

The repository is read as data: nothing is checked out, and no hook, filter, submodule or program
of it ever runs. A remote one is fetched without its history.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, unquote_to_bytes, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors import _git_remote, _ssh
from connectors._paths import key as path_key
from rag.errors import (
    ConfigError,
    DocumentFailed,
    DocumentRejected,
    RagError,
    SourceError,
)
from rag.globs import matches
from rag.readers import Reader
from rag.types import EVERYONE, Change, Cursor, RawDocument

PAGE = 500
# More entries than any tree that people keep; a crafted one can name itself a billion times.
MAX_ENTRIES = 2_000_000
_LFS = b"version https://git-lfs.github.com/spec/"
_BLOB = 3
_BRANCHES = b"refs/heads/"
_T = TypeVar("_T")


class GitConfig(BaseModel):
    """Which repository and branch, and which files of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        description="https://..., ssh://user@host/path, or a repository's path on this machine."
    )
    branch: str = Field("", description="The branch to read; empty means the default branch.")
    include: tuple[str, ...] = Field(("**",), description="Only files that match one of these.")
    exclude: tuple[str, ...] = Field(
        (".*", "*/.*"), description="Never files that match one of these."
    )
    username: str = Field("git", description="User name that goes with the token.")
    token: SecretStr | None = Field(
        None, description="Access token or password for https; it must be allowed to read."
    )
    ssh: _ssh.SshConfig | None = Field(None, description="Login for an ssh:// address.")
    max_bytes: int = Field(100_000_000, ge=1, description="Larger files are rejected(too_large).")
    max_repository_bytes: int = Field(
        2_000_000_000, ge=1, description="A branch whose files are larger in all is not fetched."
    )
    timeout_s: float = Field(600, gt=0, description="Longest time that a fetch may take.")
    readers: tuple[Reader, ...] = Field(
        (EVERYONE,), min_length=1, description="Who may read: user:NAME, group:NAME or everyone."
    )
    networks: tuple[str, ...] = Field(
        (), description="Private networks this source may reach, as CIDR, e.g. 10.0.0.0/8."
    )

    @field_validator("branch")
    @classmethod
    def _plain_branch(cls, branch: str) -> str:
        if re.search(r"^[-/.]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|[/.]$|\.lock$", branch):
            raise ValueError("this is not the name of a branch")
        return branch

    @field_validator("url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        if re.match(r"[\w.-]+@[\w.-]+:", url):
            raise ValueError("write it as ssh://user@host/path")
        parts = urlsplit(url)
        if not parts.scheme and not url.startswith(("/", "~")):
            raise ValueError("write the whole path of a repository on this machine")
        if parts.scheme not in ("", "http", "https", "ssh"):
            raise ValueError("only https, ssh and local repositories are read")
        if parts.scheme and (not parts.hostname or parts.path.startswith(("/-", "//-"))):
            raise ValueError("this is not the address of a repository")
        if parts.password or (parts.username and parts.scheme != "ssh"):
            raise ValueError("credentials do not belong in the address; use username and token")
        if parts.scheme and (parts.query or parts.fragment):
            raise ValueError("a repository's address has no ? and no #")
        return url

    @model_validator(mode="after")
    def _matching_login(self) -> GitConfig:
        if self.token is not None and not self.url.startswith("https://"):
            raise ValueError("a token is only ever sent over https")
        if (self.ssh is not None) != self.url.startswith("ssh://"):
            raise ValueError("an ssh:// address needs 'ssh', and no other address does")
        return self


class GitConnector:
    """Lists the files of a branch; `key` is the path, `revision` the id of the content.

    A cursor is the commit that was listed: while the branch stays there nothing is fetched, and
    from there on deletions are named one by one. Where the server no longer gives out that commit,
    as after a force push, no cursor is left, so the next listing is a full one.
    """

    Config: ClassVar[type[BaseModel]] = GitConfig
    verified: ClassVar[str] = "git's own server, local repositories and SSH"

    def __init__(self, config: GitConfig) -> None:
        self.config = config
        self._scheme = urlsplit(config.url).scheme
        self._path = Path(config.url).expanduser()
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._repository: Any = None  # a dulwich Repo once `_head` is known
        self._head = b""
        try:
            import dulwich  # noqa: F401  # pyright: ignore[reportUnusedImport]
        except ImportError as error:
            raise ConfigError(
                "Git sources need the package dulwich.",
                hint="Install it: pip install 'ratchet-rag[git]'",
            ) from error

    async def check(self) -> str:
        head = await asyncio.to_thread(self._guarded, self._remote_head)
        branch = self.config.branch or "the default branch"
        return f"{self.config.url}: {branch} is at {head.decode()[:12]}."

    async def discover(self, state: Cursor) -> AsyncIterator[Change]:
        head = await asyncio.to_thread(self._guarded, self._remote_head)
        cursor = head.decode()
        if state.value == cursor:
            return
        before = (state.value or "").encode()
        had_before = await asyncio.to_thread(self._guarded, lambda: self._open(head, before))
        walk = self._walk(head, set())
        if had_before:
            walk = self._with_deletions(head, before)
        while page := await asyncio.to_thread(self._guarded, lambda: list(islice(walk, PAGE))):
            for change in page:
                yield change
        # Without the cursor's commit, deletions are unknown: the next listing begins anew.
        yield Change(kind="complete", cursor=cursor if had_before or not before else None)

    async def fetch(self, change: Change) -> RawDocument:
        try:
            data = await asyncio.to_thread(self._guarded, lambda: self._blob(change))
        except SourceError as error:
            raise DocumentFailed("unreadable", error.message, hint=error.hint) from error
        return RawDocument(
            key=change.key,
            uri=change.uri,
            name=unquote_to_bytes(change.key).rpartition(b"/")[2].decode("utf-8", "replace"),
            data=data,
            readers=change.readers,
        )

    async def aclose(self) -> None:
        """Forgets the fetched copy."""
        await asyncio.to_thread(self._close)

    # --- everything below blocks and runs in threads, one call at a time ---

    def _guarded(self, call: Callable[[], _T]) -> _T:
        from dulwich.client import HTTPUnauthorized
        from dulwich.errors import NotGitRepository

        with self._lock:
            try:
                return call()
            except RagError:
                raise
            except HTTPUnauthorized as error:
                raise SourceError(
                    f"{self.config.url} refuses the login (auth_error).",
                    hint="Check username and token.",
                ) from error
            except NotGitRepository as error:
                raise SourceError(
                    f"There is no git repository at {self.config.url}, or not for this login.",
                    hint="Check the address and the credentials.",
                ) from error
            except Exception as error:
                # A repository is a stranger's data: what is wrong with it can surface as anything.
                raise SourceError(
                    f"{self.config.url} cannot be read: {type(error).__name__}: {error}.",
                ) from error

    def _remote_head(self) -> bytes:
        """The commit that the branch is at now."""
        wanted = _BRANCHES + self.config.branch.encode() if self.config.branch else b"HEAD"
        commit: bytes | None = self._refs(wanted).get(wanted)
        if not commit:
            raise self._nowhere()
        return commit

    def _refs(self, wanted: bytes) -> dict[Any, Any]:
        if self._scheme:
            return _git_remote.refs(self.config, wanted)
        from dulwich.repo import Repo

        with Repo(self._path) as repository:
            return dict[Any, Any](repository.get_refs())

    def _nowhere(self) -> SourceError:
        """There is no commit where the branch should be; says where there are some."""
        names = sorted(
            name.removeprefix(_BRANCHES).decode("utf-8", "replace")
            for name in self._refs(_BRANCHES)
            if name.startswith(_BRANCHES)
        )
        if not names:
            return SourceError(f"{self.config.url} has no commits yet.")
        what = f"no branch '{self.config.branch}'" if self.config.branch else "no default branch"
        return SourceError(
            f"{self.config.url} has {what}.", hint=f"Set branch; there is {', '.join(names[:10])}."
        )

    def _open(self, head: bytes, before: bytes) -> bool:
        """Makes the commit `head` readable; says whether `before` is as well."""
        from dulwich.repo import Repo

        if not self._scheme:
            if self._repository is None:
                self._repository = Repo(self._path)
        elif self._head != head:
            try:
                fetched = _git_remote.fetch(self.config, [head, before] if before else [head])
            except SourceError:
                raise
            except Exception:
                if not before:
                    raise
                fetched = _git_remote.fetch(
                    self.config, [head]
                )  # a force push may have dropped `before`
            self._close()
            self._folder, self._repository = fetched
        self._head = head
        return bool(before) and before in self._repository.object_store

    def _walk(self, commit: bytes, seen: set[str]) -> Iterator[Change]:
        store, count = self._repository.object_store, 0
        readers = frozenset(self.config.readers)
        tree: bytes = store[commit].tree
        for entry in store.iter_tree_contents(tree, include_trees=True):
            count += 1
            if count > MAX_ENTRIES:
                raise SourceError(f"{self.config.url} has more than {MAX_ENTRIES:,} entries.")
            path, mode, blob = entry.path, entry.mode, entry.sha
            name = path.decode("utf-8", "surrogateescape")
            if stat.S_ISDIR(mode) or matches(name, self.config.exclude):
                continue
            key, uri = path_key(path), f"{self.config.url}#{quote(path)}"
            if stat.S_ISLNK(mode):
                yield Change(kind="skipped", key=key, uri=uri, reason="symbolic link")
            elif not stat.S_ISREG(mode):
                yield Change(kind="skipped", key=key, uri=uri, reason="submodule")
            elif matches(name, self.config.include):
                seen.add(key)
                yield Change(
                    kind="upsert", key=key, uri=uri, revision=blob.decode(), readers=readers
                )

    def _with_deletions(self, head: bytes, before: bytes) -> Iterator[Change]:
        seen: set[str] = set()
        yield from self._walk(head, seen)
        for change in self._walk(before, set()):
            if change.kind == "upsert" and change.key not in seen:
                yield Change(kind="delete", key=change.key, uri=change.uri)

    def _blob(self, change: Change) -> bytes:
        if not self._head:
            self._open(self._remote_head(), b"")
        store = self._repository.object_store
        kind, data = 0, b""
        try:
            kind, data = store.get_raw(change.revision.encode())
        except KeyError:
            if self._still_listed(change):  # the server was asked to leave large files out
                raise self._too_large(change) from None
        if kind != _BLOB:
            raise DocumentFailed("vanished", f"{change.uri} vanished after it was listed.")
        if len(data) > self.config.max_bytes:
            raise self._too_large(change)
        if len(data) < 1024 and data.startswith(_LFS):
            raise DocumentRejected(
                "lfs_pointer",
                f"{change.uri} is a pointer: the file itself is in Git LFS.",
                hint="Read it from where LFS keeps it, or store it in the repository.",
            )
        return data

    def _still_listed(self, change: Change) -> bool:
        store = self._repository.object_store
        tree = store[store[self._head].tree]
        try:
            _, blob = tree.lookup_path(store.__getitem__, unquote_to_bytes(change.key))
        except KeyError:
            return False
        return bool(blob.decode() == change.revision)

    def _too_large(self, change: Change) -> DocumentRejected:
        return DocumentRejected(
            "too_large",
            f"{change.uri} is larger than {self.config.max_bytes:,} bytes.",
            hint="Raise max_bytes of the source or split the file.",
        )

    def _close(self) -> None:
        if self._repository is not None:
            self._repository.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._repository, self._folder, self._head = None, None, b""
