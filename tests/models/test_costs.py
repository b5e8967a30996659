"""Prices, what is added up, and budgets that are not exceeded."""

import asyncio
from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.app.declared import Declarations
from rag.config import BudgetSettings, ModelSettings
from rag.errors import BudgetSpent
from rag.models.budgets import Budgets, Purse
from rag.models.prices import Price, price_of
from rag.store.daily import Daybook, Pace, pace
from rag.store.database import Database
from rag.store.models import AccountRow, KeyRow
from rag.store.spending import Spending, add
from rag.testing.generator import HITS, MESSAGES
from rag.types import AskRequest
from tests.models.test_routes import ANNA, TEXT, Models, route

NOW = datetime(2026, 3, 10, 23, 59, tzinfo=UTC)
DEAR = {"input_price": 1_000, "output_price": 2_000}


def declared(**given):
    return ModelSettings.model_validate({"provider": "openai_like", "model": "m", **given})


def trace(cost=1.0, person="anna", domain="pumps", model="big", price="declared", ts=NOW):
    return {"route": {"price": price}, "prompt_tokens": 10, "completion_tokens": 5, "cost": cost,
            "ts": ts, "domain": domain, "principal_id": person, "model": model}  # fmt: skip


def spend(spending, *traces):
    with spending.database.write() as session:
        for one in traces:
            add(session, one)


@pytest.fixture
def spending(database_url):
    database = Database(database_url)
    database.migrate()
    yield Spending(database)
    database.close()


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ({"input_price": 1, "output_price": 2}, "declared"),
        (
            {"input_price": 0, "output_price": 0, "base_url": "https://api.openai.com/v1"},
            "declared",
        ),
        ({"provider": "openai", "model": "gpt-4o"}, "known"),
        ({"provider": "anthropic", "model": "claude-3-5-haiku-latest"}, "known"),
        ({"base_url": "https://api.deepseek.com/v1", "model": "deepseek-chat"}, "known"),
        ({"base_url": "http://127.0.0.1:1/v1", "model": "gpt-4o"}, "unknown"),
        ({"provider": "openai", "model": "no-such"}, "unknown"),
        ({"provider": "ollama", "model": "gpt-4o"}, "unknown"),
    ],
)
def test_where_a_price_is_from(given, origin):
    price = price_of(declared(**given))
    assert price.origin == origin
    assert (price.read > 0) is (origin == "known" or bool(given.get("input_price")))


def test_a_price_is_per_token():
    assert price_of(declared(**DEAR)).of(1000, 100) == pytest.approx(1.2)
    assert Price().of(10**6, 10**6) == 0


def test_what_is_spent_is_added_up_by_whatever_is_asked(spending):
    earlier = datetime(2026, 2, 28, tzinfo=UTC)
    spend(
        spending,
        trace(1.0), trace(2.0), trace(4.0, person="bob"), trace(8.0, domain="laws"),
        trace(16.0, model="small"), trace(0.0, price="unknown"), trace(32.0, ts=earlier),
        trace(64.0, price=None),
    )  # fmt: skip
    march = datetime(2026, 3, 1, tzinfo=UTC).date()
    sums = {one.name: one.cost for one in spending.totals("person", march)}
    assert sums == {"anna": 27.0, "bob": 4.0}
    assert [one.name for one in spending.totals("model", march)] == ["small", "big"]
    (day,) = spending.totals("day", march)
    assert (day.name, day.answers, day.unpriced, day.prompt_tokens) == ("2026-03-10", 6, 1, 60)
    assert spending.cost(march) == 31.0
    assert spending.cost(march, person="anna", domain="laws") == 8.0
    assert spending.cost(earlier.date()) == 63.0


def test_each_day_has_its_own_sums(spending):
    before = datetime(2026, 3, 9, tzinfo=UTC)
    spend(
        spending,
        trace(1.0), trace(2.0, person="bob"), trace(4.0, domain="laws"), trace(8.0, ts=before),
        trace(16.0, model="small"), trace(32.0, ts=datetime(2026, 2, 28, tzinfo=UTC)),
    )  # fmt: skip
    book, march = Daybook(spending.database), datetime(2026, 3, 1, tzinfo=UTC).date()
    days, paces = book.days("model", march)
    assert [(one.day.day, one.name, one.cost) for one in days] == [
        (9, "big", 8.0), (10, "big", 7.0), (10, "small", 16.0),
    ]  # fmt: skip
    assert (days[1].answers, days[1].pace, paces) == (3, Pace(), {})
    assert [one.cost for one in book.days("model", march, "laws")[0]] == [4.0]
    assert {one.name for one in book.days("domain", march)[0]} == {"pumps", "laws"}


@pytest.mark.parametrize(
    ("times", "half", "most"),
    [([], None, None), ([5.0], 5.0, 5.0), ([3.0, 1.0, 2.0], 2.0, 3.0), ([*range(1, 101)], 50, 95)],
)
def test_so_many_are_not_above(times, half, most):
    assert pace(times) == Pace(timed=len(times), ms_p50=half, ms_p95=most)


@pytest.mark.parametrize(
    ("per", "period", "refused"),
    [
        ("all", "day", True), ("person", "day", True), ("domain", "day", True),
        ("model", "day", True), ("all", "month", True),
    ],
)  # fmt: skip
def test_a_hard_ceiling_is_whose_it_says(spending, per, period, refused):
    budget = BudgetSettings(per=per, period=period, hard=5)
    budgets = Budgets({"b": budget}, spending, lambda: NOW)
    spend(spending, trace(3.0, ts=NOW))

    async def take(person="anna", domain="pumps", model="big", cost=3.0):
        taken = await budgets.take(person, domain, model, cost)
        budgets.give_back(taken)
        return taken.refused

    async def scenario():
        other = {"person": {"person": "bob"}, "domain": {"domain": "laws"},
                 "model": {"model": "small"}}.get(per)  # fmt: skip
        return (
            await take(), await take(cost=2.0), await take(cost=0.0),
            await take(**other) if other else "b",
        )  # fmt: skip

    assert asyncio.run(scenario()) == ("b", "", "", "" if per != "all" else "b")


def test_a_new_period_begins_at_nothing(spending):
    now = [NOW]
    day = Budgets({"b": BudgetSettings(period="day", hard=5)}, spending, lambda: now[0])
    spend(spending, trace(5.0))
    assert asyncio.run(day.take("anna", "pumps", "big", 1.0)).refused == "b"
    now[0] = datetime(2026, 3, 11, tzinfo=UTC)
    assert asyncio.run(day.take("anna", "pumps", "big", 1.0)).refused == ""


class Sums:
    """As `Spending`, in memory: the property below makes hundreds of answers."""

    def __init__(self):
        self.total = 0.0

    def cost(self, since, **of):
        return self.total


@settings(max_examples=40, deadline=None)
@given(costs=st.lists(st.floats(0.01, 3.0), min_size=1, max_size=12), hard=st.floats(0.0, 10.0))
def test_answers_at_once_never_exceed_a_ceiling_together(costs, hard):
    sums = Sums()
    budgets = Budgets({"b": BudgetSettings(hard=hard)}, sums, lambda: NOW)

    async def answer(cost):
        purse = Purse(budgets, "anna", "pumps")
        if not await purse.take("big", cost):
            await asyncio.sleep(0)
            sums.total += cost
        purse.give_back()

    async def scenario():
        await asyncio.gather(*(answer(cost) for cost in costs))

    asyncio.run(scenario())
    assert sums.total <= hard + 1e-9
    assert not budgets._kept, "kept back for ever"


def test_an_answer_that_ends_while_the_record_is_read_is_counted_once():
    class Ending(Sums):
        """Reads the record, and an answer is recorded and given back before that is told."""

        ends = None

        def cost(self, since, **of):
            spent, ends, self.ends = self.total, self.ends, None
            if ends:
                ends()
            return spent

    async def scenario(hard):
        sums = Ending()
        budgets = Budgets({"b": BudgetSettings(hard=hard)}, sums, lambda: NOW)
        first = await budgets.take("anna", "pumps", "big", 2.0)

        def ends():
            sums.total += 2.0
            budgets.give_back(first)

        sums.ends = ends
        return (await budgets.take("bob", "pumps", "big", 1.0)).refused

    assert asyncio.run(scenario(2.5)) == "b", "in neither sum: the ceiling was exceeded"
    assert asyncio.run(scenario(3.0)) == "", "in both sums: an answer with room was refused"


def test_past_its_budget_what_costs_nothing_answers(spending):
    with route("ok", "ok", first=DEAR) as (chosen, stubs):

        async def scenario(model):
            budgets = Budgets({"b": BudgetSettings(hard=0.5)}, spending, lambda: NOW)
            made = Models(chosen, budgets, Declarations(chosen, None, None))
            request = AskRequest(question="?", model=model)
            with closing(made.writer(ANNA, request, "pumps")) as writer:
                text = "".join([piece async for piece in writer.stream(MESSAGES, HITS)])
            await made.aclose()
            return text, writer

        text, writer = asyncio.run(scenario("main"))
        assert (text, writer.name) == (TEXT, "m1")
        assert writer.story()["attempts"][0]["reason"] == "the budget 'b' is spent"
        with pytest.raises(BudgetSpent):
            asyncio.run(scenario("m0"))
        assert not stubs[0].requests


def test_tokens_of_a_day_are_counted_by_person_and_by_key(spending):
    later = datetime(2026, 3, 11, 0, 1, tzinfo=UTC)
    with spending.database.write() as session:
        account = AccountRow(id="anna", password="", roles=[], groups=[], suspended=False,
                             created_at=NOW, created_by="")  # fmt: skip
        session.add(account)
        session.flush()
        for key in ("k1", "k2"):
            session.add(KeyRow(id=key, digest=key, account_id="anna", name=key, scopes=[],
                               created_at=NOW, expires_at=later))  # fmt: skip
    assert (spending.tokens("anna", NOW.date()), spending.tokens_of_key("k1", NOW.date())) == (0, 0)
    with spending.database.write() as session:
        add(session, trace(), "k1")
        add(session, trace(domain="laws", model="small"), "k1")
        add(session, trace(), "k2")
        add(session, trace())
        add(session, trace(price=None), "k1")
        add(session, trace(person="bob"), "gone")
    assert spending.tokens("anna", NOW.date()) == 60
    assert [spending.tokens_of_key(key, NOW.date()) for key in ("k1", "k2", "gone")] == [30, 15, 0]
    with spending.database.write() as session:
        add(session, trace(ts=later), "k1")
        # Begun before midnight and on record after what came later.
        add(session, trace(), "k1")
    assert spending.tokens_of_key("k1", later.date()) == 15
    assert spending.tokens("anna", later.date()) == 15
