"""What a model wrote is given again to the same question over the same passages, to no other."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from rag.app import App
from rag.errors import ModelCut
from rag.store.models import TraceRow
from rag.store.redacting import REMOVED
from rag.types import Answer, AskRequest, Principal
from tests.app.test_app import ANNA, BOB, open_app
from tests.app.test_trials import QUESTION, Stubs, run

ON = "cache_seconds = 3600\n"
EVE = Principal(id="eve")


async def ask(app: App, who: Principal = BOB, **asked: object) -> Answer:
    return await app.ask(who, AskRequest.model_validate({"question": QUESTION, **asked}))


def test_it_is_written_once_and_each_answer_has_its_trace(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        first, second = await ask(app), await ask(app)
        assert len(stubs["old"].requests) == 1
        assert (first.cached, second.cached) == (False, True)
        assert first.usage.cost > 0
        assert (second.usage.cost, second.usage.completion_tokens) == (0, 0)
        for name in ("answer", "citations", "claims", "support", "conflicts", "model"):
            assert getattr(second, name) == getattr(first, name)
        kept = await app.trace(BOB, second.trace_id)
        assert kept["route"]["cached"] == first.trace_id != second.trace_id
        assert (await ask(app, model="both")).model == "new", "another model writes its own"

    run(tmp_path, story, ON)


def test_a_stream_shows_it_like_any_other(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        await ask(app)
        seen = [one async for one in app.stream(BOB, AskRequest(question=QUESTION))]
        names = [one.event for one in seen]
        assert names == ["started", "hits", "citation", "token", "support", "answer"]
        assert len(stubs["old"].requests) == 1

    run(tmp_path, story, ON)


async def edited(app: App, root: Path) -> None:
    (root / "docs" / "pump.txt").write_text("The turbine pump TX-9 weighs 41 kg.")
    await app.sync(app.person(None))


async def joined(app: App, root: Path) -> None:
    (root / "docs" / "new.txt").write_text("The turbine pump TX-9 is painted blue.")
    await app.sync(app.person(None))


async def late(app: App, root: Path) -> None:
    with app._parts.ledger.database.write() as session:
        for row in session.query(TraceRow):
            row.ts -= timedelta(hours=2)


async def taken_out(app: App, root: Path) -> None:
    with app._parts.ledger.database.write() as session:
        session.execute(update(TraceRow).values(answer=REMOVED))


async def forgotten(app: App, root: Path) -> None:
    with app._parts.ledger.database.write() as session:
        session.query(TraceRow).delete()


@pytest.mark.parametrize("change", [edited, joined, late, taken_out, forgotten])
def test_what_has_changed_is_asked_anew(
    tmp_path: Path, change: Callable[[App, Path], Awaitable[None]]
) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        await ask(app)
        await change(app, tmp_path)
        assert not (await ask(app)).cached
        assert len(stubs["old"].requests) == 2

    run(tmp_path, story, ON)


def test_off_by_default(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        assert [(await ask(app)).cached for _ in range(2)] == [False, False]
        assert len(stubs["old"].requests) == 2

    run(tmp_path, story)


def test_it_crosses_to_nobody_of_other_groups(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        salary = "What is the salary of the director, and what does the turbine pump TX-9 weigh?"
        stubs["old"].text = ("The salary of the director is 9 crowns ", "[1].")
        first = await ask(app, ANNA, question=salary)
        assert "9 crowns" in first.answer
        stubs["old"].text = ("The turbine pump TX-9 weighs 40 kg ", "[1].")
        assert "9 crowns" not in (await ask(app, BOB, question=salary)).answer
        me = app.person(None)
        await app.change_group(me, "hr", "eve", belongs=True)
        assert (await ask(app, EVE, question=salary)).answer == first.answer
        await app.change_group(me, "hr", "eve", belongs=False)
        later = await ask(app, EVE, question=salary)
        assert "9 crowns" not in str(later.model_dump())

    run(tmp_path, story, ON)


@pytest.mark.parametrize("fault", ["500", "cut", "length"])
def test_what_was_not_written_as_planned_is_not_kept(tmp_path: Path, fault: str) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        stubs["new"].modes = [fault]
        with suppress(ModelCut):
            await ask(app, model="both")
        stubs["new"].modes = ["ok"]
        second = await ask(app, model="both")
        assert (second.cached, second.model) == (False, "new")

    run(tmp_path, story, ON)


def test_while_a_model_is_tried_each_answer_is_written(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        await ask(app)
        await app.trials.begin(ANNA, "new", "shadow", 1.0)
        assert not (await ask(app)).cached

    run(tmp_path, story, ON)


def test_what_was_removed_leaves_the_rest_as_it_was(tmp_path: Path) -> None:
    asyncio.run(open_app(tmp_path).aclose())
    pack = tmp_path / "pack" / "pack.toml"
    removing = 'unsupported = "remove"'
    pack.write_text(pack.read_text().replace('unsupported = "mark"', removing))
    assert removing in pack.read_text()

    async def story(app: App, stubs: Stubs) -> None:
        stubs["old"].text = (
            "The turbine pump TX-9 weighs 40 kg [1]. ",
            "Nobody has heard of Atlantis. ",
            "The flange of it is blue [1].",
        )
        first, second = await ask(app), await ask(app)
        assert (first.removed, second.cached) == (1, True)
        for name in ("answer", "citations", "claims", "removed"):
            assert getattr(second, name) == getattr(first, name), name

    run(tmp_path, story, ON)
