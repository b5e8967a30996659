"""A sync that is killed loses nothing acknowledged, doubles nothing and leaves nothing behind."""

from contextlib import closing
from pathlib import Path

from tests.faults.harness import Harness

FAULTS = (
    "ledger.placements.reserve:after:1",
    "index.upsert:before:1",
    "index.upsert:after:1",
    "ledger.placements.commit:before:1",
    "ledger.placements.commit:after:1",
    "index.delete:before:1",
    "ledger.delete:after:1",
    "blobs.put:after:2",
    "moment 0.4",
    "engine 0.3",
)


def test_killed_syncs_lose_and_double_nothing(tmp_path: Path, database_url: str) -> None:
    with closing(Harness(tmp_path, database_url, seed=7)) as harness:
        harness.kill_once("ledger.sources.synced:before:1")
        kills = [harness.kill_once(fault) for fault in FAULTS]
    assert [(kill.fault, kill.problems) for kill in kills if kill.problems] == []
    assert [kill.fault for kill in kills if ":" in kill.fault and not kill.killed] == []
