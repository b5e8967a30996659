"""The routes of the data team: reviews of feedback, and the datasets that are built of it."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path as Folder
from tempfile import TemporaryFile
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from rag.api.pages import Cursor, Limit, page
from rag.api.policy import Data
from rag.api.routes import EVENTS, RESPONSES, Domain, Name, with_progress
from rag.api.state import Server
from rag.api.strict import StrictRoute
from rag.app.beside import Made
from rag.app.curation import ToReview
from rag.datasets import Dataset, DatasetSpec, Difference, ExportManifest, ReviewState, Split, Task
from rag.learn.clustering import Clusters
from rag.learn.comparing import Changes
from rag.learn.exporting import Format
from rag.learn.previewing import Shown, ShownExport
from rag.redaction import Preview, RedactionRules
from rag.store.flags import FlagKind
from rag.store.inbox import Wanted
from rag.types import Data as Body
from rag.types import Progress

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)
NAME = r"^[a-z0-9][a-z0-9_-]{0,63}(@[1-9][0-9]{0,8})?$"
Version = Annotated[
    str, Path(pattern=NAME, description="A dataset's name: its newest version, or `name@number`.")
]
FORMAT = r"^[a-z0-9][a-z0-9_-]{0,63}$"
FormatName = Annotated[str, Path(pattern=FORMAT, description="A format's name.")]
READ_AT_ONCE = 1 << 20


class NewDataset(DatasetSpec):
    """What to build a dataset of."""

    domain: Name | None = None


class Datasets(Body):
    datasets: list[Dataset]


class NewExport(Body):
    format: str = Field(pattern=FORMAT)


class ToPreview(Body):
    text: str = Field(max_length=20_000)


class Rows(Body):
    rows: list[Shown]
    next: str | None = None
    """The cursor of the next page; null after the last."""


class Formats(Body):
    formats: list[Format]


class Inbox(Body):
    verdicts: list[ToReview]
    next: str | None = None
    """The cursor of the next page; null after the last."""


class Reviewed(Body):
    """What becomes of verdicts."""

    feedback_ids: list[Annotated[str, Field(min_length=1, max_length=36)]] = Field(
        min_length=1, max_length=1_000
    )
    state: ReviewState
    note: str = Field(default="", max_length=2_000)
    domain: Name | None = None


class Assigned(Body):
    """Who is to review what was said of these answers; an empty name is nobody."""

    trace_ids: list[Annotated[str, Field(min_length=1, max_length=36)]] = Field(
        min_length=1, max_length=1_000
    )
    reviewer: str = Field(max_length=200)
    domain: Name | None = None


class Reviewers(Body):
    reviewers: list[str]
    me: str
    """Which of them asks."""


class Changed(Body):
    changed: int
    """How many were in another state before."""


@router.get("/feedback/reviews")
async def inbox(
    who: Data,
    server: Server,
    state: Annotated[ReviewState | None, Query()] = None,
    good: Annotated[bool | None, Query(description="Only those above 0, or only below.")] = None,
    corrected: Annotated[bool, Query(description="Only with a correction.")] = False,
    missing: Annotated[bool, Query(description="Only that a document was missing.")] = False,
    flag: Annotated[FlagKind | None, Query(description="Only what looks odd like that.")] = None,
    unit: Annotated[
        str, Query(max_length=140, description="Only on what is disputed under that name.")
    ] = "",
    trace: Annotated[str, Query(max_length=36, description="Only on that answer.")] = "",
    cluster: Annotated[
        str, Query(max_length=36, description="Only on answers to questions of that gap.")
    ] = "",
    id: Annotated[
        list[Annotated[str, Query(max_length=36)]] | None,
        Query(max_length=100, description="Only these."),
    ] = None,
    mine: Annotated[bool, Query(description="Only what whoever asks is to review.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
    domain: Domain = None,
) -> Inbox:
    """What people said of answers, newest first, and what reviewers made of it."""
    wanted = Wanted(
        state=state,
        good=good,
        corrected=corrected,
        missing=missing,
        flag=flag,
        unit=unit,
        trace=trace,
        cluster=cluster,
        ids=tuple(id or ()),
        reviewer=who.id if mine else "",
    )
    found = await server.app.curation.inbox(who, wanted, limit + 1, cursor, domain)
    shown, more = page(found, limit, lambda one: one.feedback.id)
    return Inbox(verdicts=shown, next=more)


@router.put("/feedback/reviews")
async def review(body: Reviewed, who: Data, server: Server) -> Changed:
    """Accept verdicts, set them aside, reject them, or leave them to be reviewed: all or none."""
    changed = await server.app.curation.review(
        who, body.feedback_ids, body.state, body.note, body.domain
    )
    return Changed(changed=changed)


@router.put("/feedback/assignments", status_code=204, response_class=Response)
async def assign(body: Assigned, who: Data, server: Server) -> None:
    """Let somebody of the data team review what was said of these answers: all or none."""
    await server.app.curation.assign(who, body.trace_ids, body.reviewer, body.domain)


@router.get("/feedback/reviewers")
async def reviewers(who: Data, server: Server, domain: Domain = None) -> Reviewers:
    """Who reviews feedback."""
    return Reviewers(reviewers=await server.app.curation.reviewers(who), me=who.id)


@router.get("/feedback/answers/{trace_id}")
async def answer(
    trace_id: Annotated[str, Path(min_length=1, max_length=36)],
    who: Data,
    server: Server,
    domain: Domain = None,
) -> Made:
    """What made an answer that somebody judged: question, passages as ranked, model, prompt."""
    return await server.app.curation.made(who, trace_id)


@router.post("/datasets", response_model=Dataset, responses=EVENTS)
async def build(request: Request, body: NewDataset, who: Data, server: Server) -> Any:
    """Build a dataset as of now; equal rows are the version that was there. One that was cut off
    goes on where it was. 409 while the same is being built. Events as of a sync."""
    spec = DatasetSpec.model_validate(body.model_dump(exclude={"domain"}))

    async def work(progress: Callable[[Progress], None]) -> Dataset:
        return await server.app.datasets.build(who, spec, body.domain, progress)

    return await with_progress(request, work)


@router.get("/datasets")
async def datasets(who: Data, server: Server, domain: Domain = None) -> Datasets:
    """Every version, newest first."""
    return Datasets(datasets=await server.app.datasets.list(who, domain))


@router.get("/datasets/{name}")
async def dataset(name: Version, who: Data, server: Server, domain: Domain = None) -> Dataset:
    """One version with its manifest: what is in it, what is not and why."""
    return await server.app.datasets.get(who, name, domain)


@router.get("/datasets/{name}/diff")
async def diff(
    name: Version,
    who: Data,
    server: Server,
    before: Annotated[str, Query(pattern=NAME, description="The version to compare with.")],
    domain: Domain = None,
) -> Difference:
    """What became of the rows from another version to this one."""
    return await server.app.datasets.diff(who, before, name, domain)


@router.get("/datasets/{name}/rows")
async def rows(
    name: Version,
    who: Data,
    server: Server,
    task: Task,
    split: Split,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    cursor: Annotated[str, Query(pattern=r"^[0-9a-f]{0,64}$")] = "",
    domain: Domain = None,
) -> Rows:
    """Rows of a version, exactly as they are written, each with why it is there."""
    found = await server.app.datasets.rows(who, name, task, split, limit + 1, cursor, domain)
    some, more = page(found, limit, lambda one: one.row)
    return Rows(rows=some, next=more)


@router.get("/datasets/{name}/preview")
async def export_preview(
    name: Version,
    format: Annotated[str, Query(pattern=FORMAT)],
    who: Data,
    server: Server,
    limit: Annotated[int, Query(ge=1, le=20)] = 3,
    domain: Domain = None,
) -> ShownExport:
    """The first lines of every file that an export would have, and what that format leaves out."""
    return await server.app.datasets.begun(who, name, format, limit, domain)


@router.get("/datasets/{name}/changes")
async def changes(
    name: Version,
    who: Data,
    server: Server,
    before: Annotated[str, Query(pattern=NAME, description="The version to compare with.")],
    domain: Domain = None,
) -> Changes:
    """Which rows came, went or changed from another version to this one, and why."""
    return await server.app.datasets.changes(who, before, name, domain)


@router.get("/datasets/{name}/clusters")
async def clusters(
    name: Version,
    who: Data,
    server: Server,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    domain: Domain = None,
) -> Clusters:
    """Questions that ask much the same, in which split they are, and whether any is in two: that
    would be a leak."""
    return await server.app.datasets.clusters(who, name, limit, domain)


@router.get(
    "/datasets/{name}/files",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}}},
)
async def files(
    name: Version, who: Data, server: Server, domain: Domain = None
) -> StreamingResponse:
    """The files of a version, as one archive."""
    folder = await server.app.datasets.folder(who, name, domain)
    packed = await asyncio.to_thread(_packed, folder)
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return StreamingResponse(packed, media_type="application/zip", headers=headers)


@router.get("/redaction")
async def redaction(who: Data, server: Server) -> RedactionRules:
    """What is replaced in datasets before anything of them is written."""
    return await server.app.datasets.redaction(who)


@router.post("/redaction/preview")
async def preview(body: ToPreview, who: Data, server: Server) -> Preview:
    """A text as it would be in a dataset. Nothing of it is kept."""
    return await server.app.datasets.preview(who, body.text)


@router.get("/dataset-formats")
async def dataset_formats(who: Data, server: Server) -> Formats:
    """What datasets can be exported in, and who reads each."""
    return Formats(formats=await server.app.datasets.formats(who))


@router.post("/datasets/{name}/exports")
async def export(
    name: Version, body: NewExport, who: Data, server: Server, domain: Domain = None
) -> ExportManifest:
    """Write a version in a consumer's format; 200 with what it could not hold and why."""
    manifest, _ = await server.app.datasets.export(who, name, body.format, domain)
    return manifest


@router.get(
    "/datasets/{name}/exports/{format}",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}}},
)
async def export_files(
    name: Version, format: FormatName, who: Data, server: Server, domain: Domain = None
) -> StreamingResponse:
    """The files of a version in a consumer's format, as one archive."""
    _, folder = await server.app.datasets.export(who, name, format, domain)
    packed = await asyncio.to_thread(_packed, folder)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{format}.zip"'}
    return StreamingResponse(packed, media_type="application/zip", headers=headers)


def _packed(folder: Folder) -> Iterator[bytes]:
    """An archive of a folder; equal folders give equal bytes."""
    file = TemporaryFile()  # noqa: SIM115 - open until the last piece is sent
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(str(path.relative_to(folder)))
                entry.compress_type = zipfile.ZIP_DEFLATED
                with path.open("rb") as source, archive.open(entry, "w") as target:
                    while data := source.read(READ_AT_ONCE):
                        target.write(data)
    file.seek(0)

    def pieces() -> Iterator[bytes]:
        with file:
            while data := file.read(READ_AT_ONCE):
                yield data

    return pieces()
