"""From a dataset's folder to a folder that one consumer reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from rag import plugins
from rag.datasets import (
    SPLITS,
    Consumer,
    ExportManifest,
    Kept,
    Row,
    Source,
    Split,
    Task,
)
from rag.errors import ConfigError, InvalidInput, did_you_mean
from rag.learn import cards
from rag.learn.built import CROISSANT, MANIFEST, README, Built, appearing, listed
from rag.learn.preflight.verifying import consumers
from rag.protocols import Exporter
from rag.types import Data

EXPORTERS = "rag.exporters"


class Format(Data):
    """A format that datasets can be exported in; a broken plug-in says why it cannot be used."""

    name: str
    about: str = ""
    tasks: tuple[Task, ...] = ()
    trains: bool = False
    consumers: tuple[Consumer, ...] = ()
    """Who can take it in here: see `rag dataset verify`."""
    problem: str = ""


def formats() -> list[Format]:
    """Every installed format, by name."""
    found: list[Format] = []
    for name in plugins.names(EXPORTERS):
        try:
            one = exporter(name)
        except ConfigError as error:
            found.append(Format(name=name, problem=str(error)))
            continue
        found.append(
            Format(
                name=name,
                about=one.about,
                tasks=one.tasks,
                trains=one.trains,
                consumers=consumers(name),
            )
        )
    return found


def exporter(name: str) -> Exporter:
    """The exporter of a format. Raises InvalidInput for an unknown one, ConfigError if broken."""
    known = plugins.names(EXPORTERS)
    if name not in known:
        raise InvalidInput(f"There is no format '{name}'.", hint=did_you_mean(name, known))
    return cast(Exporter, plugins.load(EXPORTERS, name)())


def export(dataset: Path, name: str, to: Path) -> ExportManifest:
    """Write a dataset in a format into a new folder, and return that folder's manifest.

    The folder is there whole or not at all. Equal datasets give equal bytes. Rows of the split
    `test` never reach a format that trains. Raises InvalidInput for an unknown format, NotFound
    or Unavailable where the dataset is absent or was changed, Conflict where `to` is there
    already, StorageFull.
    """
    one = exporter(name)
    source = Built(dataset)
    counted = _Counted(source)
    splits: list[Split] = [split for split in SPLITS if not (one.trains and split == "test")]
    with appearing(to) as folder:
        done = one.export(
            {task: {split: counted.rows(task, split) for split in splits} for task in one.tasks},
            folder,
        )
        manifest = ExportManifest(
            exporter=name,
            source=Source(
                name=source.manifest.name,
                version=source.manifest.version,
                domain=source.manifest.domain,
            ),
            as_of=source.manifest.as_of,
            description=source.manifest.description,
            license=source.manifest.license,
            languages=source.manifest.languages,
            redaction=source.manifest.redaction,
            rows=counted.kept(done.left_out),
            tables=done.tables,
            files=listed(folder),
        )
        (folder / README).write_text(cards.of_export(manifest, one.about), encoding="utf-8")
        (folder / CROISSANT).write_text(cards.croissant_of_export(manifest), encoding="utf-8")
        manifest = manifest.model_copy(update={"files": listed(folder)})
        written = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=1)
        (folder / MANIFEST).write_text(written + "\n", encoding="utf-8")
    return manifest


class _Counted:
    """Hands out a dataset's rows and counts them."""

    def __init__(self, source: Built) -> None:
        self._source = source
        self._read: dict[Task, dict[Split, int]] = {}

    def rows(self, task: Task, split: Split) -> Iterator[Row]:
        self._read.setdefault(task, {})[split] = 0
        return self._count(task, split)

    def _count(self, task: Task, split: Split) -> Iterator[Row]:
        for row in self._source.rows(task, split):
            self._read[task][split] += 1
            yield row

    def kept(
        self, left_out: Mapping[Task, Mapping[Split, Mapping[str, int]]]
    ) -> dict[Task, dict[Split, Kept]]:
        """How many of the rows an exporter kept that left these out."""
        kept: dict[Task, dict[Split, Kept]] = {}
        for task, splits in self._read.items():
            for split, read in splits.items():
                why = left_out.get(task, {}).get(split, {})
                one = Kept(read=read, kept=read - sum(why.values()), left_out=why)
                kept.setdefault(task, {})[split] = one
        return kept
