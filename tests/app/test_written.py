"""What is written is measured, and changed: by examples in the prompt and by a trained model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from rag.app import App, loras
from rag.errors import Conflict, InvalidInput
from rag.feedback import Correction, Verdict
from rag.learn.lora import Recipe, Trained
from rag.types import AskRequest, Principal
from tests.app.stages import CURATOR, agreed, let_through
from tests.app.test_app import ANNA, BOB, open_app
from tests.app.test_datasets import COLOUR, UP, WEIGHT, built, rated
from tests.app.test_loras import TRAINED
from tests.models.endpoint import Endpoint, endpoint

BETTER = "The flange has been blue since May [1]."
Stubs = dict[str, Endpoint]
Story = Callable[[App, Stubs], Awaitable[None]]


@pytest.fixture(autouse=True)
def everything_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which clusters are held out is by chance."""
    monkeypatch.setattr("rag.learn.remembering.HELD_OUT", 0.0)


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Story], None]:
    """Plays a story with two models, of which `old` answers by default."""

    def told(story: Story) -> None:
        async def whole(stubs: Stubs) -> None:
            await open_app(tmp_path).aclose()
            rag = tmp_path / "data" / "rag.toml"
            models = "".join(
                f'[models.{name}]\nprovider = "openai_like"\nmodel = "{name}"\nretries = 0\n'
                f'base_url = "{stub.url}"\noutput_training_policy = "allow"\n'
                for name, stub in stubs.items()
            )
            (tmp_path / "small.gguf").write_bytes(b"GGUF")
            base = f'[tuning.bases]\nsmall = "{tmp_path / "small.gguf"}"\n'
            rag.write_text(f'{rag.read_text()}{models}{base}[answer]\nmodel = "old"\n')
            async with agreed(open_app(tmp_path), tmp_path) as app:
                await story(app, stubs)

        with ExitStack() as stack:
            stubs = {name: stack.enter_context(endpoint("ok")) for name in ("old", "new")}
            for name, stub in stubs.items():
                stub.text = (f"The {name} pump ", "weighs 40 kg ", "[1].")
            asyncio.run(whole(stubs))

    return told


async def asked(app: App, who: Principal, question: str, **more: Any) -> Any:
    answer = await app.ask(who, AskRequest(question=question, **more))
    return answer, await app.trace(who, answer.trace_id)


def shown(stub: Endpoint) -> list[tuple[str, str]]:
    """The messages of the last request, but for the rules and the question."""
    return [(one["role"], one["content"]) for one in stub.requests[-1]["messages"][1:-1]]


def test_the_best_answers_are_shown_as_examples_and_no_longer_than_they_may_be(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        with pytest.raises(InvalidInput, match="No answer in"):
            await app.tuning.make(CURATOR, "prompt", None)
        correction = Verdict(value=-1, correction=Correction(text=BETTER))
        await rated(app, BOB, COLOUR, correction)
        await rated(app, BOB, WEIGHT, UP)
        # Anna may read what not everybody may, and her model was given it.
        await rated(app, ANNA, "What is the salary of the director?", UP)
        made = await app.tuning.make(CURATOR, "prompt", None)
        assert made.figures == {"questions": 3, "examples": 2, "corrections": 1}
        await asked(app, BOB, WEIGHT)
        assert shown(stubs["old"]) == []
        let_through(app, made)
        _, trace = await asked(app, BOB, WEIGHT)
        assert shown(stubs["old"])[:2] == [("user", COLOUR), ("assistant", BETTER)]
        assert [role for role, _ in shown(stubs["old"])] == ["user", "assistant"] * 2
        # What others said is in no trace: it would stay there when they are erased.
        assert trace["prompt_template_id"].endswith("+prompt-1")
        assert [one["role"] for one in trace["rendered_messages"]] == ["system", "user"]
        said = await app.tuning.measure(CURATOR, "prompt-1", None)
        assert said.report.outcome == "insufficient"
        await app.tuning.roll_back(CURATOR, None)
        await asked(app, BOB, WEIGHT)
        assert shown(stubs["old"]) == []
        await app.tuning.roll_back(CURATOR, None, to=1)
        # What is deleted, or no longer for everybody, is shown to nobody from the next question on.
        oil = "Which oil does the gearbox take?"
        (tmp_path / "docs" / "oil.txt").write_text("The gearbox takes the oil CLP 220.")
        await app.sync(ANNA)
        await asked(app, BOB, oil)
        assert len(shown(stubs["old"])) == 4
        (tmp_path / "docs" / "pump.txt").unlink()
        await app.sync(ANNA)
        await asked(app, BOB, oil)
        assert shown(stubs["old"]) == []
        assert len(app.tuning._sides._prompts.learned(made.id)) == 2
        await app.privacy.erase(CURATOR, BOB.id)
        assert app.tuning._sides._prompts.learned(made.id) == set()

    tell(story)


def test_a_trained_model_answers_while_its_release_is_live(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def train(*_: Any) -> Trained:
        return TRAINED

    monkeypatch.setattr(loras, "train", train)

    async def story(app: App, stubs: Stubs) -> None:
        await rated(app, BOB, WEIGHT, UP)
        await built(app)
        made = await app.tuning.train(CURATOR, Recipe(dataset="month@1", base="small"), None)
        with pytest.raises(Conflict, match="No model serves"):
            await app.tuning.measure(CURATOR, made.name, None)
        settings = app.settings.models["new"].model_copy(update={"candidate": made.id})
        app.settings.models["new"] = settings
        stubs["new"].text = ("The flange has been ", "blue ", "since May [1].")
        correction = Verdict(value=-1, correction=Correction(text=BETTER))
        answer, _ = await asked(app, ANNA, COLOUR)
        await app.rate(ANNA, answer.trace_id, correction)
        said = await app.tuning.measure(CURATOR, made.name, None)
        [later] = [one for one in said.asked if not one.held_out]
        assert (later.stratum, later.after) == ("novel", 1.0)
        assert later.before < 0.5
        assert {"latency", "cost", "answered", "support"} >= {*later.guards}
        let_through(app, made)
        answer, trace = await asked(app, BOB, WEIGHT)
        assert (answer.model, trace["lora_id"]) == ("new", made.id)
        answer, trace = await asked(app, BOB, WEIGHT, model="old")
        assert (answer.model, trace["lora_id"]) == ("old", None)
        with pytest.raises(Conflict, match="says which model answers"):
            await app.choose_model(ANNA, "old")
        await app.tuning.roll_back(CURATOR, None)
        assert (await asked(app, BOB, WEIGHT))[0].model == "old"

    tell(story)
