"""A route against an endpoint that fails: who takes over, who must not, and what is told of it."""

import asyncio
from contextlib import ExitStack, aclosing, contextmanager

import pytest

from rag.app.declared import Declarations
from rag.app.models import Models
from rag.config import Settings
from rag.errors import ModelError, NotFound
from rag.models.budgets import Budgets
from rag.testing.generator import HITS, MESSAGES
from rag.types import AskRequest, Principal, utc_now
from tests.models.endpoint import GOOD, endpoint

TEXT = "".join(GOOD)


ANNA = Principal(id="anna")
QUICK = {"timeout_seconds": 0.4}


@contextmanager
def route(*modes, first=None, rules=None, **settings):
    """A route over one stub per mode, `m0` `m1` ...; `first` is of m0 alone. And the stubs."""
    with ExitStack() as stack:
        stubs = [stack.enter_context(endpoint(*one.split("|"))) for one in modes]
        declared = {
            f"m{n}": {
                "provider": "openai_like", "model": f"stub-{n}", "base_url": stub.url,
                "retries": 0, **(first or {} if n == 0 else {}),
            }
            for n, stub in enumerate(stubs)
        }  # fmt: skip
        given = rules or [{} for _ in modes]
        candidates = [{"model": f"m{n}", **rule} for n, rule in enumerate(given)]
        routes = {"main": {"candidates": candidates, **settings.pop("route", {})}}
        yield Settings(models=declared, routes=routes, answer={"model": "main"}, **settings), stubs


def gateway(settings):
    return Models(settings, Budgets({}, None, utc_now), Declarations(settings, None, None))


def written(settings, question="How long?", times=1):
    """The text of each answer, or its error; and the last one's writer."""

    async def scenario():
        made = gateway(settings)
        told = []
        for _ in range(times):
            writer = made.writer(ANNA, AskRequest(question=question), "pumps")
            text = ""
            try:
                async with aclosing(writer.stream(MESSAGES, HITS)) as pieces:
                    async for piece in pieces:
                        text += piece
                told.append(text)
            except ModelError as error:
                told.append(error)
        await made.aclose()
        return told, writer

    return asyncio.run(scenario())


@pytest.fixture(autouse=True, scope="module")
def _loaded():
    """What the first answer imports may take seconds, which no deadline here is for."""
    with route("ok") as (settings, _):
        written(settings)


BEFORE = [
    ("429", "model_busy"),
    ("429:3600", "model_busy"),
    ("500", "model_broken"),
    ("503", "model_broken"),
    ("504", "model_timeout"),
    ("400", "model_refused"),
    ("401", "model_refused"),
    ("404", "model_refused"),
    ("dropped", "model_unreachable"),
    ("silent", "model_timeout"),
    ("headers_only", "model_timeout"),
    ("cut_early", "model_cut"),
    ("bad_json", "model_garbled"),
    ("wrong_shape", "model_garbled"),
    ("login_page", "model_empty"),
    ("empty", "model_empty"),
    ("blank", "model_empty"),
    ("error_event", "model_broken"),
]


@pytest.mark.parametrize(("mode", "code"), BEFORE)
def test_before_the_first_word_the_next_one_answers(mode, code):
    with route(mode, "ok", first=QUICK) as (settings, _):
        (text,), writer = written(settings)
    assert text == TEXT
    assert writer.name == "m1"
    failed, answered = writer.story()["attempts"]
    assert (failed["model"], failed["outcome"], failed["code"]) == ("m0", "failed", code)
    assert failed["reason"]
    assert (answered["model"], answered["outcome"]) == ("m1", "answered")
    assert writer.card.model == "stub-1"


@pytest.mark.parametrize(("mode", "code"), BEFORE)
def test_alone_its_failure_is_told_by_its_own_code(mode, code):
    with route(mode, first=QUICK) as (settings, _):
        (error,), _ = written(settings)
    assert error.code == code
    assert error.status == 503


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("stalled", "model_timeout"),
        ("cut", "model_cut"),
        ("bad_json_late", "model_garbled"),
        ("no_finish", "model_unfinished"),
    ],
)
def test_after_the_first_word_nobody_takes_over(mode, code):
    with route(mode, "ok", first=QUICK) as (settings, stubs):
        (error,), writer = written(settings)
        assert not stubs[1].requests
    assert error.code == code
    (failed,) = writer.story()["attempts"]
    assert (failed["outcome"], failed["code"]) == ("failed", code)
    assert writer.usage.completion_tokens > 0, "what was written was paid for"


def test_ten_megabytes_at_once_are_not_taken():
    with route("endless", "ok") as (settings, _):
        (error,), _ = written(settings)
    assert error.code == "model_garbled"


@pytest.mark.parametrize("mode", ["ok", "odd", "uncounted"])
def test_what_is_no_fault_is_an_answer(mode):
    with route(mode) as (settings, _):
        (text,), writer = written(settings)
    assert text == TEXT
    assert writer.finish.reason == "stop"
    assert writer.story()["counted"] is (mode == "uncounted")
    assert (writer.usage.prompt_tokens == 1000) is (mode != "uncounted")
    assert writer.usage.prompt_tokens > 0


def test_an_answer_cut_at_its_length_says_so():
    with route("length") as (settings, _):
        _, writer = written(settings)
    assert writer.finish.reason == "length"


def test_an_endpoint_that_is_not_there_is_passed_over():
    with route("ok", "ok") as (settings, _):
        gone = settings.models["m0"].model_copy(update={"base_url": "http://127.0.0.1:9/v1"})
        settings = settings.model_copy(update={"models": {**settings.models, "m0": gone}})
        (text,), writer = written(settings)
    assert text == TEXT
    assert writer.story()["attempts"][0]["code"] == "model_unreachable"


@pytest.mark.parametrize("mode", ["500", "dropped", "429", "429:0", "cut_early", "error_event"])
def test_what_may_be_over_in_a_moment_is_tried_again(mode):
    with route(f"{mode}|ok", "ok", first={"retries": 2}) as (settings, stubs):
        (text,), writer = written(settings)
        assert not stubs[1].requests
    assert text == TEXT
    (answered,) = writer.story()["attempts"]
    assert answered["tries"] == 2


@pytest.mark.parametrize("mode", ["401", "429:60", "bad_json", "empty"])
def test_what_will_not_be_over_in_a_moment_is_not(mode):
    with route(f"{mode}|ok", "ok", first={"retries": 2}) as (settings, stubs):
        written(settings)
        assert len(stubs[0].requests) == 1


def test_one_that_keeps_failing_is_left_alone():
    breaker = {"breaker_failures": 2, "breaker_seconds": 3600}
    with route("500", "ok", gateway=breaker) as (settings, stubs):
        texts, writer = written(settings, times=4)
        assert len(stubs[0].requests) == 2
    assert texts == [TEXT] * 4
    assert writer.story()["attempts"][0]["outcome"] == "skipped"


def test_one_that_is_well_again_is_asked_again():
    breaker = {"breaker_failures": 1, "breaker_seconds": 0.001}
    with route("500|ok", "ok", gateway=breaker) as (settings, _):
        _, writer = written(settings, times=2)
    assert writer.name == "m0"


def test_one_that_does_not_begin_soon_is_left_for_the_next():
    rules = [{"first_token_seconds": 0.3}, {}]
    with route("silent", "ok", rules=rules) as (settings, stubs):
        (text,), writer = written(settings)
        assert stubs[0].gone.wait(2), "the slow one goes on writing for nobody"
    assert text == TEXT
    assert "did not begin within 0.3 seconds" in writer.story()["attempts"][0]["reason"]


def test_the_deadline_is_the_whole_routes():
    deadline = {"deadline_seconds": 0.5}
    with route("silent", "silent", "silent", route=deadline) as (settings, stubs):
        (error,), writer = written(settings)
        assert not stubs[1].requests
    assert "m0 (model_timeout)" in str(error) or error.code == "model_timeout"
    assert [one["outcome"] for one in writer.story()["attempts"]] == ["failed", *["skipped"] * 2]


def test_the_deadline_holds_while_a_model_writes():
    with route("stalled", route={"deadline_seconds": 0.5}) as (settings, _):
        (error,), _ = written(settings)
    assert error.code == "model_timeout"


def test_when_all_fail_each_is_named():
    with route("500", "401") as (settings, _):
        (error,), _ = written(settings)
    assert "m0 (model_broken), m1 (model_refused)" in str(error)


RULES = [
    ({"domains": ["laws"]}, {}, "not for the domain 'pumps'"),
    ({"max_chars": 5}, {}, "of 5 characters or fewer"),
    ({"min_chars": 100}, {}, "of 100 characters or more"),
    ({"classes": ["compare"]}, {}, "of the class compare"),
    ({"needs_seconds": 60}, {}, "needs 60 seconds"),
    ({"max_cost": 0.00001}, {"input_price": 1, "output_price": 100}, "would cost up to 0.05"),
    ({"max_cost": 0.1}, {}, "nobody knows what it costs"),
]


@pytest.mark.parametrize(("rule", "model", "why"), RULES)
def test_a_candidate_whose_conditions_do_not_hold_is_not_asked(rule, model, why):
    more = {"classes": {"compare": ["versus"]}, "deadline_seconds": 30}
    with route("ok", "ok", rules=[rule, {}], first=model, route=more) as (settings, stubs):
        (text,), writer = written(settings, question="adversus omnes")
        assert not stubs[0].requests
    assert text == TEXT
    assert why in writer.story()["attempts"][0]["reason"]


@pytest.mark.parametrize(
    ("rule", "model"),
    [
        ({"domains": ["pumps", "laws"]}, {}),
        ({"max_chars": 500}, {}),
        ({"min_chars": 5}, {}),
        ({"classes": ["compare"]}, {}),
        ({"needs_seconds": 20}, {}),
        ({"max_cost": 0.1}, {"input_price": 1, "output_price": 100}),
    ],
)
def test_a_candidate_whose_conditions_hold_is_asked(rule, model):
    more = {"classes": {"compare": ["versus"]}, "deadline_seconds": 30}
    with route("ok", "ok", rules=[rule, {}], first=model, route=more) as (settings, _):
        _, writer = written(settings, question="TX-9 Versus TX-8?")
    assert writer.name == "m0"


def test_a_model_without_a_required_capability_is_not_asked():
    with route("ok", "ok", route={"requires": ["german"]}) as (settings, _):
        able = settings.models["m1"].model_copy(update={"capabilities": ("german",)})
        settings = settings.model_copy(update={"models": {**settings.models, "m1": able}})
        _, writer = written(settings)
    assert writer.name == "m1"
    assert writer.story()["attempts"][0]["reason"] == "lacks german"


def test_a_question_that_no_candidate_is_for_is_told_so():
    with (
        route("ok", rules=[{"max_chars": 1}]) as (settings, _),
        pytest.raises(ModelError, match=r"'main' is for this question: m0 .only.*extractive say"),
    ):
        written(settings)


def test_a_route_that_ends_in_quoting_never_fails():
    with route("500") as (settings, _):
        ends = settings.routes["main"].model_validate({"candidates": ["m0", "extractive"]})
        settings = settings.model_copy(update={"routes": {"main": ends}})
        (text,), writer = written(settings)
    assert text == ""
    assert writer.quotes
    assert writer.name == "extractive"


def test_a_candidate_that_cannot_be_asked_at_all_stops_no_other():
    with route("ok", "ok", first={"provider": "opneai"}) as (settings, _):
        (text,), writer = written(settings)
    assert text == TEXT
    assert "unknown provider" in writer.story()["attempts"][0]["reason"]


def test_a_model_is_asked_by_its_name_too_and_an_unknown_one_is_refused():
    with route("ok", "ok") as (settings, _):
        made = gateway(settings)
        assert made.writer(ANNA, AskRequest(question="?", model="m1"), "pumps").name == "m1"
        with pytest.raises(NotFound, match="Did you mean 'main'"):
            made.writer(ANNA, AskRequest(question="?", model="mian"), "pumps")


@pytest.mark.parametrize("mode", ["silent", "headers_only", "stalled"])
def test_who_leaves_ends_the_request_within_two_seconds(mode):
    with route(mode, "ok") as (settings, (stub, other)):

        async def scenario():
            made = gateway(settings)
            writer = made.writer(ANNA, AskRequest(question="?"), "pumps")

            async def read():
                async with aclosing(writer.stream(MESSAGES, HITS)) as pieces:
                    async for _ in pieces:
                        pass

            task = asyncio.create_task(read())
            await asyncio.to_thread(stub.reached.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            left = await asyncio.to_thread(stub.gone.wait, 2)
            breaker = made.model("m0").breaker.state
            await made.aclose()
            return left, breaker

        assert asyncio.run(scenario()) == (True, "closed")
        assert not other.requests, "the next one was asked for somebody who had left"


def test_who_leaves_within_the_text_ends_the_request():
    with route("stalled") as (settings, (stub,)):

        async def scenario():
            made = gateway(settings)
            writer = made.writer(ANNA, AskRequest(question="?"), "pumps")
            async with aclosing(writer.stream(MESSAGES, HITS)) as pieces:
                async for _ in pieces:
                    break
            left = await asyncio.to_thread(stub.gone.wait, 2)
            await made.aclose()
            return left

        assert asyncio.run(scenario())
