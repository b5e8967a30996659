"""What stories begin with: documents that were read, people who agreed, a gate that let it in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from rag.app import App
from rag.candidates import Candidate, GateReport, Judgement
from rag.feedback import Consent
from rag.types import Principal, Role
from tests.app.test_app import ANNA, BOB, add_documents

CURATOR = Principal(id="cora", roles=frozenset({Role.USER, Role.DATA}))
ALL = Consent(purposes=("training", "retrieval", "evaluation"), version=1)


@asynccontextmanager
async def agreed(app: App, root: Path) -> AsyncGenerator[App]:
    """The app whose documents were read, and two who agreed to everything; closed afterwards."""
    try:
        await add_documents(app, root)
        for who in (ANNA, BOB):
            await app.agree(who, ALL)
        yield app
    finally:
        async with asyncio.timeout(30):
            await app.aclose()


async def states(app: App) -> list[str]:
    """Of the generations of the index."""
    return sorted(one.state for one in await app.generations(ANNA))


async def promoted(app: App, made: Candidate) -> None:
    """Measured and promoted. What a gate asks for is tried elsewhere."""
    await passed(app, made)
    await app.tuning.promote(CURATOR, made.name, None)


async def passed(app: App, made: Candidate) -> Judgement:
    """What was measured of a candidate, which the gate let through whatever that was."""
    said = await app.tuning.measure(CURATOR, made.name, None)
    report = said.report.model_copy(update={"outcome": "passed"})
    app.tuning._kept.report(made.id, said.against, report, said.asked, CURATOR.id)
    return said


def let_through(app: App, made: Candidate) -> None:
    """Promoted without having been measured."""
    report = GateReport(
        outcome="passed", why="", conditions=(), strata={}, look=1, alpha=0.05, before=0, after=0
    )
    kept, releases = app.tuning._kept, app.tuning._releases
    live = releases.live(made.domain)
    against = live.number if live else 0
    said = kept.report(made.id, against, report, (), CURATOR.id)
    releases.promote(made.domain, against, made.id, said.id, CURATOR.id, "")
