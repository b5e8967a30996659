"""The routes of long work on datasets: built, or taken in by who reads them, by a worker."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request

from rag.api.datasets import NewDataset, Version
from rag.api.once import Once
from rag.api.policy import Data
from rag.api.routes import EVENTS, RESPONSES, Domain, Id
from rag.api.state import Server
from rag.api.streams import event_stream
from rag.api.strict import StrictRoute
from rag.datasets import DatasetSpec, ToVerify, Verification
from rag.types import Data as Body
from rag.types import Run

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, responses=RESPONSES)


class DatasetRunList(Body):
    runs: list[Run]


class Verifications(Body):
    """What consumers said of a version, newest first."""

    verifications: list[Verification]
    runs: list[Run]
    """Those that are under way, or came to no word of a consumer: their error says why."""


@router.post("/dataset-builds", status_code=202)
async def start_build(body: NewDataset, who: Data, server: Server, once: Once) -> Run:
    """Ask for a dataset as of when it begins; a worker builds it, after a restart too. 409 while
    the same is being built."""
    spec = DatasetSpec.model_validate(body.model_dump(exclude={"domain"}))
    return await once.made(
        who,
        lambda: server.app.dataset_runs.build(who, spec, body.domain),
        lambda run: run.id,
        lambda run_id: server.app.dataset_runs.run(who, run_id, body.domain),
    )


@router.get("/dataset-builds")
async def builds(who: Data, server: Server, domain: Domain = None) -> DatasetRunList:
    """The latest builds that were asked for, newest first."""
    return DatasetRunList(runs=await server.app.dataset_runs.builds(who, domain))


@router.post("/datasets/{name}/verifications", status_code=202)
async def start_verification(
    name: Version, body: ToVerify, who: Data, server: Server, once: Once, domain: Domain = None
) -> Run:
    """Have the library that reads a format take in every row of it; a worker sees to it, in an
    environment that is made when first wanted. 409 while that goes on."""
    return await once.made(
        who,
        lambda: server.app.dataset_runs.verify(who, name, body, domain),
        lambda run: run.id,
        lambda run_id: server.app.dataset_runs.run(who, run_id, domain),
    )


@router.get("/datasets/{name}/verifications")
async def verifications(
    name: Version, who: Data, server: Server, domain: Domain = None
) -> Verifications:
    """What consumers said of a version, and what goes on."""
    said, runs = await server.app.dataset_runs.verifications(who, name, domain)
    return Verifications(verifications=said, runs=runs)


@router.get("/dataset-runs/{run_id}")
async def dataset_run(run_id: Id, who: Data, server: Server, domain: Domain = None) -> Run:
    """One of these runs with its progress, and its report or error when it has ended."""
    return await server.app.dataset_runs.run(who, run_id, domain)


@router.get("/dataset-runs/{run_id}/events", response_model=Run, responses=EVENTS)
async def dataset_run_events(
    request: Request, run_id: Id, who: Data, server: Server, domain: Domain = None
) -> Any:
    """Events as of any run."""

    async def events() -> AsyncGenerator[tuple[str, Any]]:
        async for found in server.app.dataset_runs.follow(who, run_id, domain):
            yield "result" if found.ended else "progress", found

    return await event_stream(request, events())


@router.post("/dataset-runs/{run_id}/cancel")
async def cancel_dataset_run(run_id: Id, who: Data, server: Server, domain: Domain = None) -> Run:
    """Stop one of these runs; a build can be gone on with. May be said again, after the end too."""
    return await server.app.dataset_runs.cancel(who, run_id, domain)
