"""Models in the whole app: the citation contract, the trace and the books, whoever answers."""

import asyncio
from pathlib import Path

import pytest

from rag.app import App
from rag.errors import BudgetSpent, ModelError, NotFound
from rag.types import AskRequest, Principal
from tests.api.test_served import request, served
from tests.app.test_app import ANNA, BOB, add_documents, open_app
from tests.models.endpoint import Endpoint, endpoint

QUESTION = "How much does the turbine pump TX-9 weigh?"


def config(first: Endpoint, second: Endpoint, more: str = "") -> str:
    models = "".join(
        f'[models.{name}]\nprovider = "openai_like"\nmodel = "{name}"\nbase_url = "{stub.url}"\n'
        f"retries = 0\ninput_price = 1000\noutput_price = 2000\n"
        for name, stub in (("first", first), ("second", second))
    )
    routes = '[routes.main]\ncandidates = ["first", "second", "extractive"]\n'
    return f'{models}{routes}[answer]\nmodel = "main"\n{more}'


def run(root: Path, story, *modes: str, more: str = "") -> None:
    async def told() -> None:
        with endpoint(modes[0]) as first, endpoint(modes[1]) as second:
            for stub in (first, second):
                stub.text = ("It weighs ", "40 kg ", "[1].")
            await open_app(root).aclose()
            rag = root / "data" / "rag.toml"
            base = rag.read_text()
            rag.write_text(base + config(first, second, more))
            app = open_app(root)
            try:
                await add_documents(app, root)
                await story(app, first, second)
            finally:
                await app.aclose()

    asyncio.run(told())


@pytest.mark.parametrize(
    ("modes", "by"),
    [(("ok", "ok"), "first"), (("500", "ok"), "second"), (("500", "bad_json"), "extractive")],
)
def test_whoever_answers_cites_alike(tmp_path: Path, modes, by) -> None:
    async def story(app: App, first: Endpoint, second: Endpoint) -> None:
        events = [event async for event in app.stream(BOB, AskRequest(question=QUESTION))]
        answer = events[-1].data
        names = [event.event for event in events]
        assert names[:2] == ["started", "hits"]
        assert {*names[2:]} == {"token", "citation", "support", "answer"}
        assert answer["model"] == by
        assert "40 kg" in answer["answer"]
        assert "[1]" in answer["answer"]
        (citation,) = [one for one in answer["citations"] if one["n"] == 1]
        assert citation["document"] == "pump.txt"
        trace = await app.trace(BOB, answer["trace_id"])
        assert trace["model"] == by
        outcomes = [one["outcome"] for one in trace["route"]["attempts"]]
        assert outcomes == ["failed"] * len([one for one in modes if one != "ok"][:2]) + (
            ["answered"] if by != "extractive" else []
        )
        costs = await app.model_costs(ANNA, "person")
        if by == "extractive":
            assert costs.totals == ()
        else:
            assert trace["prompt_tokens"] == 1000
            assert trace["cost"] == pytest.approx(1.1)
            (spent,) = costs.totals
            assert (spent.name, spent.cost) == ("bob", pytest.approx(1.1))

    run(tmp_path, story, *modes)


def test_what_was_written_before_a_line_was_cut_is_paid_for_and_kept(tmp_path: Path) -> None:
    async def story(app: App, first: Endpoint, second: Endpoint) -> None:
        events = []

        async def read() -> None:
            async for event in app.stream(BOB, AskRequest(question=QUESTION)):
                events.append(event)

        with pytest.raises(ModelError) as caught:
            await read()
        assert caught.value.code == "model_cut"
        assert not second.requests
        trace = await app.trace(BOB, events[0].data["trace_id"])
        assert trace["finish_reason"] == "error"
        assert trace["route"]["attempts"][-1]["code"] == "model_cut"
        assert trace["cost"] > 0

    run(tmp_path, story, "cut", "ok")


def test_a_budget_that_is_spent_stops_what_costs_and_nothing_else(tmp_path: Path) -> None:
    async def story(app: App, first: Endpoint, second: Endpoint) -> None:
        # One answer may cost up to about 1.6 USD and does cost 1.1: there is room for one.
        assert (await app.ask(BOB, AskRequest(question=QUESTION))).model == "first"
        assert (await app.ask(BOB, AskRequest(question=QUESTION))).model == "extractive"
        with pytest.raises(BudgetSpent):
            await app.ask(BOB, AskRequest(question=QUESTION, model="second"))
        eve = Principal(id="eve")
        assert (await app.ask(eve, AskRequest(question=QUESTION))).model == "first"
        (budget,) = (await app.model_costs(ANNA)).budgets
        assert set(budget.spent) == {"bob", "eve"}

    run(tmp_path, story, "ok", "ok", more='[budgets.own]\nper = "person"\nhard = 2.0\n')


def test_an_evaluation_costs_too(tmp_path: Path) -> None:
    async def story(app: App, first: Endpoint, second: Endpoint) -> None:
        await app.evaluate(ANNA)
        asked = len(first.requests)
        (spent,) = (await app.model_costs(ANNA, "model")).totals
        assert (spent.name, spent.answers) == ("first", asked)

    run(tmp_path, story, "ok", "ok")


def test_models_are_listed_and_checked(tmp_path: Path) -> None:
    async def story(app: App, first: Endpoint, second: Endpoint) -> None:
        found = {one.name: one for one in await app.models(ANNA)}
        assert [name for name, one in found.items() if one.default] == ["main"]
        assert found["main"].candidates == ("first", "second", "extractive")
        assert found["first"].input_price == pytest.approx(1000)
        good, bad = await app.check_models(ANNA)
        assert (good.ok, bad.ok, bad.code) == (True, False, "model_refused")
        with pytest.raises(NotFound):
            await app.check_models(ANNA, "third")
        assert "answer model" in [check.name for check in await app.doctor() if check.ok]

    run(tmp_path, story, "ok", "401")


def test_the_last_check_of_each_is_kept_until_it_is_another(tmp_path: Path) -> None:
    async def story(app: App, first: Endpoint, second: Endpoint) -> None:
        async def told(name: str):
            return next(one.checked for one in await app.models(ANNA) if one.name == name)

        assert await told("first") is None
        await app.check_models(ANNA)
        good, bad = await told("first"), await told("second")
        assert good is not None
        assert (good.ok, good.code) == (True, "")
        assert good.first_token_ms is not None
        assert bad is not None
        assert (bad.ok, bad.code) == (False, "model_refused")
        second.modes = ["ok"]
        await app.check_models(ANNA, "second")
        again = await told("second")
        assert again is not None
        assert (again.ok, again.detail) == (True, "")
        moved = app.settings.models["first"].model_copy(update={"base_url": f"{first.url}/"})
        app.settings.models["first"] = moved
        assert await told("first") is None

    run(tmp_path, story, "ok", "401")


def test_days_tell_what_was_done_and_how_long_it_took(tmp_path: Path) -> None:
    async def story(app: App, first: Endpoint, second: Endpoint) -> None:
        for model in (None, None, "extractive"):
            await app.ask(BOB, AskRequest(question=QUESTION, model=model))
        found = await app.model_days(ANNA)
        assert found.since < found.until
        assert [(one.name, one.answers, one.pace.timed) for one in found.days] == [
            ("extractive", 0, 1), ("first", 2, 2),
        ]  # fmt: skip
        (_, spent) = found.days
        assert (spent.day, spent.cost) == (found.until, pytest.approx(2.2))
        assert 0 < found.pace["first"].ms_p50 <= found.pace["first"].ms_p95
        domain = app.settings.domain
        (day,) = (await app.model_days(ANNA, "domain", 1)).days
        assert (day.name, day.answers, day.pace.timed) == (domain, 2, 3)
        costs = await app.model_costs(ANNA, "model", 30, domain)
        assert [one.name for one in costs.totals] == ["first"]
        # What all domains spent together is not for whoever asks about one.
        assert [(one.name, one.spent) for one in costs.budgets] == [("here", {domain: 2.2})]
        assert [one.name for one in (await app.model_costs(ANNA)).budgets] == ["month", "here"]
        assert (await app.model_days(ANNA, "model", 30, "elsewhere")).days == ()
        assert (await app.model_costs(ANNA, "model", 30, "elsewhere")).totals == ()

    budgets = '[budgets.month]\nhard = 50\n[budgets.here]\nper = "domain"\nhard = 50\n'
    run(tmp_path, story, "ok", "ok", more=budgets)


def test_local_only_refuses_what_is_elsewhere_and_the_route_goes_on(tmp_path: Path) -> None:
    async def story(app: App, first: Endpoint, second: Endpoint) -> None:
        away = app.settings.models["first"].model_copy(update={"base_url": "http://192.0.2.1/v1"})
        app.settings.models["first"] = away
        answer = await app.ask(BOB, AskRequest(question=QUESTION))
        assert answer.model == "second"
        trace = await app.trace(BOB, answer.trace_id)
        assert trace["route"]["attempts"][0]["code"] == "forbidden"

    run(tmp_path, story, "ok", "ok", more="[gateway]\nlocal_only = true\n")


@pytest.mark.parametrize("mode", ["silent", "stalled"])
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_client_that_leaves_ends_the_request_to_the_model(
    tmp_path: Path, mode: str, accept: str
) -> None:
    async def story(app: App, first: Endpoint, second: Endpoint) -> None:
        async with served(app) as port:  # type: ignore[arg-type]
            _, client = await asyncio.open_connection("127.0.0.1", port)
            client.write(request("/api/v1/answers", {"question": QUESTION}, accept))
            assert await asyncio.to_thread(first.reached.wait, 20)
            assert not first.gone.is_set()
            client.close()
            assert await asyncio.to_thread(first.gone.wait, 20), "it writes on for nobody"
        assert not second.requests

    run(tmp_path, story, mode, "ok")
