"""The support check in a whole answer: events, policy, trace, and what a reader may not see."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.app import App
from rag.config import CandidateSettings, ModelSettings
from rag.models.breaker import Breaker
from rag.models.candidates import Asked, Candidate, Model
from rag.models.writer import Writer
from rag.store.redacting import REMOVED
from rag.types import AnswerEvent, AskRequest, Finish, Hit, Message, Principal
from tests.app.test_app import ANNA, BOB, run
from tests.app.test_trials import Stubs
from tests.app.test_trials import run as run_with_models

QUESTION = AskRequest(question="How many kg does the turbine pump TX-9 weigh?")
TOLD = "The turbine pump TX-9 weighs 40 kg [1]. It costs 900 crowns [1]. Nobody cites this one.\n"


class Scripted:
    name = "scripted"
    context_window = 4096
    max_output_tokens = 256

    def __init__(self, text: str) -> None:
        self.text = text

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def stream(
        self,
        messages: Sequence[Message],
        hits: Sequence[Hit],
        on_finish: Callable[[Finish], None] = lambda _: None,
    ) -> AsyncIterator[str]:
        for piece in self.text.splitlines(keepends=True):
            yield piece
        on_finish(Finish())

    async def aclose(self) -> None: ...


def writer(told: str | None) -> Writer:
    """Writes this text, or quotes."""
    settings = ModelSettings(provider="openai_like", model="m", base_url="http://127.0.0.1:9/v1")
    model = Model("scripted", settings, Scripted(told), Breaker("scripted", 3, 1)) if told else None
    candidate = Candidate(model, CandidateSettings(model="scripted"))
    return Writer("scripted", [candidate], Asked(domain="test", chars=1))


async def events(
    app: App, who: Principal, told: str | None, policy: str = "mark"
) -> list[AnswerEvent]:
    chosen = app._domains.get(None)
    answer = chosen.pack.answer.model_copy(update={"unsupported": policy, "abstain_below": 0.0})
    asker = app._domains.asker(chosen.pack.model_copy(update={"answer": answer}), chosen.retriever)
    generation = await app._generations.answering(chosen)
    return [event async for event in asker.stream(who, QUESTION, generation, writer(told))]


def asked(
    root: Path, told: str | None, policy: str, then: Callable[[list[AnswerEvent], Any], None]
) -> None:
    async def story(app: App) -> None:
        found = await events(app, BOB, told, policy)
        then(found, await app.trace(BOB, found[0].data["trace_id"]))

    run(root, story)


def test_each_claim_of_a_composed_answer_has_its_verdict(tmp_path: Path) -> None:
    def then(found: list[AnswerEvent], trace: Any) -> None:
        answer = found[-1].data
        verdicts = [(one["text"], one["verdict"]) for one in answer["claims"]]
        assert verdicts == [
            ("The turbine pump TX-9 weighs 40 kg.", "supported"),
            ("It costs 900 crowns.", "unsupported"),
            ("Nobody cites this one.", "unsupported"),
        ]
        for one in answer["claims"]:
            shown = answer["answer"][slice(*one["span"])]
            assert shown.replace(" [1]", "") == one["text"]
        assert answer["answer"] == TOLD.strip(), "marked, not changed"
        (told,) = [event.data for event in found if event.event == "support"]
        assert told["support"] == answer["support"]
        assert tuple(told["claims"]) == answer["claims"]
        assert [one["verdict"] for one in trace["claims"]] == [v for _, v in verdicts]
        assert (
            trace["support"]
            == answer["support"]
            == round(sum(one["score"] for one in answer["claims"]) / 3, 4)
        )

    asked(tmp_path, TOLD, "mark", then)


def test_removing_shows_nothing_of_it_in_any_event(tmp_path: Path) -> None:
    def then(found: list[AnswerEvent], trace: Any) -> None:
        answer = found[-1].data
        assert answer["answer"] == "The turbine pump TX-9 weighs 40 kg [1]."
        assert answer["removed"] == 2
        assert "crowns" not in str(found)
        assert "".join(e.data["text"] for e in found if e.event == "token") == answer["answer"]
        assert [one["text"] for one in trace["claims"] if one["span"] is None] == [
            "It costs 900 crowns.",
            "Nobody cites this one.",
        ]

    asked(tmp_path, TOLD, "remove", then)


def test_an_answer_of_which_nothing_stays_is_an_abstention(tmp_path: Path) -> None:
    def then(found: list[AnswerEvent], trace: Any) -> None:
        answer = found[-1].data
        assert answer["abstained"]
        assert trace["abstained"]
        assert answer["answer"].startswith("I do not know.")
        assert (answer["citations"], answer["claims"], answer["support"]) == ((), (), None)
        assert not [event for event in found if event.event == "citation"]

    asked(tmp_path, "It costs 900 crowns [1].", "remove", then)


def test_what_is_quoted_is_supported_word_for_word(tmp_path: Path) -> None:
    def then(found: list[AnswerEvent], trace: Any) -> None:
        answer = found[-1].data
        assert answer["claims"]
        assert {one["score"] for one in answer["claims"]} == {1.0}
        assert answer["support"] == 1.0

    asked(tmp_path, None, "mark", then)


def test_a_trace_tells_no_claim_of_what_may_not_be_read(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        found = await events(app, ANNA, "The director earns 9 crowns [1].")
        trace_id = found[0].data["trace_id"]
        assert "9 crowns" in str((await app.trace(ANNA, trace_id))["claims"])
        await app.remove_source(app.person(None), "docs")
        (claim,) = (await app.trace(ANNA, trace_id))["claims"]
        assert (claim["text"], claim["reason"]) == (REMOVED, REMOVED)

    run(tmp_path, story)


# --- where a model judges -----------------------------------------------------------------------

PARAPHRASED = (
    "Forty kilograms is what one has to lift here [1]. ",
    "The turbine pump TX-9 weighs 90 kg [1]. ",
    "The turbine pump TX-9 weighs 40 kg [1].",
)


def judged(
    root: Path, rulings: str, story: Callable[[App, Stubs], Awaitable[None]], seconds: int = 20
) -> None:
    """`old` writes three sentences, and `new` judges them."""

    async def told(app: App, stubs: Stubs) -> None:
        stubs["old"].text = PARAPHRASED
        stubs["new"].text = (rulings,)
        await story(app, stubs)

    run_with_models(root, told, f'judge = "new"\njudge_seconds = {seconds}\n')


def test_a_model_judges_what_does_not_stand_there_word_for_word(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        answer = await app.ask(BOB, QUESTION)
        assert [one.verdict for one in answer.claims] == ["supported", "partly", "supported"]
        assert [one.reason for one in answer.claims] == [
            "A model reads it in what it cites.",
            "Not in what it cites: 90 kg.",
            "It stands there word for word.",
        ]
        (asked,) = stubs["new"].requests
        told = asked["messages"][1]["content"]
        assert "1 (A): Forty kilograms" in told
        assert "2 (A): The turbine pump TX-9 weighs 90 kg" in told
        assert "3 (" not in told
        trace = await app.trace(BOB, answer.trace_id)
        assert trace["route"]["judge"]["by"] == "model"
        # A thousand tokens for each, of USD 1,000 a million, and 50 at twice that.
        assert answer.usage.cost == trace["cost"] == pytest.approx(2.2)
        assert answer.timings["judge"] <= answer.timings["support"]

    judged(tmp_path, "1 supported\n2 supported\n", story)


@pytest.mark.parametrize(
    ("fault", "code"), [("500", "model_broken"), ("garbled", "model_garbled"), ("stalled", "")]
)
def test_where_it_says_nothing_usable_the_rule_decides(
    tmp_path: Path, fault: str, code: str
) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        if fault != "garbled":
            stubs["new"].modes = [fault]
        answer = await app.ask(BOB, QUESTION)
        assert answer.claims[2].verdict == "supported"
        assert "model" not in answer.claims[0].reason
        trace = await app.trace(BOB, answer.trace_id)
        assert trace["route"]["judge"]["by"].startswith(f"rule: {code}")

    # Who stalls is waited for to the end, so that end is near.
    judged(tmp_path, "All of it is fine.", story, seconds=1 if fault == "stalled" else 20)


def test_nobody_is_asked_about_quotes(tmp_path: Path) -> None:
    async def story(app: App, stubs: Stubs) -> None:
        quoted = AskRequest(question=QUESTION.question, model="extractive")
        answer = await app.ask(BOB, quoted)
        assert {one.verdict for one in answer.claims} == {"supported"}
        assert not stubs["new"].requests
        assert "judge" not in (await app.trace(BOB, answer.trace_id))["route"]

    judged(tmp_path, "1 unsupported", story)
