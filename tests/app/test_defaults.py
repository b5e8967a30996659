"""Which model answers by default: chosen by an admin, held against the pack's floor."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from rag.app import App
from rag.errors import Conflict, InvalidInput, NotFound
from rag.types import AskRequest
from tests.app.test_app import ANNA, BOB, add_documents, open_app
from tests.learn.test_conformance import CASES, well
from tests.models.endpoint import endpoint

QUESTION = "How much does the turbine pump TX-9 weigh?"


def answers(body):
    known = any(case.question in body["messages"][-1]["content"] for case in CASES)
    return well(body) if known else ["It weighs ", "40 kg [1]."]


def clumsy(body):
    return ["It weighs 40 kg."]


def run(root: Path, story, floor: float = 0.8) -> None:
    async def told() -> None:
        with ExitStack() as stack:
            stubs = {name: stack.enter_context(endpoint()) for name in ("good", "poor")}
            stubs["good"].text, stubs["poor"].text = answers, clumsy
            await open_app(root).aclose()
            pack = root / "pack" / "pack.toml"
            said = pack.read_text()
            pack.write_text(said.replace("[answer]", f"[answer]\nmodel_floor = {floor}", 1))
            rag = root / "data" / "rag.toml"
            models = "".join(
                f'[models.{name}]\nprovider = "openai_like"\nmodel = "{name}"\n'
                f'base_url = "{stub.url}"\ninput_price = 1\noutput_price = 1\n'
                for name, stub in stubs.items()
            )
            routes = '[routes.both]\ncandidates = ["good", "poor"]\n[answer]\nmodel = "good"\n'
            rag.write_text(rag.read_text() + models + routes)
            app = open_app(root)
            try:
                await add_documents(app, root)
                await story(app, stubs)
            finally:
                await app.aclose()

    asyncio.run(told())


async def answering(app: App) -> str:
    return (await app.ask(BOB, AskRequest(question=QUESTION))).model


def test_a_model_below_the_floor_answers_only_when_somebody_says_why(tmp_path: Path) -> None:
    async def story(app: App, stubs) -> None:
        assert await answering(app) == "extractive", "configured, but nobody has tried it"
        with pytest.raises(Conflict, match=r"has no score card.*models conform good"):
            await app.choose_model(ANNA, "good")
        card = await app.conform(ANNA, "good")
        assert card.score == 1
        assert await answering(app) == "good", "what is configured has earned it"
        poor = await app.conform(ANNA, "poor")
        assert poor.score < 0.8
        assert [one.model for one in await app.score_cards(ANNA)] == ["poor", "good"]
        for name in ("poor", "both"):
            with pytest.raises(Conflict, match=r"asks for 0.8"):
                await app.choose_model(ANNA, name)
            with pytest.raises(Conflict):
                await app.choose_model(ANNA, name, override="  ")
        assert await answering(app) == "good"
        await app.choose_model(ANNA, "poor", override="a trial until Friday")
        assert await answering(app) == "poor"
        await app.choose_model(ANNA, "good")
        assert await answering(app) == "good"
        found = await app.model_choices(ANNA)
        assert [(one.model, one.override, one.chosen_by) for one in found] == [
            ("good", "", "anna"), ("poor", "a trial until Friday", "anna"),
        ]  # fmt: skip
        spent = {one.name: one.answers for one in (await app.model_costs(ANNA, "person")).totals}
        assert spent["anna"] == 2, "trying a model costs too"

    run(tmp_path, story)


def test_below_the_floor_a_model_is_tried_on_people_only_when_somebody_says_why(
    tmp_path: Path,
) -> None:
    async def story(app: App, stubs) -> None:
        await app.conform(ANNA, "good")
        with pytest.raises(Conflict, match=r"has no score card"):
            await app.trials.begin(ANNA, "poor", "canary", 1.0)
        shadow = await app.trials.begin(ANNA, "poor", "shadow", 1.0)
        assert shadow.trial is not None
        assert (shadow.model, shadow.trial.score) == ("", None)
        await app.trials.begin(ANNA, "poor", "canary", 1.0, override="a trial until Friday")
        assert await answering(app) == "poor"
        await app.trials.stop(ANNA)
        assert await answering(app) == "good"
        await app.choose_model(ANNA, "extractive")
        await app.trials.begin(ANNA, "good", "canary", 1.0)
        assert await answering(app) == "good"
        app._models._made.clear()
        other = app.settings.models["good"].model_copy(update={"model": "another"})
        app.settings.models["good"] = other
        assert await answering(app) == "extractive", "what is behind the name has earned nothing"

    run(tmp_path, story)


def test_another_model_behind_the_same_name_has_earned_nothing(tmp_path: Path) -> None:
    async def story(app: App, stubs) -> None:
        await app.conform(ANNA, "good")
        assert await answering(app) == "good"
        app._models._made.clear()
        other = app.settings.models["good"].model_copy(update={"model": "another"})
        app.settings.models["good"] = other
        assert await answering(app) == "extractive"

    run(tmp_path, story)


def test_without_a_floor_any_model_or_route_is_chosen(tmp_path: Path) -> None:
    async def story(app: App, stubs) -> None:
        assert await answering(app) == "good"
        for name in ("poor", "extractive", "both"):
            await app.choose_model(ANNA, name)
            assert await answering(app) == {"both": "good"}.get(name, name)
        with pytest.raises(NotFound):
            await app.choose_model(ANNA, "none")
        with pytest.raises(InvalidInput):
            await app.choose_model(ANNA, "good", override="x" * 1_001)

    run(tmp_path, story, floor=0.0)


def test_a_choice_that_is_declared_no_more_leaves_it_to_the_configuration(tmp_path: Path) -> None:
    async def story(app: App, stubs) -> None:
        await app.choose_model(ANNA, "poor")
        del app.settings.models["poor"]
        assert await answering(app) == "good"

    run(tmp_path, story, floor=0.0)
