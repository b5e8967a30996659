"""Kept files: damaged ones are mended when they are kept again, forgotten ones are collected."""

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from rag.errors import NotFound, StorageFull, Unavailable
from rag.store.blobs import SPARED_SECONDS, Blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path)


def path(blobs: Blobs, digest: str) -> Path:
    return blobs.folder / digest[:2] / digest


def age(blobs: Blobs, *digests: str) -> None:
    for digest in digests:
        then = path(blobs, digest).stat().st_mtime - SPARED_SECONDS - 60
        os.utime(path(blobs, digest), (then, then))


def test_a_damaged_file_is_told_apart_and_mended_when_it_is_kept_again(blobs: Blobs) -> None:
    digest = blobs.put(b"turbine")
    assert blobs.intact(digest)
    path(blobs, digest).write_bytes(b"turbane")
    assert (blobs.intact(digest), blobs.has(digest)) == (False, True)
    with pytest.raises(Unavailable):
        blobs.get(digest)
    assert blobs.put(b"turbine") == digest
    assert blobs.get(digest) == b"turbine"
    path(blobs, digest).unlink()
    assert (blobs.intact(digest), blobs.has(digest)) == (False, False)


def test_only_what_is_old_and_not_cited_goes(blobs: Blobs) -> None:
    cited, fresh, old = (blobs.put(one) for one in (b"cited", b"fresh", b"forgotten"))
    left, foreign = (path(blobs, old).with_name(one) for one in (f".{'a' * 32}", ".nfs01"))
    for one in (left, foreign):
        one.write_bytes(b"half")
        os.utime(one, (0, 0))
    age(blobs, cited, old)
    assert blobs.collect({cited}) == (2, len(b"forgotten" + b"half"))
    assert (blobs.get(cited), blobs.get(fresh)) == (b"cited", b"fresh")
    with pytest.raises(NotFound):
        blobs.get(old)
    assert (left.exists(), foreign.exists()) == (False, True)


def test_what_is_kept_again_is_not_collected(blobs: Blobs) -> None:
    digest = blobs.put(b"turbine")
    age(blobs, digest)
    blobs.put(b"turbine")
    assert blobs.collect(set()) == (0, 0)
    assert blobs.get(digest) == b"turbine"


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], object]) -> None:
    """Something happens to a file just after `collect` has looked at it."""
    stat, looked = Path.stat, list[Path]()

    def look(self: Path, **options: bool) -> os.stat_result:
        found = stat(self, **options)
        if len(self.name) == 64 and self not in looked:
            looked.append(self)
            act(self)
        return found

    monkeypatch.setattr(Path, "stat", look)


def test_a_file_that_is_claimed_while_it_is_collected_stays(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = blobs.put(b"turbine")
    age(blobs, digest)
    meanwhile(monkeypatch, lambda _: blobs.put(b"turbine"))
    assert blobs.collect(set()) == (0, 0)
    assert blobs.get(digest) == b"turbine"


@pytest.mark.parametrize("act", [Path.unlink, lambda path: Blobs(path.parents[1]).collect(set())])
def test_a_file_that_is_gone_meanwhile_is_no_error(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], object]
) -> None:
    age(blobs, *(blobs.put(data) for data in (b"turbine", b"pump")))
    meanwhile(monkeypatch, act)
    assert blobs.collect(set())[0] <= 1
    assert not list(blobs.folder.glob("*/*"))


def test_what_is_kept_while_others_collect_is_kept(blobs: Blobs) -> None:
    kept = [bytes([number]) * 100 for number in range(8)]
    digests = [blobs.put(data) for data in kept]
    lost: list[str] = []

    def collect() -> None:
        for _ in range(60):
            Blobs(blobs.folder).collect(set())

    def keep() -> None:
        for _ in range(20):
            for data, digest in zip(kept, digests, strict=True):
                with suppress(FileNotFoundError):
                    os.utime(path(blobs, digest), (0, 0))
                blobs.put(data)
                if not blobs.has(digest):
                    lost.append(digest)

    with ThreadPoolExecutor() as executor:
        for done in [executor.submit(one) for one in (collect, collect, keep)]:
            done.result()
    assert lost == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("broken", ["open", "mkdir", "replace", "read_bytes", "unlink"])
def test_every_fault_of_the_disk_is_typed(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, number: int, broken: str
) -> None:
    digest = blobs.put(b"turbine")

    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, broken, fails)
    if broken == "unlink":
        monkeypatch.setattr(os, "fsync", fails)
    full = number in (errno.ENOSPC, errno.EDQUOT)
    with pytest.raises(StorageFull if full else Unavailable):
        blobs.put(b"turbine" if broken == "read_bytes" else b"pump")
    monkeypatch.undo()
    assert blobs.get(digest) == b"turbine"


def test_a_folder_that_cannot_be_collected_is_a_typed_error(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(blobs, blobs.put(b"turbine"))

    def fails(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "unlink", fails)
    with pytest.raises(Unavailable):
        blobs.collect(set())
