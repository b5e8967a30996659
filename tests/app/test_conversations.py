"""Conversations on real parts: what is asked, heard, shown again and shared, and by whom."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.app import App
from rag.conversations import Exchange
from rag.errors import InvalidInput, ModelError, NotFound
from rag.types import AskRequest, Principal
from tests.app.test_app import ANNA, BOB, add_documents, open_app, run
from tests.models.endpoint import Endpoint, endpoint

EVE = Principal(id="eve")
SALARY = "What is the salary of the director?"
WEIGHT = "How much does the turbine pump TX-9 weigh?"
SECRETS = ("9 crowns", "nine crowns", "pay.txt", "hr/")


async def ask(app: App, who: Principal, talk: str, question: str):
    return await app.ask(who, AskRequest(question=question, conversation=talk))


async def turns(app: App, who: Principal, talk: str) -> tuple[Exchange, ...]:
    return (await app.conversations.show(who, talk)).turns


def with_model(
    root: Path, story: Callable[[App, Endpoint], Awaitable[None]], more: str = ""
) -> None:
    """As `run`, with answers by a model that is an endpoint on loopback."""

    async def told() -> None:
        with endpoint("ok") as stub:
            await open_app(root).aclose()
            rag = root / "data" / "rag.toml"
            model = f'[models.m]\nprovider = "openai_like"\nmodel = "m"\nbase_url = "{stub.url}"\n'
            model += "retries = 0\nmax_output_tokens = 100\n"
            model += "input_price = 1000\noutput_price = 2000\n"
            model += '[routes.main]\ncandidates = ["m", "extractive"]\n[answer]\nmodel = "main"\n'
            rag.write_text(f"{rag.read_text()}{model}{more}")
            app = open_app(root)
            try:
                await add_documents(app, root)
                await story(app, stub)
            finally:
                await app.aclose()

    asyncio.run(told())


def rewriting(body: Mapping[str, object]) -> bool:
    return "Next question:" in str(body["messages"])


def test_a_follow_up_hears_what_was_said(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        talk = (await app.conversations.begin(BOB)).id
        first = await ask(app, BOB, talk, WEIGHT)
        second = await ask(app, BOB, talk, "And its flange?")
        assert (first.standalone, second.standalone) == (None, f"{WEIGHT} And its flange?")
        shown = await turns(app, BOB, talk)
        assert [one.question for one in shown] == [WEIGHT, "And its flange?"]
        assert [one.answer for one in shown] == [first.answer, second.answer]
        assert shown[0].citations == first.citations
        assert [one.standalone for one in shown] == ["", second.standalone]
        assert [one.trace_id for one in shown] == [first.trace_id, second.trace_id]
        trace = await app.trace(BOB, second.trace_id)
        assert (trace["thread_id"], trace["turn"], trace["told"]) == (talk, 2, [])
        (mine,) = await app.conversations.page(BOB, search="FLANGE")
        assert (mine.id, mine.title, mine.turns) == (talk, WEIGHT, 2)
        page = await app.conversations.show(BOB, talk, limit=1)
        assert (len(page.turns), page.next) == (1, 1)
        assert (await app.conversations.show(BOB, talk, after=1)).turns == shown[1:]

    run(tmp_path, story)


def test_anothers_is_not_there_nor_one_of_another_domain(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        talk = (await app.conversations.begin(ANNA)).id
        await ask(app, ANNA, talk, SALARY)
        me = app.person(None)
        for other in (BOB, me):
            for act in (
                app.conversations.show(other, talk),
                app.conversations.rename(other, talk, "Mine"),
                app.conversations.share(other, talk),
                app.conversations.unshare(other, talk),
                app.conversations.delete(other, talk),
                ask(app, other, talk, WEIGHT),
            ):
                with pytest.raises(NotFound):
                    await act
            assert await app.conversations.page(other, search="salary") == []
        assert len(await turns(app, ANNA, talk)) == 1
        with pytest.raises(NotFound):
            await app.conversations.begin(ANNA, "nowhere")
        app._parts.conversations.begin("anna", "elsewhere")
        other = app._parts.conversations.page("anna", "elsewhere", limit=1)[0].id
        with pytest.raises(InvalidInput, match="elsewhere"):
            await ask(app, ANNA, other, WEIGHT)
        with pytest.raises(NotFound):
            await app.conversations.show(ANNA, other)

    run(tmp_path, story)


@pytest.mark.parametrize("how", ["deleted", "revoked", "put out of the group"])
def test_an_old_answer_quotes_nothing_that_is_gone(tmp_path: Path, how: str) -> None:
    async def story(app: App) -> None:
        talk = (await app.conversations.begin(ANNA)).id
        assert "9 crowns" in (await ask(app, ANNA, talk, SALARY)).answer
        await ask(app, ANNA, talk, WEIGHT)
        me = app.person(None)
        if how == "deleted":
            (tmp_path / "docs" / "hr" / "pay.txt").unlink()
            await app.sync(me)
        elif how == "revoked":
            pay = next(one for one in await app.documents(ANNA) if one.title == "pay.txt")
            app._parts.ledger.set_readers([pay.id], frozenset({"user:robin"}))
        else:
            await app.change_group(me, "hr", "anna", belongs=False)
        first, second = await turns(app, ANNA, talk)
        assert (first.state, first.withheld, first.answer) == ("answered", True, None)
        assert (first.question, first.citations, first.claims) == (SALARY, (), ())
        assert not second.withheld
        assert "40 kg" in (second.answer or "")
        heard = await app.conversations.heard(ANNA, AskRequest(question="And?", conversation=talk))
        said = [one.content for one in heard.history]
        assert said == [SALARY, WEIGHT, second.answer]
        assert not any(word in str(said) for word in SECRETS)

    run(tmp_path, story)


def test_a_turn_tells_who_disagrees_while_that_may_be_read(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        docs = tmp_path / "docs"
        (docs / "prices 2025.txt").write_text("The turbine valve VX-2 costs 30 crowns.")
        (docs / "prices 2026.txt").write_text("The turbine valve VX-2 costs 45 crowns.")
        await app.sync(app.person(None))
        talk = (await app.conversations.begin(ANNA)).id
        answer = await ask(app, ANNA, talk, "What does the turbine valve VX-2 cost?")
        assert "45" in answer.answer
        (conflict,) = answer.conflicts
        (turn,) = await turns(app, ANNA, talk)
        assert turn.conflicts == (conflict,)
        (kept,) = (await app.trace(ANNA, answer.trace_id))["conflicts"]
        assert kept["other"]["quote"] == conflict.other.quote
        (docs / "prices 2025.txt").unlink()
        await app.sync(app.person(None))
        (turn,) = await turns(app, ANNA, talk)
        assert turn.conflicts == ()
        assert turn.answer == answer.answer
        assert not (await app.trace(ANNA, answer.trace_id))["conflicts"]

    run(tmp_path, story)


def test_a_link_shows_each_what_they_may_see_until_it_is_ended(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        talk = (await app.conversations.begin(ANNA)).id
        await ask(app, ANNA, talk, SALARY)
        await ask(app, ANNA, talk, WEIGHT)
        link = await app.conversations.share(ANNA, talk)
        token = link.partition("/shared#")[2]
        seen = await app.conversations.read(BOB, token)
        assert [(one.question, one.withheld) for one in seen.turns] == [
            (SALARY, True),
            (WEIGHT, False),
        ]
        assert not any(word in str(seen) for word in SECRETS)
        assert {one.trace_id for one in seen.turns} == {None}
        await app.change_group(app.person(None), "hr", "bob", belongs=True)
        seen = await app.conversations.read(BOB, token)
        assert "9 crowns" in (seen.turns[0].answer or "")
        await app.change_group(app.person(None), "hr", "bob", belongs=False)
        assert (await app.conversations.read(BOB, token)).turns[0].withheld
        # Its owner's own group opens nothing to others, nor closes it.
        await app.change_group(app.person(None), "hr", "anna", belongs=False)
        await app.change_group(app.person(None), "hr", "eve", belongs=True)
        assert not (await app.conversations.read(EVE, token)).turns[0].withheld
        assert (await turns(app, ANNA, talk))[0].withheld
        for stranger in (Principal(id="mallory"), Principal(id="")):
            with pytest.raises(NotFound):
                await app.conversations.read(stranger, token)
        assert (await app.conversations.unshare(ANNA, talk)).shared_at is None
        await app.conversations.unshare(ANNA, talk)
        with pytest.raises(NotFound):
            await app.conversations.read(EVE, token)
        acts = [
            (one.actor, one.act, one.object, dict(one.details))
            for one in await app.accounts.audit(app.person(None), 10, None)
            if "conversation" in one.act
        ]
        assert acts == [
            ("anna", "unshare conversation", talk, {}),
            ("anna", "share conversation", talk, {}),
        ]

    run(tmp_path, story)


def test_a_half_turn_is_shown_as_such_and_heard_by_nobody(tmp_path: Path) -> None:
    async def story(app: App, stub: Endpoint) -> None:
        stub.text = ("It weighs ", "40 kg ", "[1].")
        talk = (await app.conversations.begin(BOB)).id
        left = app.stream(BOB, AskRequest(question="Who left?", conversation=talk))
        started = (await anext(left)).data["trace_id"]
        (being,) = await turns(app, BOB, talk)
        assert (being.state, being.trace_id, being.answer) == ("open", started, None)
        await left.aclose()
        stub.modes = ["500", "ok"]
        with pytest.raises(ModelError):
            await app.ask(BOB, AskRequest(question=WEIGHT, conversation=talk, model="m"))
        with pytest.raises(NotFound):
            await app.ask(BOB, AskRequest(question="?", conversation=talk, model="nobody"))
        app._parts.conversations.ask("bob", talk, "Whose server was killed?", "0" * 36)
        await ask(app, BOB, talk, WEIGHT)
        shown = await turns(app, BOB, talk)
        states = [(one.n, one.state, one.answer is None) for one in shown]
        assert states == [
            (1, "left", True),
            (2, "failed", True),
            (3, "open", True),
            (4, "answered", False),
        ]
        heard = await app.conversations.heard(BOB, AskRequest(question="?", conversation=talk))
        assert [one.content for one in heard.history] == [WEIGHT, shown[-1].answer]
        assert not any(rewriting(one) for one in stub.requests), "there was nothing to hear"

    with_model(tmp_path, story)


def test_questions_at_once_do_not_hear_each_other(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        talk = (await app.conversations.begin(BOB)).id
        asked = [WEIGHT, "What is blue?", "Which flange is it?"]
        made = await asyncio.gather(*(ask(app, BOB, talk, one) for one in asked))
        shown = await turns(app, BOB, talk)
        assert [one.n for one in shown] == [1, 2, 3]
        assert {one.trace_id for one in shown} == {one.trace_id for one in made}
        assert {one.state for one in shown} == {"answered"}
        heard = await app.conversations.heard(BOB, AskRequest(question="?", conversation=talk))
        assert len(heard.history) == 6

    run(tmp_path, story)


def test_a_conversation_deleted_while_it_answers_keeps_nothing(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        talk = (await app.conversations.begin(BOB)).id
        before = await ask(app, BOB, talk, WEIGHT)
        events = app.stream(BOB, AskRequest(question="And its flange?", conversation=talk))
        started = (await anext(events)).data["trace_id"]
        await app.conversations.delete(BOB, talk)
        assert [event.event async for event in events][-1] == "answer"
        for trace_id in (started, before.trace_id):
            with pytest.raises(NotFound):
                await app.trace(BOB, trace_id)
        with pytest.raises(NotFound):
            await ask(app, BOB, talk, WEIGHT)

    run(tmp_path, story)


def test_a_model_makes_the_follow_up_stand_alone(tmp_path: Path) -> None:
    alone = "What colour is the flange of the turbine pump TX-9?"

    async def story(app: App, stub: Endpoint) -> None:
        stub.text = lambda body: [alone] if rewriting(body) else ["Its flange is blue [1]."]
        talk = (await app.conversations.begin(BOB)).id
        first = await ask(app, BOB, talk, WEIGHT)
        second = await ask(app, BOB, talk, "And its flange?")
        assert (first.standalone, second.standalone) == (None, alone)
        assert [rewriting(one) for one in stub.requests] == [False, True, False]
        trace = await app.trace(BOB, second.trace_id)
        assert trace["query_standalone"] == alone
        assert trace["route"]["standalone"]["by"] == "model"
        assert trace["rendered_messages"][2]["trace_id"] == first.trace_id
        assert (await turns(app, BOB, talk))[1].standalone == alone
        # Both calls are paid for: 1000 and 50 tokens each.
        assert (second.usage.prompt_tokens, second.usage.completion_tokens) == (2000, 100)
        assert second.usage.cost == pytest.approx(2 * first.usage.cost)
        (spent,) = (await app.model_costs(BOB, "person")).totals
        assert spent.cost == pytest.approx(3 * first.usage.cost)

    with_model(tmp_path, story)


@pytest.mark.parametrize("fault", ["500", "made up", "nothing", "budget", "off"])
def test_where_no_model_does_the_rule_serves(tmp_path: Path, fault: str) -> None:
    more = {
        "off": "rewrite_seconds = 0\n",
        "budget": '[budgets.all]\nhard = 1.2\nper = "all"\n',
    }.get(fault, "")

    async def story(app: App, stub: Endpoint) -> None:
        written = {"made up": "Is it 17 mm wide?", "nothing": " "}.get(fault, "And its TX-9?")
        stub.text = lambda body: [written] if rewriting(body) else ["Its flange is blue [1]."]
        talk = (await app.conversations.begin(BOB)).id
        first = await ask(app, BOB, talk, WEIGHT)
        stub.modes = ["500", "ok"] if fault == "500" else []
        second = await ask(app, BOB, talk, "And its flange?")
        assert second.standalone == f"{WEIGHT} And its flange?"
        by = (await app.trace(BOB, second.trace_id))["route"]["standalone"]["by"]
        assert by.startswith("rule")
        assert (by == "rule") == (fault == "off")
        asked = sum(map(rewriting, stub.requests))
        assert asked == (0 if fault in ("off", "budget") else 1)
        assert first.model == "m"
        assert second.model == ("extractive" if fault == "budget" else "m")

    with_model(tmp_path, story, more)


def test_what_a_model_made_of_the_withheld_is_withheld(tmp_path: Path) -> None:
    alone = "How many crowns is the salary, nine crowns, in words?"

    async def story(app: App, stub: Endpoint) -> None:
        stub.text = lambda body: (
            [alone] if rewriting(body) else ["The director earns 9 crowns, nine crowns [1]."]
        )
        talk = (await app.conversations.begin(ANNA)).id
        await ask(app, ANNA, talk, SALARY)
        await ask(app, ANNA, talk, "And in words?")
        await app.ask(ANNA, AskRequest(question=WEIGHT, conversation=talk, model="extractive"))
        link = await app.conversations.share(ANNA, talk)
        token = link.partition("#")[2]
        assert [one.withheld for one in await turns(app, ANNA, talk)] == [False] * 3
        seen = await app.conversations.read(BOB, token)
        assert [one.withheld for one in seen.turns] == [True, True, False]
        assert not any(word in str(seen) for word in SECRETS)
        (tmp_path / "docs" / "hr" / "pay.txt").unlink()
        await app.sync(app.person(None))
        shown = await turns(app, ANNA, talk)
        assert [one.withheld for one in shown] == [True, True, False]
        assert not any(word in str(shown) for word in SECRETS)
        traces = [await app.trace(ANNA, str(one.trace_id)) for one in shown]
        assert not any(word in str(traces) for word in SECRETS)

    with_model(tmp_path, story)


PEOPLE = {"anna": ANNA, "bob": BOB, "eve": EVE}
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("group"), st.sampled_from(sorted(PEOPLE)), st.booleans()),
        st.tuples(st.just("readers"), st.sampled_from(("hr", "bob", "everyone")), st.booleans()),
        st.tuples(st.just("ask"), st.sampled_from(sorted(PEOPLE)), st.booleans()),
    ),
    min_size=1,
    max_size=4,
)


def test_nobody_reads_by_a_conversation_what_they_may_not_read(tmp_path: Path) -> None:
    """Whoever asked when, was let in or put out: each look tells what a question would."""

    async def story(app: App) -> None:
        me, talks = app.person(None), app.conversations
        pay = next(one for one in await app.documents(ANNA) if one.title == "pay.txt").id
        loop = asyncio.get_running_loop()
        links = {
            name: (await talks.share(who, (await talks.begin(who)).id)).partition("#")[2]
            for name, who in PEOPLE.items()
        }

        async def change(what: str, name: str, to: bool) -> None:
            if what == "group":
                await app.change_group(me, "hr", name, belongs=to)
            elif what == "readers":
                reader = {"hr": "group:hr", "bob": "user:bob"}.get(name, name)
                app._parts.ledger.set_readers([pay], frozenset({reader}))
            else:
                (talk,) = await talks.page(PEOPLE[name], limit=1)
                await ask(app, PEOPLE[name], talk.id, SALARY if to else "And in words?")

        async def looked(changes: list[tuple[str, str, bool]]) -> None:
            for one in changes:
                await change(*one)
            for name, who in PEOPLE.items():
                may = pay in {one.id for one in await app.documents(who)}
                (mine,) = await talks.page(who, limit=2)
                seen = [await talks.read(who, link) for link in links.values()]
                seen.append(await talks.show(who, mine.id))
                request = AskRequest(question="And?", conversation=mine.id)
                heard = await talks.heard(who, request)
                told = "crowns" in f"{seen}{heard.history}"
                withheld = [turn.withheld for talk in seen for turn in talk.turns]
                assert may or not told, name
                assert not (may and any(withheld)), name
                for other in PEOPLE.values():
                    if other != who:
                        assert mine not in await talks.page(other, limit=9, search="salary")
                        with pytest.raises(NotFound):
                            await talks.show(other, mine.id)

        @given(CHANGES)
        @settings(
            max_examples=12, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def holds(changes: list[tuple[str, str, bool]]) -> None:
            asyncio.run_coroutine_threadsafe(looked(changes), loop).result(60)

        await asyncio.to_thread(holds)

    run(tmp_path, story)
