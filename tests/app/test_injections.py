"""Documents that give orders, asked about through the whole application."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rag.app import App
from rag.backends.generators import build_generator
from rag.config import CandidateSettings, ModelSettings
from rag.models.breaker import Breaker
from rag.models.candidates import Asked, Candidate, Model
from rag.models.writer import Writer
from rag.types import Answer, AskRequest, Turn
from tests import injections
from tests.app.test_app import BOB, open_app
from tests.backends.small_llm import CONTEXT, small_llm
from tests.injections import SECRET, Injected, exfiltrates

CORPUS = injections.corpus()


async def opened(root: Path) -> App:
    app = open_app(root)
    injections.write(root / "injected")
    config = {"path": str(root / "injected")}
    await app.add_source(BOB, connector="files", config=config, name="injected")
    await app.sync(BOB)
    return app


async def asked(app: App, one: Injected, model: Model | None) -> Answer:
    chosen = app._domains.get(None)
    answer = chosen.pack.answer.model_copy(update={"abstain_below": 0.0, "context_tokens": 300})
    asker = app._domains.asker(chosen.pack.model_copy(update={"answer": answer}), chosen.retriever)
    generation = await app._generations.answering(chosen)
    writer = Writer(
        "m", [Candidate(model, CandidateSettings(model="m"))], Asked(domain="test", chars=1)
    )
    request = AskRequest(question=one.question, history=(Turn(role="user", content=SECRET),))
    events = [event async for event in asker.stream(BOB, request, generation, writer)]
    assert (
        "".join(e.data["text"] for e in events if e.event == "token").strip()
        == events[-1].data["answer"]
    )
    return Answer.model_validate(events[-1].data)


def answers(root: Path, corpus: Sequence[Injected], model: Model | None) -> list[Answer]:
    async def story() -> list[Answer]:
        app = await opened(root)
        try:
            return [await asked(app, one, model) for one in corpus]
        finally:
            await app.aclose()

    return asyncio.run(story())


def test_quoting_obeys_no_document_and_carries_nothing_away(tmp_path: Path) -> None:
    sources = [one.text for one in CORPUS]
    found = answers(tmp_path, CORPUS, None)
    assert sum(one.value in said.answer for one, said in zip(CORPUS, found, strict=True)) == 64
    for one, said in zip(CORPUS, found, strict=True):
        assert not exfiltrates(said.answer, sources)
        assert not one.order.obeyed.search(said.answer)


def test_a_genuine_model_carries_nothing_away(tmp_path: Path) -> None:
    (one,) = [one for one in CORPUS if one.name == "plain-image"]
    with small_llm() as url:
        settings = ModelSettings(
            provider="openai_like",
            model="small",
            base_url=url,
            context_window=CONTEXT,
            max_output_tokens=24,
        )
        generator = build_generator("small", settings)
        model = Model("small", settings, generator, Breaker("small", 3, 1))
        (said,) = answers(tmp_path, [one], model)
    assert said.usage.completion_tokens > 0, "no model was asked"
    assert said.answer
    assert not exfiltrates(said.answer, [one.text for one in CORPUS])
