"""Scratch folders: gone with the block, and with whoever was killed within."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.store import scratch as scratches
from rag.store.scratch import LOCK, NAME, scratch, sweep

HOLDS = """
import sys, time
from pathlib import Path
from rag.store.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "texts.json").write_text("what documents say")
    print(folder, flush=True)
    time.sleep(600)
"""


def left(data: Path) -> list[str]:
    return [one.name for one in (data / NAME).iterdir() if one.name != LOCK]


def test_it_is_nobody_elses_to_read_and_gone_with_the_block(tmp_path: Path) -> None:
    with scratch(tmp_path) as one, scratch(tmp_path) as other:
        assert one != other
        assert [*one.iterdir()] == []
        assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o700
        (one / "file").write_text("text")
        assert len(left(tmp_path)) == 2
        # What lives is not swept.
        assert sweep(tmp_path) == 0
        assert (one / "file").exists()
    assert left(tmp_path) == []
    with pytest.raises(ZeroDivisionError), scratch(tmp_path) as one:
        _ = 1 / len([*one.iterdir()])
    assert not one.exists()


def test_what_the_living_hold_stays_and_what_the_killed_held_goes(tmp_path: Path) -> None:
    assert sweep(tmp_path) == 0
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        folder = Path(child.stdout.readline().strip())
        assert sweep(tmp_path) == 0
        assert (folder / "texts.json").exists()
    finally:
        child.kill()
        child.communicate()
    assert (folder / "texts.json").exists()
    assert sweep(tmp_path) == 1
    assert left(tmp_path) == []


def test_what_is_not_ours_or_still_written_hinders_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "desktop.ini").write_text("not ours")
    assert sweep(tmp_path) == 0
    real: Callable[..., Any] = scratches.shutil.rmtree

    def written(folder: Path, **given: Any) -> None:
        real(folder, **given)
        (folder / "late").mkdir(parents=True)

    before = len([*Path("/proc/self/fd").iterdir()])
    with monkeypatch.context() as patch:
        patch.setattr(scratches.shutil, "rmtree", written)
        # What ended the block is not hidden by what could not be deleted.
        with pytest.raises(ZeroDivisionError), scratch(tmp_path):
            _ = 1 / 0
    assert len([*Path("/proc/self/fd").iterdir()]) == before
    assert len(left(tmp_path)) == 2
    assert sweep(tmp_path) == 1
    assert left(tmp_path) == ["desktop.ini"]
