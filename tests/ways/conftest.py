"""One deployment behind a real server: two domains, everything real but encoder and parsers."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from rag.api.server import create_app
from rag.app import App, build
from rag.config import load
from rag.domain import init_pack
from rag.ingest.parsing import ParserPool
from rag.mcp import over_http
from rag.testing.fakes import HashingEmbedder
from tests.support import parse_text


class Parsers:
    """Stands where the parser pool does; the pool's own tests parse real formats."""

    parse = staticmethod(parse_text)

    async def aclose(self) -> None: ...


@dataclass
class Deployment:
    """A running server; `domains` are lamps, the default, and chairs."""

    url: str
    app: App
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Done where the app lives, while the caller waits."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with running(written(tmp_path_factory.mktemp("deployment"))) as made:
        yield made


@contextmanager
def running(
    data: Path, *, parsing: bool = False, bound: socket.socket | None = None
) -> Iterator[Deployment]:
    """A server on the data folder, in a thread of its own until the block ends.

    With `parsing` its parsers are the real ones, in processes of their own. It listens on `bound`,
    else on any free port.
    """
    opened: Future[Deployment] = Future()
    ended = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(data, opened, ended, bound)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag.app.composition._embedder", lambda *_: HashingEmbedder())
        # Said either way: another deployment may be running in this process.
        pool = ParserPool if parsing else lambda *_: Parsers()
        patch.setattr("rag.app.composition.ParserPool", pool)
        thread.start()
        try:
            yield opened.result(120)
        finally:
            ended.set()
            thread.join(30)
    assert not thread.is_alive()


def written(root: Path, more: str = "") -> Path:
    """The data folder, with `more` in its configuration."""
    init_pack(root / "lamps", "lamps")
    init_pack(root / "chairs", "chairs")
    warranty = root / "chairs" / "documents" / "warranty.md"
    warranty.write_text("# Warranty\n\nEvery new chair has a warranty of 60 months.\n")
    people = root / "chairs" / "pack.toml"
    people.write_text(people.read_text().replace('id = "guest"', 'id = "carol"'))
    data = root / "data"
    data.mkdir()
    (data / "rag.toml").write_text(
        'domain = "lamps"\n[domains.lamps]\npack = "../lamps"\n'
        f'[domains.chairs]\npack = "../chairs"\n{more}'
    )
    return data


async def serve(
    data: Path,
    opened: Future[Deployment],
    ended: threading.Event,
    bound: socket.socket | None = None,
) -> None:
    try:
        bound = bound or socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        app = await build(load(data), serve_url=url)
        working = asyncio.create_task(app.work())
        who = app.person(None)
        for domain in ("lamps", "chairs"):
            await app.add_pack_sources(who, domain)
            await app.sync(who, domain=domain)
        config = uvicorn.Config(create_app(app, over_http(app)), lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    except BaseException as error:
        opened.set_exception(error)
        raise
    opened.set_result(Deployment(url, app, asyncio.get_running_loop()))
    await asyncio.to_thread(ended.wait)
    server.should_exit = True
    await task
    working.cancel()
    await asyncio.wait({working})
    await app.aclose()
