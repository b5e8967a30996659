"""The suite tells a model that keeps to what answers rely on from ones that do not."""

import asyncio
from contextlib import contextmanager

import pytest

from rag.backends.generators import build_generator
from rag.config import ModelSettings
from rag.domain import builtin_pack, load_pack
from rag.learn.conformance import CASES, CHECKS, SHORT_TOKENS, conformance
from tests.models.endpoint import endpoint


def case_of(body):
    return next(one for one in CASES if one.question in body["messages"][-1]["content"])


def well(body):
    """What a good model would answer, read off the case."""
    case = case_of(body)
    if case.check == "budget":
        return ["word "] * min(body["max_tokens"], 200)
    if not case.fact:
        return ["I do not know; ", "the passages do not tell."]
    passage = case.passages[case.right - 1]
    return [passage[:12], passage[12:], f" [{case.right}]"]


@contextmanager
def scored(text, *modes):
    with endpoint(*modes) as stub:
        stub.text = text
        stub.usage = None
        settings = ModelSettings(
            provider="openai_like", model="m", base_url=stub.url, reports_usage=False, retries=0
        )
        short = settings.model_copy(update={"max_output_tokens": SHORT_TOKENS})

        async def scenario():
            models = [build_generator("m", one) for one in (settings, short)]
            try:
                return await conformance(load_pack(builtin_pack("pumps")), *models)
            finally:
                for one in models:
                    await one.aclose()

        yield asyncio.run(scenario())


def test_a_good_model_passes_every_check():
    with scored(well) as scores:
        assert [one.why for one in scores.cases if not one.passed] == []
        assert (scores.score, dict(scores.checks)) == (1.0, dict.fromkeys(CHECKS, 1.0))
        assert scores.prompt_tokens > 500


def changed(how):
    return lambda body: how(case_of(body), well(body))


@pytest.mark.parametrize(
    ("how", "failed"),
    [
        (lambda case, said: ["".join(said)], "streams"),
        (lambda case, said: said[:-1] if case.check == "cites" else said, "cites"),
        (
            lambda case, said: [*said, " [1][2]"] if case.check == "cites" else said,
            "cites",
        ),
        (lambda case, said: said if case.fact else ["It is ", "blue [1]."], "abstains"),
        (lambda case, said: said if case.fact else ["It is ", "blue."], "abstains"),
        (lambda case, said: ["word "] * 90 if case.check == "budget" else said, "budget"),
        (
            lambda case, said: (
                ["It is ", f"{case.fact}, and that is the sum of it [1]."]
                if case.check == "language"
                else said
            ),
            "language",
        ),
    ],
)
def test_each_check_fails_by_itself(how, failed):
    with scored(changed(how)) as scores:
        assert scores.checks[failed] < 1
        others = {check: score for check, score in scores.checks.items() if check != failed}
        assert set(others.values()) == {1.0}


def test_a_model_that_does_not_answer_scores_nothing():
    with scored(well, "500") as scores:
        assert scores.score == 0
        assert all("model_broken" in one.why for one in scores.cases if one.check != "streams")
