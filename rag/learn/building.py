"""Building a dataset: a folder of rows that are equal for equal inputs, whole or not at all.

What is gathered is in a file of the build; only the finished folder gets the dataset's name. Killed
on the way, the next build with the same specification goes on with what was gathered.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from rag.datasets import Dataset, DatasetSpec, line
from rag.errors import Conflict
from rag.learn.gathering import Answered, Gathering
from rag.learn.redaction import Redactor
from rag.learn.rowing import rows
from rag.learn.splitting import divide
from rag.learn.writing import write_dataset
from rag.redaction import Redaction
from rag.store.datasets import Datasets
from rag.store.events import Event, Events
from rag.store.opinions import Opinions
from rag.types import Progress

WORK = ".building"
REVISION = 2
"""Of how rows are made; another one makes another version of equal inputs."""
AT_ONCE = 200
"""Answers that are read, and kept in the build's file, together."""
Read = Callable[[Sequence[str]], Mapping[str, Answered]]
"""The answers of these traces, as far as whoever builds may use them; others are left out."""


class Builder:
    """Builds the datasets of one domain into a folder of its own."""

    def __init__(
        self,
        datasets: Datasets,
        events: Events,
        folder: Path,
        *,
        domain: str,
        read: Read,
        redactor: Redactor | None = None,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._datasets = datasets
        self._events = events
        self._folder = folder
        self._domain = domain
        self._read = read
        self._redactor = redactor
        self._redaction_rev = redactor.revision if redactor else ""
        self._progress = progress

    def build(self, spec: DatasetSpec, by: str, now: datetime) -> Dataset:
        """The version of these inputs; one that is there already is given again.

        Of everything that was acknowledged by `now`, or when a build that was cut off began.
        Raises Conflict while the same is being built, StorageFull, Unavailable.
        """
        with self._begun(spec) as work:
            opinions = Opinions(work / "gathered.db")
            try:
                as_of = self._moment(opinions, now)
                self._gather(opinions, spec, as_of)
                manifest = self._sum_up(opinions, spec, as_of)
                self._write(opinions, manifest)
                splits = opinions.clusters.splits()
                made = self._datasets.add(
                    self._domain, manifest["version"], spec, manifest, splits, by
                )
            finally:
                opinions.close()
            # The version is listed: whatever is left lying here is swept later.
            shutil.rmtree(work, ignore_errors=True)
            return made

    def path(self, version: str) -> Path:
        return self._folder / self._domain / version[:16]

    @contextmanager
    def _begun(self, spec: DatasetSpec) -> Generator[Path]:
        """The folder of a build, which nobody else has."""
        said = f"{self._domain} {self._redaction_rev} {line(spec.model_dump(mode='json'))}"
        digest = hashlib.sha256(said.encode())
        work = self._folder / WORK / digest.hexdigest()[:16]
        work.mkdir(parents=True, exist_ok=True)
        handle = os.open(work.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict(
                    f"The dataset '{spec.name}' is being built already.", hint="Wait for it."
                ) from error
            # Whoever had it before may just have ended, and taken the folder away.
            work.mkdir(parents=True, exist_ok=True)
            yield work
        finally:
            os.close(handle)

    def _moment(self, opinions: Opinions, now: datetime) -> datetime:
        """Of when everything is told: the build's beginning, also if it was cut off since."""
        begun = opinions.noted("as_of")
        if begun:
            return datetime.fromisoformat(begun)
        as_of = self._events.moment(now)
        opinions.note("as_of", as_of.isoformat())
        return as_of

    def _gather(self, opinions: Opinions, spec: DatasetSpec, as_of: datetime) -> None:
        if opinions.noted("gathered"):
            return
        gathering = Gathering(
            opinions, spec, lambda trace: self._read([trace]).get(trace), self._redactor
        )
        said = self._events.by_trace(self._domain, as_of, spec, opinions.noted("after"))
        done = int(opinions.noted("answers") or 0)
        for some in _batched(said):
            answers = self._read([trace_id for trace_id, _ in some])
            with opinions.gathering(some[-1][0]):
                for trace_id, events in some:
                    if trace_id in answers:
                        gathering.add(answers[trace_id], events)
                    else:
                        opinions.omit("", "withheld", len(events))
            done += len(some)
            opinions.note("answers", str(done))
            self._progress(Progress(phase="gather", done=done))
        opinions.note("gathered", "yes")

    def _sum_up(self, opinions: Opinions, spec: DatasetSpec, as_of: datetime) -> dict[str, Any]:
        """Rows into the build's file; what is to be told of them."""
        capped = opinions.settle(spec.per_rater)
        together = chain(self._datasets.links(self._domain, as_of), opinions.shared())
        look = partial(self._datasets.known, self._domain)
        opinions.divide(
            lambda clusters: divide(
                clusters, look, together, test=spec.test_share, validation=spec.validation_share
            )
        )
        opinions.restart()
        if capped:
            opinions.omit("", "over_rater_cap", capped, later=True)
        opinions.write(rows(opinions, spec, self._redaction_rev))
        people, against = opinions.raters()
        content = hashlib.sha256()
        for task, split, name in opinions.names():
            content.update(f"{task} {split} {name}\n".encode())
        languages = opinions.languages()
        said = spec.model_dump(mode="json")
        told = {
            "domain": self._domain,
            "name": spec.name,
            "description": spec.description,
            "license": spec.license,
            "audience": spec.audience,
            "spec": said,
            "exporter_rev": REVISION,
            "redaction": self._redacted(opinions).model_dump(mode="json"),
            "rows": opinions.counts(),
            "omitted": opinions.omissions(),
            "languages": sorted(languages),
            "answers_by_language": languages,
            "answers": int(opinions.noted("answers") or 0),
            "people": {"count": people, "mostly_against_others": against},
            "agreement": opinions.agreement(),
            "leakage": opinions.clusters.told(),
        }
        # Also of what is not in it: whoever looks at a version is told of the inputs it is made of.
        content.update(line(told).encode())
        return {"format": 1, "version": content.hexdigest(), **told}

    def _redacted(self, opinions: Opinions) -> Redaction:
        if self._redactor is None:
            return Redaction(rev="")
        return self._redactor.summed(opinions.replaced())

    def _write(self, opinions: Opinions, manifest: dict[str, Any]) -> None:
        write_dataset(
            self.path(manifest["version"]), manifest, opinions.lines, opinions.provenances
        )


def forget_unfinished(folder: Path) -> bool:
    """Delete what builds that were cut off had gathered, which may be of what was erased since.

    Returns whether nothing is being built now: that is left alone, and looked at when it ends.
    """
    idle = True
    for lock in (folder / WORK).glob("*.lock"):
        handle = os.open(lock, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        except BlockingIOError:
            idle = False
        finally:
            os.close(handle)
    return idle


def _batched(
    said: Iterator[tuple[str, list[Event]]],
) -> Iterator[list[tuple[str, list[Event]]]]:
    some: list[tuple[str, list[Event]]] = []
    for one in said:
        some.append(one)
        if len(some) == AT_ONCE:
            yield some
            some = []
    if some:
        yield some
