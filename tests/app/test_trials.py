"""A model is tried beside another: who gets which, what nobody is shown, and the way back."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.app import App, shadows
from rag.errors import Conflict, InvalidInput, ModelError, NotFound
from rag.feedback import Verdict
from rag.store.choices import Trial
from rag.store.models import ShadowRow
from rag.store.spending import SHADOW
from rag.types import AskRequest, Principal, Turn
from tests.app.test_app import ANNA, BOB, add_documents, open_app
from tests.models.endpoint import Endpoint, endpoint
from tests.support import contents

QUESTION = "How much does the turbine pump TX-9 weigh?"
SECRET = "zyxshadowzyx"
Stubs = dict[str, Endpoint]
Story = Callable[[App, Stubs], Awaitable[None]]


def run(root: Path, story: Story, more: str = "") -> None:
    """Two models, `old` that answers by default and `new`; and a route of both."""

    async def told() -> None:
        with ExitStack() as stack:
            stubs = {name: stack.enter_context(endpoint("ok")) for name in ("old", "new")}
            for stub in stubs.values():
                stub.text = ("It weighs ", "40 kg ", "[1].")
            await open_app(root).aclose()
            rag = root / "data" / "rag.toml"
            models = "".join(
                f'[models.{name}]\nprovider = "openai_like"\nmodel = "{name}"\nretries = 0\n'
                f'base_url = "{stub.url}"\ninput_price = 1000\noutput_price = 2000\n'
                f"max_output_tokens = 100\n"
                for name, stub in stubs.items()
            )
            route = '[routes.both]\ncandidates = ["new", "old"]\n'
            small = "[gateway]\nbreaker_failures = 1000\n"
            rag.write_text(
                f'{rag.read_text()}{models}{route}{small}[answer]\nmodel = "old"\n'
                f"rewrite_seconds = 0\n{more}"
            )
            app = open_app(root)
            try:
                await add_documents(app, root)
                await story(app, stubs)
            finally:
                async with asyncio.timeout(30):
                    await app.aclose()

    asyncio.run(told())


async def by(app: App, who: Principal = BOB, **asked) -> str:
    return (await app.ask(who, AskRequest(**{"question": QUESTION, **asked}))).model


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110 - a stub's thread, or a task that tells nobody
            await asyncio.sleep(0.02)


def repeated(app: App) -> list[ShadowRow]:
    with app._parts.ledger.database.read() as session:
        rows = list(session.query(ShadowRow))
        session.expunge_all()
    return rows


# --- whose turn it is ---------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(st.uuids(), st.floats(0.02, 0.98))
def test_a_share_is_kept_over_many_conversations(trial, share: float) -> None:
    tried = Trial(id=str(trial), model="new", how="canary", share=share)
    count = sum(tried.takes(f"conversation {n}") for n in range(2_000))
    # Six deviations: once in 500 million examples.
    assert abs(count / 2_000 - share) < 6 * (share * (1 - share) / 2_000) ** 0.5


@settings(deadline=None)
@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_whose_turn_it_was_keeps_it_as_the_share_grows(key: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    trial = Trial(model="new", how="canary", share=less)
    assert trial.takes(key) == trial.takes(key)
    assert not trial.takes(key) or trial.model_copy(update={"share": more}).takes(key)
    assert trial.model_copy(update={"share": 1.0}).takes(key)
    assert not trial.model_copy(update={"share": 0.0}).takes(key)


def test_a_conversation_stays_with_one_model(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        trial = (await app.trials.begin(ANNA, "new", "canary", 0.5)).trial
        assert trial is not None
        seen = set()
        for _ in range(3):
            talk = (await app.conversations.begin(BOB)).id
            models = [await by(app, conversation=talk) for _ in range(2)]
            assert models == ["new" if trial.takes(talk) else "old"] * 2
            seen.update(models)
        for n in range(3):
            # As clients of OpenAI's API do, which send what was said.
            first = f"{QUESTION} ({n})"
            turns = (Turn(role="user", content=first), Turn(role="assistant", content="40 kg."))
            models = {await by(app, question=first), await by(app, history=turns * 2)}
            assert len(models) == 1
            seen |= models
        assert seen <= {"old", "new"}
        long = (Turn(role="user", content="x"), Turn(role="assistant", content="y")) * 25
        assert len({await by(app, history=long[n:] + long[:n]) for n in (0, 2)}) == 1
        # The same trial with another share: nobody who was with the new one is taken back.
        more = await app.trials.begin(ANNA, "new", "canary", 0.9)
        assert more.trial is not None
        assert more.trial.id == trial.id
        again = await app.trials.begin(ANNA, "both", "canary", 0.9)
        assert again.trial is not None
        assert again.trial.id != trial.id

    run(tmp_path, story)


def test_who_names_a_model_gets_it(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        for how in ("canary", "shadow"):
            await app.trials.begin(ANNA, "new", how, 1.0)
            answer = await app.ask(BOB, AskRequest(question=QUESTION, model="old"))
            assert answer.model == "old"
            assert "trial" not in (await app.trace(BOB, answer.trace_id))["route"]
        await asyncio.sleep(0)
        assert not stubs["new"].requests
        assert not app.trials._shadows._running

    run(tmp_path, story)


@pytest.mark.parametrize("mode", ["500", "silent", "empty", "cut_early", "401"])
def test_where_a_canary_fails_before_its_first_word_nobody_notices(
    tmp_path: Path, mode: str
) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        await app.trials.begin(ANNA, "timed", "canary", 1.0)
        stubs["new"].modes = [mode]
        events = [event async for event in app.stream(BOB, AskRequest(question=QUESTION))]
        answer = events[-1].data
        assert (answer["model"], answer["answer"]) == ("old", "It weighs 40 kg [1].")
        assert "error" not in [event.event for event in events]
        route = (await app.trace(BOB, answer["trace_id"]))["route"]
        assert route["trial"] | {"id": ""} == {"id": "", "side": "challenger", "fell_back": True}
        assert [one["outcome"] for one in route["attempts"]] == ["failed", "answered"]
        code = route["attempts"][0]["code"]
        assert code.startswith("model_")
        found = await app.trials.compare(ANNA)
        assert (found.answers, found.faults) == ((0, 1), {code: 1})

    timed = '[routes.timed]\ndeadline_seconds = 1\ncandidates = ["new"]\n'
    run(tmp_path, story, timed)


def test_a_canary_that_breaks_off_later_ends_as_any_answer_does(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        await app.trials.begin(ANNA, "new", "canary", 1.0)
        stubs["new"].modes = ["cut"]
        with pytest.raises(ModelError) as caught:
            await by(app)
        assert caught.value.code == "model_cut"
        assert not stubs["old"].requests
        assert (await app.trials.compare(ANNA)).faults == {"model_cut": 1}

    run(tmp_path, story)


# --- the way back -------------------------------------------------------------------------------


def test_a_rollback_counts_at_the_next_question_with_twenty_in_flight(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        await app.choose_model(ANNA, "old")
        await app.choose_model(ANNA, "new")
        go = threading.Event()

        def slowly(body):
            go.wait(60)
            return ["It weighs ", "40 kg [1]."]

        stubs["new"].text = slowly
        flying = [asyncio.create_task(by(app)) for _ in range(20)]
        try:
            await until(lambda: len(stubs["new"].requests) == 20)
            await app.trials.roll_back(ANNA)
            assert await by(app) == "old"
        finally:
            go.set()
        assert await asyncio.gather(*flying) == ["new"] * 20
        assert len(stubs["new"].requests) == 20

    run(tmp_path, story)


def test_a_rollback_goes_back_step_by_step(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        with pytest.raises(Conflict, match="nothing to go back to"):
            await app.trials.roll_back(ANNA)
        await app.trials.begin(ANNA, "new", "canary", 1.0)
        assert await by(app) == "new"
        assert (await app.trials.roll_back(ANNA)).trial is None
        assert await by(app) == "old", "the trial is over"
        for name in ("new", "extractive", "both"):
            await app.choose_model(ANNA, name)
        await app.trials.begin(ANNA, "old", "canary", 1.0)
        assert await by(app) == "old"
        await app.choose_model(ANNA, "old")
        assert await by(app) == "old"
        for expected, name in (("new", "both"), ("extractive", "extractive"), ("new", "new")):
            assert (await app.trials.roll_back(ANNA)).model == name
            assert await by(app) == expected
        assert (await app.trials.roll_back(ANNA)).model == ""
        assert await by(app) == "old", "as configured"
        with pytest.raises(Conflict):
            await app.trials.roll_back(ANNA)
        acts = [one.act for one in await app.accounts.audit(ANNA, 100, None)]
        assert acts.count("roll back model") == 5
        assert acts.count("try model") == 2

    run(tmp_path, story)


def test_a_rollback_passes_over_what_is_declared_no_more(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        for name in ("extractive", "new", "old"):
            await app.choose_model(ANNA, name)
        await app.trials.begin(ANNA, "new", "canary", 1.0)
        del app.settings.models["new"]
        assert await by(app) == "old", "what is gone is tried no more"
        await app.trials.stop(ANNA)
        assert (await app.trials.roll_back(ANNA)).model == "extractive"

    run(tmp_path, story)


def test_what_cannot_be_tried_is_refused(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        for share in (0.0, -1.0, 1.01, float("nan")):
            with pytest.raises(InvalidInput):
                await app.trials.begin(ANNA, "new", "shadow", share)
        with pytest.raises(NotFound):
            await app.trials.begin(ANNA, "none", "shadow", 1.0)
        with pytest.raises(NotFound, match="ever tried"):
            await app.trials.compare(ANNA)
        with pytest.raises(Conflict, match="answers already"):
            await app.trials.begin(ANNA, "old", "shadow", 1.0)
        with pytest.raises(Conflict, match="Nothing is tried"):
            await app.trials.stop(ANNA)
        assert await app.model_choices(ANNA) == []
        await app.trials.begin(ANNA, "new", "canary", 1.0)
        await app.choose_model(ANNA, "old")
        assert await by(app) == "old", "a choice ends the trial"
        assert not (await app.trials.compare(ANNA)).running

    run(tmp_path, story)


# --- what nobody is shown -----------------------------------------------------------------------


def test_what_a_shadow_says_is_nowhere(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        stubs["new"].text = (f"{SECRET} weighs ", "40 kg ", "[1].")
        await app.trials.begin(ANNA, "new", "shadow", 1.0)
        talk = (await app.conversations.begin(BOB)).id
        events = [
            event.model_dump(mode="json")
            async for event in app.stream(BOB, AskRequest(question=QUESTION, conversation=talk))
        ]
        answer = events[-1]["data"]
        assert answer["model"] == "old"
        await until(lambda: bool(repeated(app)))
        (shadow,) = repeated(app)
        assert (shadow.trace_id, shadow.model, shadow.fault) == (answer["trace_id"], "new", "")
        assert (shadow.citations, shadow.abstained, shadow.prompt_tokens) == (1, False, 1000)
        assert shadow.cost == pytest.approx(1.1)
        # The same passages were given, in the same words.
        assert stubs["new"].requests[0]["messages"] == stubs["old"].requests[0]["messages"]
        trace = await app.trace(app.person(None), shadow.trace_id)
        shown = [
            events,
            dict(trace),
            (await app.conversations.show(BOB, talk)).model_dump(mode="json"),
            [row async for row in await app.privacy.export(BOB, "bob")],
            (await app.trials.compare(ANNA)).model_dump(mode="json"),
        ]
        assert SECRET not in json.dumps(shown, default=str)
        spent = {one.name: one.cost for one in (await app.model_costs(ANNA, "person")).totals}
        assert spent == {"bob": pytest.approx(1.1), SHADOW: pytest.approx(1.1)}
        # A second answer was within what bob may spend, as the shadow's was none of his.
        assert await by(app) == "old"

    run(tmp_path, story, '[budgets.own]\nper = "person"\nhard = 2.9\n')
    for path, data in contents(tmp_path / "data").items():
        assert SECRET.encode() not in data, path


def test_a_shadow_goes_with_what_it_repeated(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        await app.trials.begin(ANNA, "new", "shadow", 1.0)
        talk = (await app.conversations.begin(BOB)).id
        await by(app, conversation=talk)
        await by(app)
        await by(app, ANNA)
        await until(lambda: len(repeated(app)) == 3)
        await app.conversations.delete(BOB, talk)
        assert len(repeated(app)) == 2
        rows = [row async for row in await app.privacy.export(BOB, "bob")]
        (mine,) = [row["row"] for row in rows if row.get("table") == "shadows"]
        assert "answer" not in mine
        await app.privacy.erase(ANNA, "bob")
        assert len(repeated(app)) == 1
        assert (await app.trials.compare(ANNA)).answers == (1, 1)

    run(tmp_path, story)


def test_a_person_erased_meanwhile_leaves_only_the_cost(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        go = threading.Event()

        def slowly(body):
            go.wait(60)
            return ["40 kg [1]."]

        stubs["new"].text = slowly
        await app.trials.begin(ANNA, "new", "shadow", 1.0)
        await by(app)
        await until(lambda: bool(stubs["new"].requests))
        await app.privacy.erase(ANNA, "bob")
        go.set()
        await until(lambda: not app.trials._shadows._running)
        assert repeated(app) == []
        assert SHADOW in {one.name for one in (await app.model_costs(ANNA, "person")).totals}

    run(tmp_path, story)


@pytest.mark.parametrize("mode", ["silent", "stalled"])
def test_a_shadow_that_hangs_delays_nobody(
    tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.app.shadows.WAITING", 3)

    async def story(app: App, stubs: Stubs) -> None:
        stubs["new"].modes = [mode]
        await app.trials.begin(ANNA, "new", "shadow", 1.0)
        asked = shadows.AT_ONCE + shadows.WAITING + 3
        for _ in range(asked):
            assert await by(app) == "old"
        await until(lambda: len(stubs["new"].requests) == shadows.AT_ONCE)
        assert len(app.trials._shadows._waiting) == shadows.WAITING
        found = await app.trials.compare(ANNA)
        assert (found.answers, found.missing) == ((asked, 0), asked)
        # The end of the app is waited for by `run`, but not long.
        await app.trials.aclose()
        assert await asyncio.to_thread(stubs["new"].gone.wait, 30), "it writes on for nobody"
        assert await by(app) == "old"
        assert len(stubs["new"].requests) == shadows.AT_ONCE

    run(tmp_path, story)


def test_what_becomes_of_a_shadow_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.app.trials.SECONDS", 0.5)

    async def story(app: App, stubs: Stubs) -> None:
        await app.trials.begin(ANNA, "new", "shadow", 1.0)
        stubs["new"].modes = ["500", "stalled", "ok"]
        for n in range(3):
            answer = await app.ask(BOB, AskRequest(question=QUESTION))
            await app.rate(BOB, answer.trace_id, Verdict(value=1 if n else -1))
            await until(lambda n=n: len(repeated(app)) == n + 1)
        await app.ask(BOB, AskRequest(question="Who painted the Mona Lisa?"))
        found = await app.trials.compare(ANNA)
        assert found.faults == {"model_broken": 1, "model_timeout": 1}
        assert (found.champion, found.running, found.missing) == ("old", True, 0)
        figures = {one.measure: one for one in found.figures}
        assert figures["faults"].challenger == pytest.approx(2 / 3)
        assert figures["support"].answers == (1, 1)
        assert figures["useful"].champion == 1, "of the questions that both answered"
        assert {one.low for one in found.figures} == {None}, "three are not enough"

    run(tmp_path, story)
