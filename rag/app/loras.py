"""Candidates that are language models: LoRAs, trained on a dataset version and served elsewhere."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from rag.app.datasets import Datasets
from rag.app.domains import Domain
from rag.app.housekeeping import SYSTEM
from rag.app.parts import Parts
from rag.candidates import Candidate
from rag.errors import Conflict, InvalidInput, did_you_mean
from rag.learn.built import MANIFEST, appearing
from rag.learn.lora import FOLDER, FORMATS, Base, Recipe, base_at, digest_of, folder_of, train
from rag.learn.withdrawing import traces_of
from rag.retrieve.levers import Levers
from rag.store.candidates import Candidates
from rag.store.datasets import Datasets as Versions
from rag.types import Principal, Progress


class Loras:
    """Trains them, and keeps what a server needs under the candidate's id."""

    def __init__(self, parts: Parts, datasets: Datasets) -> None:
        self._settings = parts.settings
        self._datasets = datasets
        self._audit = parts.audit
        self._kept = Candidates(parts.ledger.database, parts.ledger.now)
        self._versions = Versions(parts.ledger.database, parts.ledger.now)
        self._folder = parts.settings.data / FOLDER

    bound_to: tuple[str, ...] = ()

    async def make(
        self, principal: Principal, domain: Domain, progress: Callable[[Progress], None]
    ) -> Candidate:
        """Raises InvalidInput: it takes to be told on what, and what is trained."""
        raise InvalidInput(
            "A language model is trained on a version of a dataset.",
            hint="Run: rag tune llm --dataset NAME@VERSION --base BASE.",
        )

    async def put(self, levers: Levers, candidate: Candidate, domain: Domain) -> Levers:
        """As they are: which model answers is told where models are chosen."""
        return levers

    async def write(self, candidate: Candidate) -> None:
        """Nothing: what a model has learned cannot be taken out of it."""

    def learned(self, candidate: Candidate) -> set[str]:
        """The answers that it was trained on, by trace. Raises Conflict for one whose dataset
        version is withdrawn."""
        version = candidate.lineage["dataset_version"]
        folder = self._settings.data / "datasets" / candidate.domain / version[:16]
        if not (folder / MANIFEST).exists():
            raise Conflict(
                f"What '{candidate.name}' learned from is withdrawn.",
                hint="Train again on the version that has the rest.",
            )
        return traces_of(folder)

    async def train(
        self,
        principal: Principal,
        recipe: Recipe,
        domain: Domain,
        progress: Callable[[Progress], None],
    ) -> Candidate:
        """A LoRA trained on what a dataset version's export lets train: nothing else is read.

        Killed on the way, nothing of it is listed. Raises NotFound, Forbidden, Conflict as an
        export does, and Conflict while another one is trained; InvalidInput for a base that is not
        declared or rows that could not be learned from whole.
        """
        base = self._base(recipe.base)
        name = domain.pack.name
        dataset = await self._datasets.get(principal, recipe.dataset, name)
        said = f"{dataset.name}@{dataset.number}"
        format = FORMATS[recipe.method]
        manifest, export = await self._datasets.export(principal, said, format, name)
        id = str(uuid4())
        with alone(self._folder):
            digest = await asyncio.to_thread(digest_of, base)
            with appearing(folder_of(self._settings.data, id)) as out:
                data = self._settings.data
                trained = await train(recipe, base, export, manifest, out, data, progress)
        lineage = {
            "as_of": (manifest.as_of or dataset.created_at).isoformat(),
            "dataset": said,
            "dataset_version": dataset.version,
            "format": format,
            "base": recipe.base,
            "base_sha256": digest,
            "recipe": recipe.model_dump(exclude={"dataset", "base"}),
            "versions": dict(trained.versions),
        }
        figures = trained.model_dump(mode="json", exclude={"versions"})
        return await asyncio.to_thread(
            self._kept.add, id, name, "llm", lineage, figures, principal.id
        )

    async def sweep(self) -> int:
        """Remove what a killed training left, and note each model that learned from a dataset
        version which is withdrawn by now. Returns how many are noted for the first time."""
        tainted = await asyncio.to_thread(self._swept)
        for domain, name in tainted:
            # What was learned cannot be taken out of it: somebody has to decide.
            await asyncio.to_thread(
                self._audit.write, SYSTEM, "model learned what is erased", name, domain=domain
            )
        return len(tainted)

    def tainted(self) -> list[str]:
        """The models that learned from a dataset version which is withdrawn by now."""
        known = self._kept.of_kind("llm")
        return [f"{one.domain}/{one.name}" for one in known if one.figures.get("withdrawn")]

    def _swept(self) -> list[tuple[str, str]]:
        if self._folder.exists():
            # What is being trained is listed a moment later.
            with suppress(Conflict), alone(self._folder):
                self._clear({one.id for one in self._kept.of_kind("llm")})
        stand = {one.version for one in self._versions.kept()}
        told: list[tuple[str, str]] = []
        for one in self._kept.of_kind("llm"):
            held = one.lineage["dataset_version"] not in stand
            if held and not one.figures.get("withdrawn"):
                self._kept.note(one.id, {"withdrawn": True})
                told.append((one.domain, one.name))
        return told

    def _clear(self, known: set[str]) -> None:
        for folder in self._folder.glob("*/"):
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def _base(self, name: str) -> Base:
        bases = self._settings.tuning.bases
        if name not in bases:
            raise InvalidInput(
                f"No base is called '{name}'.",
                hint=did_you_mean(name, [*bases]) or "Declare it: tuning.bases in rag.toml.",
            )
        return base_at(self._settings.data / bases[name].expanduser())


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """One training at a time, by a lock in `folder`: two would share the same cores or GPU."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict("Another model is being trained.", hint="Wait for it.") from error
        yield
    finally:
        os.close(handle)
