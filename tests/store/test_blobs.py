"""Kept files: damaged ones are mended when they are kept again, forgotten ones are collected."""

import os
from pathlib import Path

import pytest

from rag.errors import NotFound, Unavailable
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
    left = path(blobs, old).with_name(".left-by-a-crash")
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    age(blobs, cited, old)
    assert blobs.collect({cited}) == (2, len(b"forgotten" + b"half"))
    assert (blobs.get(cited), blobs.get(fresh)) == (b"cited", b"fresh")
    with pytest.raises(NotFound):
        blobs.get(old)
    assert not left.exists()


def test_what_is_kept_again_is_not_collected(blobs: Blobs) -> None:
    digest = blobs.put(b"turbine")
    age(blobs, digest)
    blobs.put(b"turbine")
    assert blobs.collect(set()) == (0, 0)
    assert blobs.get(digest) == b"turbine"


def test_a_file_that_is_claimed_while_it_is_collected_stays(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = blobs.put(b"turbine")
    age(blobs, digest)
    rename = Path.rename

    def claimed_just_before(self: Path, target: Path) -> Path:
        os.utime(self)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", claimed_just_before)
    assert blobs.collect(set()) == (0, 0)
    assert blobs.get(digest) == b"turbine"
