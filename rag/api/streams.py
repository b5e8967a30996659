"""Long work over HTTP: server-sent events, and giving up when the client has left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic_core import to_json
from starlette.requests import ClientDisconnect

from rag.api.problems import Problem, of_error, of_surprise
from rag.errors import RagError
from rag.types import AnswerEvent, Progress

T = TypeVar("T")
Events = AsyncIterator[tuple[str, Any]]
SILENCE_SECONDS = 15.0
"""After this long without an event a comment is sent, so that no proxy closes the line."""
AHEAD = 64
"""Events that are ready before the client has taken the first of them, at most."""
_END = b""


def wants_events(request: Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "").lower()


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of the work, which is cancelled when the client leaves."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnect
    finally:
        gone.cancel()
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def answer_events(source: AsyncIterator[AnswerEvent]) -> AsyncGenerator[tuple[str, Any]]:
    async for event in source:
        yield event.event, event.data


async def progress_events(
    work: Callable[[Callable[[Progress], None]], Awaitable[Any]],
) -> AsyncGenerator[tuple[str, Any]]:
    """`progress` as it comes, then `result`. Ending the iteration ends the work."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[Progress | None] = asyncio.Queue()

    def report(progress: Progress | None) -> None:
        # Work may report from a thread.
        loop.call_soon_threadsafe(waiting.put_nowait, progress)

    task = asyncio.ensure_future(work(report))
    task.add_done_callback(lambda _: report(None))
    try:
        while (progress := await waiting.get()) is not None:
            yield "progress", progress
        yield "result", await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, RagError):
            await task


def written(name: str | None, data: Any) -> bytes:
    """One event as it goes over the line."""
    return format_sse_event(event=name, data_str=to_json(data, inf_nan_mode="null").decode())


@dataclass(frozen=True)
class Dialect:
    """How a stream is written: each event, the problem that may end it, and its last bytes."""

    event: Callable[[str, Any], bytes] = written
    problem: Callable[[Problem], bytes] = lambda problem: written("error", problem)
    end: bytes = b""


OURS = Dialect()


async def event_stream(
    request: Request, events: AsyncGenerator[tuple[str, Any]], dialect: Dialect = OURS
) -> Any:
    """A response of the events. What fails before the first one is an ordinary problem."""
    first = await while_connected(request, anext(events))  # pyright: ignore[reportArgumentType]
    return EventSourceResponse(_encoded(first, events, request.url.path, dialect))


async def _encoded(
    first: tuple[str, Any], events: AsyncGenerator[tuple[str, Any]], path: str, dialect: Dialect
) -> AsyncIterator[bytes]:
    """The events as bytes; those that came about while others were being sent, together."""
    ready: asyncio.Queue[bytes] = asyncio.Queue(AHEAD)
    ready.put_nowait(dialect.event(*first))
    work = asyncio.create_task(_put(events, ready, path, dialect))
    try:
        ended = False
        while not ended:
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    parts = [await ready.get()]
            except TimeoutError:
                yield KEEPALIVE_COMMENT
                continue
            while not ready.empty():
                parts.append(ready.get_nowait())
            ended = parts[-1] == _END
            yield b"".join(parts)
    finally:
        # Where the client left, the work is told to stop, once. We are told again and again, which
        # must not reach it: it would never get to closing its lines.
        work.cancel()
        await asyncio.wait({work})


async def _put(
    events: AsyncGenerator[tuple[str, Any]],
    ready: asyncio.Queue[bytes],
    path: str,
    dialect: Dialect,
) -> None:
    """Every event as it comes, then how it ended, then nothing: `_END`."""
    last = dialect.end
    try:
        async with aclosing(events):
            async for name, data in events:
                await ready.put(dialect.event(name, data))
    except RagError as error:
        last = dialect.problem(of_error(error, path)) + dialect.end
    except Exception as error:  # noqa: BLE001 - the response has begun, so this is the only way to tell
        last = dialect.problem(of_surprise(error)) + dialect.end
    if last:
        await ready.put(last)
    await ready.put(_END)
