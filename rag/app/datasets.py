"""Datasets: what people said of answers, made into rows that train and measure."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from rag.answer.context import assemble
from rag.app.accounts import Accounts
from rag.app.domains import Domains
from rag.app.parts import Parts
from rag.app.people import People
from rag.app.traces import Traces
from rag.datasets import Dataset, DatasetSpec, Difference, ExportManifest, Split, Task
from rag.domain import Pack
from rag.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from rag.learn.building import Builder, forget_unfinished
from rag.learn.built import MANIFEST, manifest_of
from rag.learn.clustering import Clusters, clusters
from rag.learn.comparing import Changes, Why, changed, compared
from rag.learn.exporting import Format, export, exporter, formats
from rag.learn.gathering import Answered, Passage
from rag.learn.previewing import Shown, ShownExport, begun, shown
from rag.learn.redaction import Redactor
from rag.learn.withdrawing import Origin, origin_of, unsound, without
from rag.redaction import Preview, RedactionRules, TooHard
from rag.store.datasets import Datasets as Kept
from rag.store.events import Events
from rag.store.redacting import REMOVED
from rag.types import Document, Hit, Message, Payload, Principal, Progress

EXPORTS = ".exports"
"""No domain has such a name."""
EVERYBODY = Principal(id="\x00")
"""May read what everybody may: nobody has this name."""
CHARACTERS_PER_TOKEN = 4


class Datasets:
    """The verbs of datasets."""

    def __init__(
        self, parts: Parts, domains: Domains, people: People, traces: Traces, accounts: Accounts
    ) -> None:
        self._parts = parts
        self._domains = domains
        self._people = people
        self._traces = traces
        self._accounts = accounts
        self._kept = Kept(parts.ledger.database, parts.ledger.now)
        self._events = Events(parts.ledger.database)
        self._folder = parts.settings.data / "datasets"

    async def build(
        self,
        principal: Principal,
        spec: DatasetSpec,
        domain: str | None,
        progress: Callable[[Progress], None],
    ) -> Dataset:
        """The version of these inputs as of now; equal rows are the version that was there.

        Raises Conflict while the same is being built, InvalidInput where nothing is to be replaced
        and the settings do not allow that, StorageFull.
        """
        pack = self._domains.get(domain).pack
        redactor = self._redactor(spec)
        who = await self._people.within(principal, domain)
        readers = [who, EVERYBODY] if spec.audience == "everyone" else [who]
        answers = _Answers(self._parts, self._traces, pack, readers)
        builder = self._builder(pack.name, answers, redactor, progress)
        made = await asyncio.to_thread(builder.build, spec, principal.id, self._parts.ledger.now())
        await self._accounts.wrote(
            principal, "build dataset", f"{made.name}@{made.number}", rows=made.rows
        )
        # What was deleted while it was built is not to stay.
        return await asyncio.to_thread(self._withdrawn, made) or made

    async def redaction(self, principal: Principal) -> RedactionRules:
        """What is replaced in every dataset."""
        finder = self._parts.finder
        optional = self._parts.settings.redaction.optional
        return RedactionRules(rev=finder.revision, kinds=finder.kinds, optional=optional)

    async def preview(self, principal: Principal, text: str) -> Preview:
        """A text as it would be in a dataset. Raises InvalidInput for one that would be in none."""
        scope = Redactor(self._parts.finder).scope("label")
        try:
            [left] = await asyncio.to_thread(scope.redacted, [("text", text)])
        except TooHard as error:
            raise InvalidInput("Looking through this text takes too long.") from error
        return Preview(text=left, replaced=scope.counts.get("text", {}))

    def _redactor(self, spec: DatasetSpec) -> Redactor | None:
        if spec.redaction == "default":
            return Redactor(self._parts.finder)
        if not self._parts.settings.redaction.optional:
            raise InvalidInput(
                "What is personal must be replaced in every dataset here.",
                hint="Whoever runs the server may set redaction.optional.",
            )
        return None

    async def list(self, principal: Principal, domain: str | None) -> list[Dataset]:
        """Every version of a domain, newest first."""
        return await asyncio.to_thread(self._kept.list, self._domains.get(domain).pack.name)

    async def get(self, principal: Principal, name: str, domain: str | None) -> Dataset:
        """`name` or `name@number`; the newest version without a number. Raises NotFound."""
        title, number = _named(name)
        return await asyncio.to_thread(
            self._kept.get, self._domains.get(domain).pack.name, title, number
        )

    async def folder(self, principal: Principal, name: str, domain: str | None) -> Path:
        """Where the files of a version are, if everything in it may still be read.

        Raises NotFound, Forbidden for what somebody else built of what they may read, Conflict for
        one that was or is now withdrawn, Unavailable where its files are gone.
        """
        found = await self.get(principal, name, domain)
        said = f"{found.name}@{found.number}"
        if found.spec.audience == "mine" and found.created_by != principal.id:
            raise Forbidden(
                f"'{said}' is made of what {found.created_by} may read.",
                hint="Build one of what everybody may read, or of what you may.",
            )
        rest = None
        if found.state == "kept":
            rest = await asyncio.to_thread(self._withdrawn, found)
        if found.state != "kept" or rest is not None:
            raise Conflict(
                f"'{said}' is withdrawn: something in it was deleted, or may not be read any more.",
                hint=f"'{rest.name}@{rest.number}' has the rest."
                if rest
                else "See: rag dataset list.",
            )
        path = self._builder(found.domain).path(found.version)
        if not (path / MANIFEST).exists():
            raise Unavailable(f"The files of '{said}' are gone.", hint="Build it again.")
        return path

    async def sweep(self) -> int:
        """Withdraw every version with something in it that is no more, or may not be read; the
        rest of each is its next version. Returns how many there were."""
        return await asyncio.to_thread(self._sweep)

    def _sweep(self) -> int:
        count = sum(self._withdrawn(one) is not None for one in self._kept.kept())
        if not forget_unfinished(self._folder):
            # What a build has just written is listed a moment later.
            return count
        kept = {one.version[:16] for one in self._kept.kept()}
        for folder in self._folder.glob("*/*"):
            # A name of 16 digits is a version's; what is being written has another.
            if len(folder.name) == 16 and folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)
        return count

    def _withdrawn(self, found: Dataset) -> Dataset | None:
        """What is left of a version that may not stay; None where it may."""
        folder = self._builder(found.domain).path(found.version)
        if not (folder / MANIFEST).exists():
            return None
        bad = unsound(folder, partial(self._unsound, found))
        if not bad:
            return None
        builder = self._builder(found.domain)
        manifest = without(folder, bad, builder.path)
        rest = self._kept.replace(found.version, manifest["version"], manifest)
        shutil.rmtree(folder)
        shutil.rmtree(self._folder / EXPORTS / found.version[:16], ignore_errors=True)
        return rest

    def _unsound(self, found: Dataset, origins: Sequence[Origin]) -> set[str]:
        traces, events = self._kept.lost(
            {one for origin in origins for one in origin.traces},
            {one for origin in origins for one in origin.events},
        )
        of = {one for origin in origins for one in origin.documents}
        reader = EVERYBODY
        if found.spec.audience == "mine":
            try:
                reader = self._people.now(Principal(id=found.created_by), found.domain)
            except (NotFound, Forbidden):
                # Whoever it was made for may read nothing there any more.
                reader = EVERYBODY
        readable = self._parts.ledger.readable(reader, found.domain, of)
        return {
            origin.row
            for origin in origins
            if origin.traces & traces or origin.events & events or origin.documents - readable
        }

    async def diff(
        self, principal: Principal, one: str, other: str, domain: str | None
    ) -> Difference:
        """What became of the rows from one version to another."""
        paths = [await self.folder(principal, name, domain) for name in (one, other)]
        return await asyncio.to_thread(compared, one, paths[0], other, paths[1])

    async def changes(
        self, principal: Principal, one: str, other: str, domain: str | None
    ) -> Changes:
        """Which rows came, went or changed from one version to another, and why."""
        paths = [await self.folder(principal, name, domain) for name in (one, other)]
        before, after = [await self.get(principal, name, domain) for name in (one, other)]
        was, now = before.spec.model_dump(), after.spec.model_dump()
        filter = sorted(
            name for name in was.keys() - {"name", "description", "license"}
            if was[name] != now[name]
        )  # fmt: skip
        return await asyncio.to_thread(
            changed,
            f"{before.name}@{before.number}",
            paths[0],
            f"{after.name}@{after.number}",
            paths[1],
            filter=filter,
            since=before.created_at.isoformat(),
            gone=partial(self._gone, after),
        )

    def _gone(self, after: Dataset, left: Sequence[Mapping[str, Any]]) -> dict[str, Why]:
        """Why rows that were there before are not in a later version."""
        origins = [origin_of(one) for one in left]
        states = self._kept.reviewed({event for one in origins for event in one.events})
        lost = self._unsound(after, origins)
        found: dict[str, Why] = {}
        for one in origins:
            if {*one.events} - states.keys():
                found[one.row] = "erased"
            elif one.row in lost:
                found[one.row] = "unreadable"
            elif any(states[event] not in after.spec.review for event in one.events):
                found[one.row] = "review"
        return found

    async def clusters(
        self, principal: Principal, name: str, limit: int, domain: str | None
    ) -> Clusters:
        """Questions that ask much the same, with the splits that their rows are in."""
        folder = await self.folder(principal, name, domain)
        return await asyncio.to_thread(clusters, folder, limit)

    async def rows(
        self,
        principal: Principal,
        name: str,
        task: Task,
        split: Split,
        limit: int,
        after: str = "",
        domain: str | None = None,
    ) -> list[Shown]:
        """Rows of a version as they are written, by name, each with why it is there."""
        folder = await self.folder(principal, name, domain)
        return await asyncio.to_thread(shown, folder, task, split, limit, after)

    async def begun(
        self, principal: Principal, name: str, format: str, limit: int, domain: str | None
    ) -> ShownExport:
        """The first lines of a version in a format, and what that leaves out. See `export`."""
        _, to = await self.written(principal, name, format, domain)
        return await asyncio.to_thread(begun, to, limit)

    async def export(
        self, principal: Principal, name: str, format: str, domain: str | None
    ) -> tuple[ExportManifest, Path]:
        """A version in a consumer's format, and where its files are; made once, then kept.

        Raises InvalidInput for an unknown format, NotFound, StorageFull.
        """
        found, to = await self.written(principal, name, format, domain)
        manifest = ExportManifest.model_validate(await asyncio.to_thread(manifest_of, to))
        await self._accounts.wrote(
            principal, "export dataset", f"{found.name}@{found.number}", format=format
        )
        return manifest, to

    async def written(
        self, principal: Principal, name: str, format: str, domain: str | None
    ) -> tuple[Dataset, Path]:
        """A version, and where it is in a format; without one, as it was built. Raises as
        `export`."""
        found = await self.get(principal, name, domain)
        folder = await self.folder(principal, f"{found.name}@{found.number}", domain)
        if not format:
            return found, folder
        to = self._folder / EXPORTS / found.version[:16] / format
        await asyncio.to_thread(self._exported, folder, format, to)
        return found, to

    async def formats(self, principal: Principal) -> list[Format]:
        """What datasets can be exported in."""
        return await asyncio.to_thread(formats)

    @staticmethod
    def _exported(folder: Path, format: str, to: Path) -> None:
        exporter(format)
        # Where it is there already it was made before, whole.
        with suppress(Conflict):
            export(folder, format, to)

    def _builder(
        self,
        domain: str,
        answers: _Answers | None = None,
        redactor: Redactor | None = None,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Builder:
        return Builder(
            self._kept,
            self._events,
            self._folder,
            domain=domain,
            read=answers or (lambda _: {}),
            redactor=redactor,
            progress=progress,
        )


class _Answers:
    """Reads answers as far as all of these may read them now."""

    def __init__(
        self, parts: Parts, traces: Traces, pack: Pack, readers: Sequence[Principal]
    ) -> None:
        self._traces = traces
        self._ledger = parts.ledger
        self._blobs = parts.blobs
        self._sealed = parts.traces.sealed
        self._pack = pack
        self._readers = readers
        self._kept = Kept(parts.ledger.database, parts.ledger.now)
        self._documents: dict[str, Document | None] = {}

    def __call__(self, trace_ids: Sequence[str]) -> Mapping[str, Answered]:
        found = self._traces.readable(self._readers, self._pack.name, trace_ids)
        clusters = self._kept.cluster_of([one["id"] for one in found])
        versions = {
            (hit["doc_id"], hit["doc_version"])
            for trace in found
            for hit in trace["hits"]
            if not hit.get("removed")
        }
        digests = self._ledger.texts(versions)
        return {
            trace["id"]: self._answered(trace, clusters.get(trace["id"], ""), digests)
            for trace in found
        }

    def _answered(
        self,
        trace: Mapping[str, Any],
        cluster: str,
        digests: Mapping[tuple[str, int], str],
    ) -> Answered:
        passages: dict[str, Passage] = {}
        for hit in trace["hits"]:
            document = self._document(digests.get((hit["doc_id"], hit["doc_version"])))
            if not hit.get("removed") and document is not None:
                start, end = hit["span"]
                passages[hit["chunk_id"]] = Passage(
                    title=document.title,
                    headings=_headings(document, start),
                    text=document.text[start:end],
                )
        given = bool(trace["rendered_messages"])
        prompt = _as_given(trace) if given else self._rendered(trace, passages, digests)
        return Answered(
            trace=trace,
            cluster=cluster or trace["id"],
            passages={key: one for key, one in passages.items() if one.text.strip()},
            prompt=prompt,
            facts={
                "asked_at": trace["ts"].isoformat(),
                "question": trace["query_raw"],
                "standalone": trace["query_standalone"],
                "language": trace["lang"],
                "model": trace["model"],
                "output_training_policy": trace["output_training_policy"],
                "prompt": {
                    "template": trace["prompt_template_id"],
                    "sha256": trace["prompt_sha"],
                    "as_given": given,
                },
                "generation": trace["index_snapshot_id"],
                "asker": trace["actor_pseudonym"],
                "acl_hash": self._sealed(trace["acl_hash"]),
                "consent": trace["consent"],
                "documents": [
                    {
                        "id": hit["doc_id"],
                        "version": hit["doc_version"],
                        "chunk": hit["chunk_id"],
                        "in_context": hit["in_context"],
                        "cited": hit["cited"],
                        "text_sha256": digests.get((hit["doc_id"], hit["doc_version"]), ""),
                    }
                    for hit in trace["hits"]
                    if not hit.get("removed")
                ],
            },
        )

    def _rendered(
        self,
        trace: Mapping[str, Any],
        passages: Mapping[str, Passage],
        digests: Mapping[tuple[str, int], str],
    ) -> Sequence[Message]:
        """The prompt that a model would be given: for an answer that was quoted without one."""
        hits: list[Hit] = []
        for hit in trace["hits"]:
            passage = passages.get(hit["chunk_id"])
            # It was quoted without a prompt: what may not be told is as if it had not been found.
            if passage is None or not hit["in_context"]:
                continue
            document = self._document(digests[hit["doc_id"], hit["doc_version"]])
            assert document is not None
            start, end = hit["context_span"]
            hits.append(_hit(hit, passage, document.text[start:end]))
        if not hits:
            return ()
        messages, _ = assemble(
            self._pack,
            trace["query_standalone"],
            hits,
            (),
            lambda text: len(text) // CHARACTERS_PER_TOKEN,
            self._pack.answer.context_tokens,
        )
        return messages

    def _document(self, digest: str | None) -> Document | None:
        """None where it is kept no more."""
        if digest is None:
            return None
        if digest not in self._documents:
            if len(self._documents) >= 64:
                self._documents.pop(next(iter(self._documents)))
            try:
                self._documents[digest] = self._blobs.get_document(digest)
            except (NotFound, Unavailable):
                self._documents[digest] = None
        return self._documents[digest]


def _as_given(trace: Mapping[str, Any]) -> Sequence[Message]:
    """What the model was given; nothing where a word of it may not be told."""
    messages = trace["rendered_messages"]
    if any(one["content"] == REMOVED for one in messages):
        return ()
    return [Message(role=one["role"], content=one["content"]) for one in messages]


def _headings(document: Document, start: int) -> tuple[str, ...]:
    for block in document.blocks:
        if block.start <= start < block.end:
            return block.headings
    return ()


def _hit(hit: Mapping[str, Any], passage: Passage, context: str) -> Hit:
    start, end = hit["span"]
    payload = Payload.model_construct(
        chunk_id=hit["chunk_id"],
        document_id=hit["doc_id"],
        version=hit["doc_version"],
        title=passage.title,
        headings=passage.headings,
        text=passage.text,
        start=start,
        end=end,
    )
    return Hit.model_construct(
        rank=hit["rank_shown"],
        score=0.0,
        payload=payload,
        scores=(),
        context=context,
        context_start=hit["context_span"][0],
    )


def _named(name: str) -> tuple[str, int | None]:
    title, _, number = name.partition("@")
    if number and not number.isdecimal():
        raise NotFound(f"There is no dataset '{name}'.", hint="See: rag dataset list.")
    return title, int(number) if number else None
