"""A backup: what a data folder keeps, but for what can be made again, as plain files in a folder.

`tables/` has a file per table, `blobs/` the kept files, `data/` the few others of the data folder
and every version of a dataset, `manifest.json` the digest of everything. The manifest is written
last and whole: a folder without one is what an interrupted backup left, never taken for more. The
database is read as of one moment; kept files never change and are not collected meanwhile, so syncs
and questions go on.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from rag.errors import Conflict, NotFound, RagError, StorageFull, Unavailable
from rag.store.blobs import Blobs
from rag.store.database import Database, newest_schema, revision
from rag.store.erasures import Erasure, unknown_to
from rag.store.ledger import cited
from rag.store.tables import rows_of, tables
from rag.store.traces import KEY_NAME
from rag.store.vault import KEY_FILE
from rag.types import Data, Progress

MANIFEST = "manifest.json"
ERASURES = "erasures.json"
CONFIGURATION = "rag.toml"
DATASETS = "datasets"
PIECE = 1 << 20
FORMAT = 1
OnProgress = Callable[[Progress], None]


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _below(path: str) -> str:
    """A path that leads nowhere else, whoever wrote it."""
    if not path or path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path!r} is no path below a folder")
    return path


Below = Annotated[str, AfterValidator(_below)]


class Table(Data):
    rows: int
    sha256: str


class Manifest(Data):
    """What a whole backup has, by digest."""

    format: int
    ratchet: str
    """the version that made it"""
    revision: str
    """the schema of its tables"""
    taken_at: datetime
    tables: Mapping[str, Table]
    blobs: tuple[Sha256, ...]
    damaged: tuple[str, ...]
    """kept files that were damaged or missing already when it was made"""
    files: Mapping[Below, str]
    """of the data folder: configuration, keys, packs, datasets"""
    credentials: int
    """sources and models whose credentials are in it, encrypted"""

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


class Erasures(Data):
    """What was deleted since a backup was made, as known at a time."""

    until: datetime
    erasures: tuple[Erasure, ...]


class Backup:
    """One backup's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = Blobs(folder / "blobs")

    # --- making one ---

    def make(
        self,
        database: Database,
        data: Path,
        *,
        ratchet: str,
        now: datetime,
        keys: bool,
        files: Sequence[str] = (),
        progress: OnProgress,
    ) -> Manifest:
        """Write everything, and the manifest last.

        `keys`: with those of the stored credentials. `files`: others below `data`, by their paths.

        Raises Conflict where the folder is not empty or the schema is of another Ratchet,
        StorageFull.
        """
        kept = Blobs(data / "blobs")
        with _told(self.folder), kept.undisturbed():
            self._begin()
            with database.snapshot() as connection:
                schema = revision(connection)
                if schema is None:
                    raise NotFound("Nothing is kept in the database yet.")
                if schema != newest_schema():
                    raise Conflict(
                        f"The database has the schema {schema}, this Ratchet {newest_schema()}.",
                        hint="Back up with the Ratchet that it was used with last.",
                    )
                written = {
                    one.name: self._table(one.name, one.lines(connection))
                    for one in tables(connection)
                }
                needed = sorted(cited(connection))
            damaged: list[str] = []
            for done, digest in enumerate(needed, 1):
                try:
                    content = kept.get(digest)
                except (NotFound, Unavailable, OSError):
                    # A backup of the rest is worth more than none.
                    damaged.append(digest)
                else:
                    self.blobs.put(content)
                progress(Progress(phase="backup", done=done, total=len(needed), final=True))
            names = (KEY_NAME, CONFIGURATION, *([KEY_FILE] if keys else []), *files)
            manifest = Manifest(
                format=FORMAT,
                ratchet=ratchet,
                revision=schema,
                taken_at=now,
                tables=written,
                blobs=tuple(one for one in needed if one not in set(damaged)),
                damaged=tuple(damaged),
                files={
                    **{name: self._file(data, name) for name in names if (data / name).is_file()},
                    **self._datasets(data),
                },
                credentials=self._credentials(written),
            )
            # Names of files, too, are on the disk before the manifest says that they are.
            os.sync()
            self._seal(MANIFEST, manifest)
        return manifest

    def refresh(self, database: Database, now: datetime) -> Erasures:
        """List beside the backup what was deleted since, for whoever restores it."""
        self.manifest()
        with self.lines("erasures") as lines:
            known = {str(row["id"]) for row in rows_of(lines, "id")}
        with database.snapshot() as connection:
            found = Erasures(until=now, erasures=tuple(unknown_to(connection, known)))
        with _told(self.folder):
            self._seal(ERASURES, found)
        return found

    def _begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(self.folder.iterdir()):
            raise Conflict(
                f"The folder {self.folder} is not empty.",
                hint="Name a new one; what an interrupted backup left can be deleted.",
            )
        # What is in a backup is for nobody but its owner.
        self.folder.chmod(0o700)
        (self.folder / "tables").mkdir()

    def _table(self, name: str, lines: Iterable[bytes]) -> Table:
        digest, count = hashlib.sha256(), -1
        with (self.folder / "tables" / f"{name}.jsonl").open("xb") as file:
            for line in lines:
                file.write(line)
                digest.update(line)
                count += 1
            file.flush()
            os.fsync(file.fileno())
        return Table(rows=count, sha256=digest.hexdigest())

    def file(self, name: str) -> Path:
        """Where a file of the data folder is in here."""
        return self.folder / "data" / name

    def _file(self, data: Path, name: str) -> str:
        self.file(name).parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.file(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file, (data / name).open("rb") as found:
            shutil.copyfileobj(found, file, PIECE)
            file.flush()
            os.fsync(file.fileno())
        return _digest_of(self.file(name))

    def _datasets(self, data: Path) -> dict[str, str]:
        """Every version that is there, whole: what is withdrawn meanwhile is in no backup.

        Exports are made again when they are asked for.
        """
        found: dict[str, str] = {}
        for manifest in sorted((data / DATASETS).glob(f"[!.]*/[!.]*/{MANIFEST}")):
            version = manifest.parent.relative_to(data).as_posix()
            try:
                names = [*json.loads(manifest.read_bytes())["files"], MANIFEST]
                found |= {
                    name: self._file(data, name) for name in (f"{version}/{n}" for n in names)
                }
            except FileNotFoundError:
                shutil.rmtree(self.file(version), ignore_errors=True)
                found = {name: of for name, of in found.items() if not name.startswith(version)}
        return found

    def _credentials(self, written: Collection[str]) -> int:
        count = 0
        for table, column in (("sources", "secrets"), ("model_keys", "sealed")):
            if table in written:
                with self.lines(table) as lines:
                    count += sum(1 for row in rows_of(lines, column) if row[column])
        return count

    def _seal(self, name: str, content: Data) -> None:
        """Write it with its own digest, all of it or nothing."""
        body = content.model_dump(mode="json")
        whole = {**body, "sha256": _digest(body)}
        draft = self.folder / f".{name}"
        _write(draft, json.dumps(whole, indent=1).encode())
        draft.replace(self.folder / name)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    # --- reading one ---

    def manifest(self) -> Manifest:
        """Raises NotFound for what is no backup, or no whole one; Unavailable for a damaged one."""
        if not (self.folder / MANIFEST).is_file():
            raise NotFound(
                f"{self.folder} is no whole backup: it has no {MANIFEST}.",
                hint="An interrupted backup leaves such a folder; take another.",
            )
        found = self._sealed(MANIFEST)
        if found.get("format") != FORMAT:
            raise Conflict(
                f"{self.folder} is a backup of another format ({found.get('format')}).",
                hint="Restore it with the Ratchet that made it.",
            )
        return _valid(Manifest, found, self.folder / MANIFEST)

    def erasures(self) -> Erasures | None:
        """What `refresh` listed last; None where it never did."""
        if not (self.folder / ERASURES).exists():
            return None
        return _valid(Erasures, self._sealed(ERASURES), self.folder / ERASURES)

    def check(self, manifest: Manifest, progress: OnProgress) -> None:
        """Read all of it. Raises Unavailable naming what is missing or not as it was written."""
        bad: list[str] = []
        for name, table in manifest.tables.items():
            digest = hashlib.sha256()
            try:
                with self.lines(name) as lines:
                    for line in lines:
                        digest.update(line)
            except OSError:
                bad.append(f"tables/{name}.jsonl")
                continue
            if digest.hexdigest() != table.sha256:
                bad.append(f"tables/{name}.jsonl")
        for name, sha256 in manifest.files.items():
            path = self.file(name)
            if not path.is_file() or _digest_of(path) != sha256:
                bad.append(f"data/{name}")
        for done, digest in enumerate(manifest.blobs, 1):
            if not self.blobs.intact(digest):
                bad.append(f"blobs/{digest[:2]}/{digest}")
            progress(Progress(phase="check", done=done, total=len(manifest.blobs), final=True))
        if bad:
            more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
            raise Unavailable(
                f"The backup {self.folder} is damaged: {', '.join(bad[:5])}{more}.",
                hint="Restore another; nothing was changed.",
            )

    @contextmanager
    def lines(self, table: str) -> Generator[Iterable[bytes]]:
        """The lines of a table, as rag.store.tables writes them."""
        with (self.folder / "tables" / f"{table}.jsonl").open("rb") as file:
            yield file

    def _sealed(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            found: dict[str, Any] = json.loads(path.read_bytes())
            sha256 = found.pop("sha256")
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            raise _damaged(path) from error
        if sha256 != _digest(found):
            raise _damaged(path)
        return found


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _valid(kind: type[Any], found: Mapping[str, Any], path: Path) -> Any:
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        raise Unavailable(
            f"{path} says what this Ratchet does not know.",
            hint="Restore it with a Ratchet as new as the one that wrote it.",
        ) from error


def _damaged(path: Path) -> Unavailable:
    return Unavailable(f"{path} is damaged.", hint="Restore another backup.")


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _told(folder: Path) -> Generator[None]:
    """What the disk refuses, in our words."""
    try:
        yield
    except RagError:
        raise
    except OSError as error:
        told = f"Cannot write under {folder}: {error.strerror}."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(told, hint="Free some space on that disk.") from error
        raise Unavailable(told, hint="See whether that folder can be written.") from error
