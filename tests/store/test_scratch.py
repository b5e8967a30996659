"""Scratch folders: gone with the block, and with whoever was killed within."""

import subprocess
import sys
from pathlib import Path

import pytest

from rag.store.scratch import NAME, scratch, sweep

HOLDS = """
import sys, time
from pathlib import Path
from rag.store.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "texts.json").write_text("what documents say")
    print(folder, flush=True)
    time.sleep(600)
"""


def test_it_is_nobody_elses_to_read_and_gone_with_the_block(tmp_path: Path) -> None:
    with scratch(tmp_path) as one, scratch(tmp_path) as other:
        assert one != other
        assert {path.stat().st_mode & 0o777 for path in (one, other, one.parent)} == {0o700}
        (one / "file").write_text("text")
    assert [*(tmp_path / NAME).iterdir()] == []
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
    with scratch(tmp_path) as other:
        assert [*(tmp_path / NAME).iterdir()] == [other]
