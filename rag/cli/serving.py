"""`serve` and `start`: own the data folder, listen, and do the rest while already answering."""

from __future__ import annotations

import asyncio
import importlib
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

from rag.backends.preflight import refuse_unusable
from rag.cli import output
from rag.cli.target import Target
from rag.config import Settings, setup_logging, warnings
from rag.errors import Conflict, RagError
from rag.types import AskRequest, Principal

if TYPE_CHECKING:
    from rag.api.opening import Opening
    from rag.app import App

GRACE_SECONDS = 5
Prepare = Callable[["App", str], Awaitable[None]]


def serve(target: Target, host: str | None, port: int | None, *, as_json: bool) -> None:
    """Serve until interrupted; the encoder loads in the background."""

    async def prepare(app: App, url: str) -> None:
        await _serving(app, url, as_json)
        await app.compare_with_pack()
        await app.warm()

    _run(_settings(target, host, port), prepare)


def start(target: Target, host: str | None, port: int | None, *, as_json: bool) -> None:
    """Serve, and meanwhile sync what the pack brings; the first time ask one of its questions."""

    async def prepare(app: App, url: str) -> None:
        who = app.person(None, None)
        first = not await app.documents(who, limit=1)
        await app.add_pack_sources(who)
        if any(not source.paused for source in await app.sources(who)):
            await _read(app, who, first, as_json)
        await _serving(app, url, as_json)
        await app.warm()

    _run(_settings(target, host, port), prepare)


async def _read(app: App, who: Principal, first: bool, as_json: bool) -> None:
    if first:
        _note(as_json, f"Reading the documents of '{app.settings.domain}' for the first time …")
    with output.progress_bar() as progress:
        report = await app.sync(who, progress=progress)
    if as_json:
        output.say_json({"sync": report})
    else:
        output.say(f"Documents: {output.told(report)}")
        output.say_not_indexed(sum(one.failed for one in await app.sources(who)))
    if first:
        await _sample(app, who, as_json)


def _settings(target: Target, host: str | None, port: int | None) -> Settings:
    settings = target.settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    origins = {**settings.origins, **{f"server.{name}": f"--{name}" for name in given}}
    server = settings.server.model_copy(update=given)
    return settings.model_copy(update={"server": server}).came_from(origins)


def _run(settings: Settings, prepare: Prepare) -> None:
    """Listen, then build the app, then `prepare` beside the server that answers already."""
    setup_logging(settings.log)
    refuse_unusable(settings)
    for line in warnings(settings):
        output.note(f"rag: warning: {line}")

    import uvloop

    async def work() -> None:
        import uvicorn

        from rag.api.opening import Opening

        # Bound before anything is made, so that a busy port costs nothing.
        with closing(_bind(settings.server.host, settings.server.port)) as bound:
            url = settings.server.local_url(bound.getsockname()[1])
            door = Opening()
            server = uvicorn.Server(
                uvicorn.Config(
                    door,
                    # It bounds a request's head, which the faster one does not.
                    http="h11",
                    lifespan="off",
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    timeout_graceful_shutdown=GRACE_SECONDS,
                )
            )
            async with AsyncExitStack() as stack:
                opening = _open(settings, url, server, door, stack, prepare)
                beside = asyncio.create_task(_or_stop(opening, door, server))
                try:
                    await server.serve(sockets=[bound])
                finally:
                    beside.cancel()
                    # Not suppressed: Ctrl-C arrives here as our own cancellation.
                    await asyncio.wait({beside})
                if not beside.cancelled():
                    beside.result()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


async def _open(
    settings: Settings,
    url: str,
    server: Any,
    door: Opening,
    stack: AsyncExitStack,
    prepare: Prepare,
) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    # The imports alone take seconds on a busy machine; meanwhile /healthz answers.
    for name in ("rag.app", "rag.app.watching", "rag.api.server", "rag.mcp"):
        await asyncio.to_thread(importlib.import_module, name)
    from rag.api.server import create_app
    from rag.app import build
    from rag.app.watching import watch
    from rag.mcp import over_http

    app: App = await build(settings, serve_url=url)
    stack.push_async_callback(app.aclose)
    door.open(create_app(app, over_http(app)))
    stack.push_async_callback(_ended, asyncio.create_task(watch(app)))
    if settings.jobs.inside:
        stack.push_async_callback(_ended, asyncio.create_task(app.work()))
    await prepare(app, url)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _or_stop(work: Awaitable[None], door: Opening, server: Any) -> None:
    """What fails before the door is open ends the server; later it can say what is wrong itself."""
    try:
        await work
    except RagError as error:
        if not door.is_open:
            server.should_exit = True
            raise
        output.note(f"rag: {error}")
    except Exception:
        server.should_exit = True
        raise


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise Conflict(
            f"Cannot listen on {host}:{port}: {error.strerror}.",
            hint="Choose another with --port or RAG_SERVER__PORT, or stop what uses it.",
        ) from error
    return bound


async def _sample(app: App, who: Principal, as_json: bool) -> None:
    questions = app.pack(None).suggested_questions
    if not questions:
        return
    answer = await app.ask(who, AskRequest(question=questions[0]))
    if as_json:
        output.say_json({"question": questions[0], "answer": answer})
        return
    output.say(f"\nFor example: {questions[0]}\n")
    output.say_answer(answer)
    output.say()


async def _serving(app: App, url: str, as_json: bool) -> None:
    """Where it serves, whom, and, while there is nobody yet, how to become the first admin."""
    link = await app.accounts.first_link()
    if as_json:
        output.say_json({"url": url, **({"first_admin": link} if link else {})})
    else:
        output.say(f"Serving {url} (Ctrl-C stops).")
        if link:
            output.say(f"To become the first admin, open {link} (good once).")
        elif not app.accounts.required:
            output.say("Single-user mode: whoever reaches it on this machine may do everything.")
    sys.stdout.flush()


def _note(as_json: bool, text: str) -> None:
    if not as_json:
        output.say(text)
        sys.stdout.flush()
