"""Settings and wordings are searched for by what is answered, measured by it, and answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rag.app import App
from rag.app.explaining import ExplainRequest
from rag.app.measuring import Question, Searched
from rag.candidates import Candidate
from rag.domain import RetrievalKnobs, load_pack
from rag.errors import Conflict, InvalidInput, ModelError
from rag.feedback import Correction, OfChunk, Verdict
from rag.learn import racing
from rag.learn.configuring import Best, Listed
from rag.learn.evaluation import in_calibration_half
from rag.learn.measuring import Wanted
from rag.retrieve.levers import Levers
from rag.types import Progress, SearchRequest
from tests.app.stages import CURATOR, agreed, let_through
from tests.app.test_app import ANNA, BOB, open_app
from tests.app.test_datasets import COLOUR, WEIGHT
from tests.app.test_written import asked
from tests.models.endpoint import Endpoint, endpoint

Story = Callable[[App, Endpoint], Awaitable[None]]
WHOLE = ("The pump weighs ", "40 kg ", "[1].")
VAGUE = ("The pump is ", "heavy ", "[1].")


def evals(count: int) -> str:
    """Of as many groups, so that about a half may be fitted to."""
    cases = "".join(
        f"  - {{id: w{n}, group: w{n}, kind: single, question: '{WEIGHT}', as_user: bob,\n"
        '     documents: [pump.txt], facts: [["40 kg"]]}\n'
        for n in range(count)
    )
    return f"cases:\n{cases}"


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.learn.remembering.HELD_OUT", 0.0)
    monkeypatch.setattr("rag.app.configurations.ENOUGH_ANSWERS", 4)
    monkeypatch.setattr(racing, "ENOUGH", 4)
    monkeypatch.setattr(racing, "FIRST", 3)


@pytest.fixture
def tell(tmp_path: Path) -> Callable[..., None]:
    """Plays a story with a model that answers in full where it is told to be brief."""

    def told(story: Story, *, quoting: bool = False) -> None:
        async def whole(stub: Endpoint) -> None:
            await open_app(tmp_path).aclose()
            rag, pack = tmp_path / "data" / "rag.toml", tmp_path / "pack"
            prompt = (pack / "prompts" / "answer.md").read_text()
            (pack / "prompts" / "answer.brief.md").write_text(f"Be brief.\n{prompt}")
            (pack / "evals.yaml").write_text(evals(16))
            model = (
                f'[models.one]\nprovider = "openai_like"\nmodel = "one"\nretries = 0\n'
                f'base_url = "{stub.url}"\noutput_training_policy = "allow"\n'
                "input_price = 1.0\noutput_price = 1.0\n"
            )
            default = "" if quoting else '[answer]\nmodel = "one"\ncache_seconds = 3600\n'
            rag.write_text(f"{rag.read_text()}{model}{default}")
            async with agreed(open_app(tmp_path), tmp_path) as app:
                await story(app, stub)

        with endpoint("ok") as stub:
            stub.text = lambda body: WHOLE if "Be brief" in _system(body) else VAGUE
            asyncio.run(whole(stub))

    return told


def _system(body: Any) -> str:
    return str(body["messages"][0]["content"])


def test_a_wording_is_found_measured_and_answers_until_it_is_taken_back(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        steps: list[Progress] = []
        made = await app.tuning.make(CURATOR, "configuration", None, steps.append, answers=True)
        assert made.lineage["changes"] == {"wording": ["answer", "answer.brief"]}
        assert (made.figures["before"], made.figures["after"]) == (0.0, 1.0)
        fitted = sum(map(in_calibration_half, load_pack(tmp_path / "pack").evals()))
        assert made.figures["questions"] == fitted
        assert (steps[-1].phase, steps[-1].done, steps[-1].total) == ("race", fitted, fitted)
        assert "of 10 minutes, " in steps[-1].document
        # It is measured by what is written, on the other half and on what was corrected since.
        answer, before = await asked(app, BOB, WEIGHT)
        correction = Verdict(value=-1, correction=Correction(text="The pump weighs 40 kg [1]."))
        await app.rate(BOB, answer.trace_id, correction)
        said = await app.tuning.measure(CURATOR, made.name, None)
        [later] = [one for one in said.asked if not one.held_out]
        assert later.before < later.after == 1.0
        assert len(said.asked) == 1 + 16 - fitted
        let_through(app, made)
        written, after = await asked(app, BOB, WEIGHT)
        assert "40 kg" in written.answer
        # What was written with other words is not given again.
        assert not written.cached
        assert (before["prompt_template_id"], after["prompt_template_id"]) == (
            "test/answer",
            "test/answer.brief",
        )
        assert before["prompt_sha"] != after["prompt_sha"]
        assert before["cache_key"] != after["cache_key"]
        again, _ = await asked(app, BOB, WEIGHT)
        assert again.cached
        await app.tuning.roll_back(CURATOR, None)
        _, back = await asked(app, BOB, COLOUR)
        assert back["prompt_sha"] == before["prompt_sha"]

    tell(story)


@pytest.mark.parametrize("edited", [False, True])
def test_a_wording_that_the_pack_has_no_more_is_put_aside(
    tell: Callable[[Story], None], tmp_path: Path, edited: bool
) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        made = await app.tuning.make(CURATOR, "configuration", None, answers=True)
        let_through(app, made)
        wording = tmp_path / "pack" / "prompts" / "answer.brief.md"
        # What was never measured answers nobody.
        wording.write_text(f"{wording.read_text()} Mind!") if edited else wording.unlink()
        # As after a restart.
        app._domains._loaded.clear()
        _, trace = await asked(app, BOB, WEIGHT)
        assert trace["prompt_template_id"] == "test/answer"
        with pytest.raises(Conflict, match=r"'answer\.brief' as the pack does not have it"):
            await app.tuning.measure(CURATOR, made.name, None)
        with pytest.raises(Conflict):
            await app.candidate_trials.begin(CURATOR, made.name, 0.1, None)

    tell(story)


def test_settings_of_a_quoted_answer_are_searched_without_a_model(
    tell: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        writing = app.tuning._configurations._writing
        worth = writing.worth
        seen: set[str] = set()

        async def shallow(*given: Any) -> float:
            await worth(*given)
            levers = given[-1].levers
            seen.add(levers.applied(app.pack(None)).prompts["answer"].name)
            return 1.0 if levers.knobs and levers.knobs.limit == 3 else 0.5

        monkeypatch.setattr(writing, "worth", shallow)
        made = await app.tuning.make(CURATOR, "configuration", None, answers=True)
        assert made.lineage["changes"] == {"limit": [10, 3]}
        assert seen == {"answer"}
        assert stub.requests == []
        assert (await app.tuning.measure(CURATOR, made.name, None)).report.why
        for name in ("tx-10", "tx-11", "tx-12", "tx-13"):
            (tmp_path / "docs" / f"{name}.txt").write_text(f"The turbine pump {name} weighs 50 kg.")
        await app.sync(ANNA)
        let_through(app, made)
        _, trace = await asked(app, BOB, WEIGHT)
        assert len(trace["hits"]) == 3
        explained = await app.explain(ANNA, ExplainRequest(query=WEIGHT))
        assert explained.knobs.limit == 3
        assert len((await app.search(ANNA, SearchRequest(query=WEIGHT))).hits) > 3

    tell(story, quoting=True)


def test_a_later_candidate_does_not_undo_an_earlier_one(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        first = await app.tuning.make(CURATOR, "configuration", None, answers=True)
        monkeypatch.setattr("rag.app.configurations.ENOUGH", 1)
        began: list[RetrievalKnobs] = []

        def chosen(questions: list[Listed], in_use: RetrievalKnobs) -> Best:
            began.append(in_use)
            return Best({"fusion": "rrf", "rrf_k": 10, "candidates": 50}, 0.5, 0.6)

        monkeypatch.setattr("rag.app.configurations.searched", chosen)
        beside = await app.tuning.make(CURATOR, "configuration", None)
        let_through(app, first)
        # What it was searched from answers no more: it would undo what the wording gained.
        with pytest.raises(Conflict, match="Other settings are live"):
            await app.tuning.measure(CURATOR, beside.name, None)
        second = await app.tuning.make(CURATOR, "configuration", None)
        assert second.lineage["changes"] == {"fusion": ["dbsf", "rrf"], "rrf_k": [60, 10]}
        assert second.lineage["wording"] == "answer.brief"
        # It changes the search: what is found tells.
        assert not second.written
        said = await app.tuning.measure(CURATOR, second.name, None)
        assert said.asked
        # Nobody paid for what only the pack asks.
        assert not any("cost" in one.guards for one in said.asked)
        let_through(app, second)
        _, trace = await asked(app, BOB, WEIGHT)
        assert trace["prompt_template_id"] == "test/answer.brief"
        assert (await app.explain(ANNA, ExplainRequest(query=WEIGHT))).knobs.fusion == "rrf"
        await app.tuning.make(CURATOR, "configuration", None)
        assert [(one.fusion, one.rrf_k) for one in began] == [
            ("dbsf", 60),
            ("dbsf", 60),
            ("rrf", 10),
        ]
        await app.tuning.roll_back(CURATOR, None)
        _, trace = await asked(app, BOB, WEIGHT)
        assert trace["prompt_template_id"] == "test/answer.brief"

    tell(story)


def test_what_a_model_reads_more_or_less_of_is_what_a_search_costs(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        monkeypatch.setattr("rag.app.configurations.ENOUGH", 1)
        limits = iter((1, 10))
        monkeypatch.setattr(
            "rag.app.configurations.searched", lambda *_: Best({"limit": next(limits)}, 0.5, 0.6)
        )
        few = await app.tuning.make(CURATOR, "configuration", None)
        less, more = await costs(app, few, COLOUR)
        assert 0 < less < more
        # And the other way round, where the few are what is live.
        let_through(app, few)
        many = await app.tuning.make(CURATOR, "configuration", None)
        more, less = await costs(app, many, WEIGHT)
        assert 0 < less < more

    async def costs(app: App, made: Candidate, question: str) -> tuple[float, float]:
        """With the candidate, and what was paid for the answer."""
        answer, trace = await asked(app, ANNA, question)
        said = Verdict(target=OfChunk(chunk_id=trace["hits"][0]["chunk_id"]), value=1)
        await app.rate(ANNA, answer.trace_id, said)
        measured = await app.tuning.measure(CURATOR, made.name, None)
        assert "cost" in {one.name for one in measured.report.conditions}
        [one] = [each for each in measured.asked if each.id == answer.trace_id]
        before, after = one.guards["cost"]
        assert before == trace["cost"]
        return after, before

    tell(story)


def test_a_search_is_not_better_for_giving_more(tell: Callable[[Story], None]) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        found = (await app.search(ANNA, SearchRequest(query=WEIGHT))).hits
        second = next(one.payload for one in found if one.payload.title != found[0].payload.title)
        domain = app._domains.get(None)
        generation = await app._generations.answering(domain)
        question = Question(
            *("q", WEIGHT, ANNA, Wanted({}), [second.uri.rpartition("/")[2]]),
            *(lambda _: "novel", True, "en"),
        )
        one, ten = (
            Searched(
                generation.id,
                str(generation.fingerprint["chunker"]),
                Levers(knobs=RetrievalKnobs(limit=limit)),
            )
            for limit in (1, 10)
        )
        measuring = app.tuning._sides._measuring
        for before, after in ((one, ten), (ten, one)):
            told = await measuring.asked(domain, question, before, after)
            assert (told.before, told.after) == (0.0, 0.0)
        told = await measuring.asked(domain, question, ten, ten._replace())
        assert told.before == told.after > 0

    tell(story)


def test_what_cannot_be_searched_says_so_and_nothing_is_made(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        with pytest.raises(InvalidInput, match="Only a configuration is searched"):
            await app.tuning.make(CURATOR, "memory", None, answers=True)
        for budget in (float("inf"), float("nan"), 0.0, 1_441.0):
            with pytest.raises(InvalidInput, match="above 0 and at most 1440 minutes"):
                await app.tuning.make(CURATOR, "configuration", None, budget=budget)
        with pytest.raises(InvalidInput, match="was spent after 0 questions"):
            await app.tuning.make(CURATOR, "configuration", None, budget=1e-9, answers=True)
        monkeypatch.setattr("rag.app.configurations.ENOUGH", 4)
        with pytest.raises(InvalidInput, match="was spent after 1 questions; 4 would do"):
            await app.tuning.make(CURATOR, "configuration", None, budget=1e-9)
        stub.text = VAGUE
        with pytest.raises(InvalidInput, match="answers surely better"):
            await app.tuning.make(CURATOR, "configuration", None, answers=True)
        stub.modes = ["500"]
        with pytest.raises(ModelError):
            await app.tuning.make(CURATOR, "configuration", None, answers=True)
        monkeypatch.setattr("rag.app.configurations.ENOUGH_ANSWERS", 40)
        with pytest.raises(InvalidInput, match="questions are too few"):
            await app.tuning.make(CURATOR, "configuration", None, answers=True)
        assert await app.tuning.list(CURATOR, None) == []

    tell(story)


def test_what_a_search_costs_is_on_the_account_of_whoever_asked(
    tell: Callable[[Story], None],
) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        await app.tuning.make(CURATOR, "configuration", None, answers=True)
        costs = await app.model_costs(CURATOR, "person")
        assert [one.name for one in costs.totals if one.cost] == [CURATOR.id]

    tell(story)
