"""A backup of what is being written: every one that is taken is of one moment."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from rag.store.backups import Backup
from rag.store.database import Database
from rag.store.ledger import Ledger
from rag.store.restoring import restore_tables
from rag.types import Run, utc_now
from tests.jobs.place import DOCUMENTS, PATIENCE_SECONDS, Place


def test_backups_taken_amid_a_sync_are_each_of_one_moment(place: Place, tmp_path: Path) -> None:
    run = place.ask()
    taken: list[Backup] = []
    with place.worker(pace=0.05):
        end = time.monotonic() + PATIENCE_SECONDS
        while not place.runs.get(run.id).ended:
            assert time.monotonic() < end
            place.until(run, partial(far_enough, 8 * len(taken)))
            backup = Backup(tmp_path / f"backup{len(taken)}")
            backup.make(
                place.bench.database, place.root, ratchet="1", now=utc_now(), keys=False,
                progress=lambda _: None,
            )  # fmt: skip
            taken.append(backup)
    placed = [consistent(backup, tmp_path / f"{at}.db") for at, backup in enumerate(taken)]
    assert placed == sorted(placed)
    assert [count for count in placed if 0 < count < DOCUMENTS], placed


def far_enough(documents: int, run: Run) -> bool:
    return run.ended or run.progress.done >= documents


def consistent(backup: Backup, path: Path) -> int:
    """How many documents it answers from; each is whole, and none is there by half."""
    manifest = backup.manifest()
    backup.check(manifest, lambda _: None)
    assert manifest.damaged == ()
    database = Database(f"sqlite:///{path}")
    restore_tables(backup, manifest, database)
    ledger = Ledger(database)
    kept = ledger.kept()
    for version, _ in kept:
        assert {version.content_hash, version.text_hash} <= set(manifest.blobs)
    sources = ledger.sources.list("test")
    assert [one.documents for one in sources] == [len(kept)]
    database.close()
    return len(kept)
