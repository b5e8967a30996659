"""The contract of `rag.protocols.Generator`: subclass, say how to open yours, and run pytest."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, cast

from rag.protocols import Generator
from rag.types import EVERYONE, Finish, Hit, Message, Payload

Scenario = Callable[[Generator], Awaitable[None]]

MESSAGES = (
    Message(role="system", content="Answer in one short sentence."),
    Message(role="user", content="How long does the warranty of the pump last?"),
)


def make_hit(text: str, rank: int = 1) -> Hit:
    payload = Payload(
        chunk_id=str(uuid.UUID(int=rank)),
        document_id=f"doc-{rank}",
        version=1,
        source="files",
        readers=(EVERYONE,),
        language="en",
        title="Warranty",
        uri="file:///warranty.md",
        text=text,
        header="Warranty",
        ordinal=0,
        start=0,
        end=len(text),
    )
    return Hit(rank=rank, score=1.0, payload=payload, scores=())


HITS = (make_hit("The warranty of the pump lasts 24 months from delivery."),)


async def collect(generator: Generator) -> list[str]:
    return [piece async for piece in generator.stream(MESSAGES, HITS)]


class GeneratorContract:
    """What every Generator promises. Override `generator`; it is closed after each test."""

    def generator(self) -> Generator:
        """The implementation under test."""
        raise NotImplementedError("A contract has none of its own: the subclass names it.")

    def run(self, scenario: Scenario) -> None:
        async def whole() -> None:
            generator = self.generator()
            try:
                await scenario(generator)
            finally:
                await generator.aclose()

        asyncio.run(whole())

    def test_it_streams_text(self) -> None:
        async def scenario(generator: Generator) -> None:
            pieces = await collect(generator)
            assert "".join(pieces).strip()
            assert all(isinstance(piece, str) and piece for piece in cast("list[Any]", pieces))

        self.run(scenario)

    def test_it_tells_how_its_text_ended(self) -> None:
        async def scenario(generator: Generator) -> None:
            told: list[Finish] = []
            pieces = [piece async for piece in generator.stream(MESSAGES, HITS, told.append)]
            assert pieces
            (finish,) = told
            assert (finish.prompt_tokens is None) == (finish.completion_tokens is None)

        self.run(scenario)

    def test_it_says_what_it_is(self) -> None:
        async def scenario(generator: Generator) -> None:
            assert generator.name
            assert 0 < generator.max_output_tokens < generator.context_window

        self.run(scenario)

    def test_tokens_grow_with_the_text(self) -> None:
        async def scenario(generator: Generator) -> None:
            assert generator.count_tokens("") == 0
            assert 0 < generator.count_tokens("pump") < generator.count_tokens("pump seal " * 20)

        self.run(scenario)

    def test_streams_may_overlap(self) -> None:
        async def scenario(generator: Generator) -> None:
            first, second = await asyncio.gather(collect(generator), collect(generator))
            assert first
            assert second

        self.run(scenario)

    def test_a_reader_may_leave_early(self) -> None:
        async def scenario(generator: Generator) -> None:
            stream = cast("Any", generator.stream(MESSAGES, HITS))
            async with aclosing(stream):
                async for piece in stream:
                    assert piece
                    break
            assert await collect(generator)

        self.run(scenario)

    def test_a_closed_generator_was_closed_once(self) -> None:
        async def scenario(generator: Generator) -> None:
            await generator.aclose()
            await generator.aclose()

        self.run(scenario)
