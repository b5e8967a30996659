"""The verbs of backups: make one, keep its list of erasures up to date, restore one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rag.app.composition import build
from rag.app.encoders import FOLDER as CANDIDATES
from rag.app.rerankers import TREES
from rag.app.upkeep import size
from rag.config import Settings, secrets_in
from rag.errors import NotFound, RagError, counted
from rag.learn.lora import FOLDER as MODELS
from rag.store.backups import CONFIGURATION, Backup, Erasures, Manifest, OnProgress
from rag.store.blobs import Blobs
from rag.store.candidates import Candidates
from rag.store.compacting import compact
from rag.store.database import Database
from rag.store.erasing import Contents
from rag.store.folder import DataFolder
from rag.store.generations import Generations, live_domains
from rag.store.restoring import go_on, place, restore_files, restore_tables
from rag.store.traces import Traces
from rag.store.upkeep import Kind, Upkeep
from rag.store.vault import KEY_FILE
from rag.types import LOCAL, Check, Data, Principal, Role, utc_now


class Restored(Data):
    """What a restore did, and what is left to do."""

    manifest: Manifest
    erasures: Erasures | None
    documents: Mapping[str, int]
    """How many the index has that was built anew, by domain."""
    warnings: tuple[str, ...]
    checks: tuple[Check, ...]
    """Empty unless it was asked to verify."""


def back_up(
    settings: Settings, folder: Path, *, keys: bool, progress: OnProgress
) -> tuple[Manifest, list[str]]:
    """Back up the data folder, in use or not; returns what to know about it as well.

    Reads the database beside whoever holds the folder. Raises NotFound where nothing is kept yet,
    Conflict for a folder that is not empty, StorageFull.
    """
    with _opened(settings) as database:
        manifest = Backup(folder).make(
            database,
            settings.data,
            ratchet=version("ratchet-rag"),
            now=utc_now(),
            keys=keys,
            files=[*_packs(settings), *_weights(settings, database)],
            progress=progress,
        )
        unnoted = _note(
            database,
            "backup",
            folder=str(folder.resolve()),
            bytes=size(folder),
            rows=manifest.rows,
            files=len(manifest.blobs),
            damaged=len(manifest.damaged),
            keys=KEY_FILE in manifest.files,
        )
    return manifest, [*_remarks(settings, manifest), *_elsewhere(settings), *unnoted]


def read_back(settings: Settings, folder: Path, progress: OnProgress) -> tuple[Manifest, list[str]]:
    """Read all of a backup by its digests, as a restore would; what was found is noted for admins.

    Returns what to know about it as well. Raises NotFound for what is no whole backup, Unavailable
    for a damaged one.
    """
    backup = Backup(folder)
    manifest = backup.manifest()
    about: dict[str, Any] = {
        "folder": str(folder.resolve()),
        "taken_at": manifest.taken_at.isoformat(),
    }
    with _opened(settings) as database:
        try:
            backup.check(manifest, progress)
        except RagError as error:
            _note(database, "verification", **about, trouble=error.message)
            raise
        return manifest, _note(database, "verification", **about)


def _note(database: Database, kind: Kind, **details: Any) -> list[str]:
    """Note it for admins; that this did not work is a remark, for the backup is made."""
    try:
        Upkeep(database, utc_now).note(kind, **details)
    except RagError as error:
        return [f"The health page will not tell of it: {error.message}"]
    return []


def refresh(settings: Settings, folder: Path) -> Erasures:
    """Bring a backup's list of what was deleted since it was made up to date."""
    with _opened(settings) as database:
        return Backup(folder).refresh(database, utc_now())


async def restore(
    load: Callable[[], Settings], folder: Path, *, verify: bool, progress: OnProgress
) -> Restored:
    """Restore into an empty data folder and database, then build the indexes anew.

    All of the backup is read by its digests before anything is written. `verify`: at the end all
    that was written is read back, and every part tried. `load` reads the settings, also again once
    a backed up configuration is in its place. Raises Conflict where something is kept already.
    """
    backup = Backup(folder)
    manifest = backup.manifest()
    erasures = backup.erasures()
    await asyncio.to_thread(backup.check, manifest, progress)
    settings = await asyncio.to_thread(_put_back, load, backup, manifest, erasures, progress)
    remarks = [*_remarks(settings, manifest), *_unknown(manifest, erasures)]
    documents: dict[str, int] = {}
    checks: list[Check] = []
    app = await build(settings)
    try:
        who = Principal(id=LOCAL, roles=frozenset(Role))
        for domain in await asyncio.to_thread(_domains, settings):
            try:
                documents[domain] = await app.rebuild(who, domain=domain, progress=progress)
            except RagError as error:
                remarks.append(
                    f"The index of '{domain}' is not built: {error} "
                    f"Then run: rag --domain {domain} sync --rebuild."
                )
        # In the backup is only what they learned from.
        remarks += [f"Not made again: {one}" for one in await app.tuning.renew()]
        # What was erased since is in versions of datasets as they were backed up.
        await app.datasets.sweep()
        if verify:
            checks = [await asyncio.to_thread(_read_back, settings, manifest), *await app.doctor()]
    finally:
        await app.aclose()
    return Restored(
        manifest=manifest,
        erasures=erasures,
        documents=documents,
        warnings=tuple(remarks),
        checks=tuple(checks),
    )


def _put_back(
    load: Callable[[], Settings],
    backup: Backup,
    manifest: Manifest,
    erasures: Erasures | None,
    progress: OnProgress,
) -> Settings:
    settings = load()
    folder = DataFolder.acquire(settings.data)
    try:
        folder.refuse_used()
        if CONFIGURATION in manifest.files and place(backup, CONFIGURATION, settings.data):
            settings = load()
        database = Database(settings.database_url)
        try:
            database.fillable(manifest.revision)
            with folder.unfinished():
                restore_files(backup, manifest, settings.data, progress)
                restore_tables(backup, manifest, database)
                pseudonym = Traces(database, settings.data).pseudonym
                go_on(database, erasures.erasures if erasures else (), utc_now, pseudonym)
                Contents(database, Blobs(settings.data / "blobs"), utc_now, alone=True).finish()
                compact(database)
        finally:
            database.close()
    finally:
        folder.release()
    return settings


def _domains(settings: Settings) -> list[str]:
    with _opened(settings) as database:
        return live_domains(database)


def _read_back(settings: Settings, manifest: Manifest) -> Check:
    blobs = Blobs(settings.data / "blobs")
    bad = sum(1 for digest in manifest.blobs if not blobs.intact(digest))
    return Check(
        name="restored",
        ok=not bad,
        detail=f"{counted(manifest.rows, 'row')} and {counted(len(manifest.blobs), 'file')}, "
        + (f"{bad} of them damaged" if bad else "as they were backed up"),
        hint="See whether the disk is sound, then restore again." if bad else "",
    )


@contextmanager
def _opened(settings: Settings) -> Generator[Database]:
    # Opening SQLite would make the file.
    if settings.database_url.startswith("sqlite") and not (settings.data / "ratchet.db").exists():
        raise NotFound(
            f"Nothing is kept in {settings.data} yet.",
            hint="Choose the data folder with --data or RAG_DATA.",
        )
    database = Database(settings.database_url)
    try:
        yield database
    finally:
        database.close()


def _remarks(settings: Settings, manifest: Manifest) -> Iterator[str]:
    if manifest.damaged:
        yield (
            f"{counted(len(manifest.damaged), 'kept file')} were damaged or missing before the "
            "backup and are not in it; rag doctor names the documents."
        )
    if manifest.credentials and KEY_FILE not in manifest.files:
        yield (
            f"The credentials of {manifest.credentials:,} of the sources and models are encrypted "
            f"with {KEY_FILE}, which is not in the backup: keep a copy of it elsewhere and put it "
            "into the data folder, or enter them again."
        )
    if KEY_FILE in manifest.files:
        yield "The backup has the keys of the credentials in it: keep it as secret as these."
    if shown := secrets_in(settings, settings.data / CONFIGURATION):
        yield f"{CONFIGURATION} is in the backup, and secrets in it: {', '.join(shown)}."


def _packs(settings: Settings) -> list[str]:
    """The files of packs that lie in the data folder, by their paths below it."""
    return [
        file.relative_to(settings.data).as_posix()
        for _, pack in _declared(settings)
        if pack.is_relative_to(settings.data)
        for file in sorted(pack.rglob("*"))
        if file.is_file()
    ]


def _weights(settings: Settings, database: Database) -> list[str]:
    """The files of what was trained and answers, or may yet: nothing else that is kept gives them
    back. Trees are grown again of the ratings."""
    kept = Candidates(database, utc_now)
    trained = [
        settings.data / CANDIDATES / one for one in Generations(database, utc_now).encoders()
    ]
    for one in (*kept.of_kind("reranker"), *kept.of_kind("llm")):
        # What learned what is erased is promoted no more; of a model only its server knows that.
        never = one.kind == "reranker" and one.state == "made" and one.figures.get("withdrawn")
        if one.state != "refused" and not never and one.lineage.get("method") != TREES:
            trained.append(settings.data / (MODELS if one.kind == "llm" else CANDIDATES) / one.id)
    return [
        file.relative_to(settings.data).as_posix()
        for folder in sorted(trained)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]


def _elsewhere(settings: Settings) -> Iterator[str]:
    for name, pack in _declared(settings):
        if not pack.is_relative_to(settings.data):
            yield f"The pack of '{name}' is not in the backup: it lies elsewhere, in {pack}."


def _declared(settings: Settings) -> list[tuple[str, Path]]:
    return [(name, (settings.data / one.pack).resolve()) for name, one in settings.domains.items()]


def _unknown(manifest: Manifest, erasures: Erasures | None) -> Iterator[str]:
    since = erasures.until if erasures else manifest.taken_at
    yield (
        f"What was deleted after {since:%Y-%m-%d %H:%M} UTC is back, and documents may be read by "
        "whom they were then: run rag sync before you let people in."
    )
