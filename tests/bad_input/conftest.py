"""One parser pool for all bad documents: if any of them harmed it, the next ones would fail."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from rag.config import ParsingSettings
from rag.ingest.parsing import ParserPool
from tests.bad_input.cases import Parse, document

PARSERS = (
    "rag.backends.pdf:PdfParser",
    "rag.backends.ocr:ImageParser",
    "rag.backends.tabular:TabularParser",
    "rag.backends.unstructured:UnstructuredParser",
)


@pytest.fixture(scope="session")
def parse() -> Iterator[Parse]:
    """Parse bytes under a name, from a test that is not itself asynchronous."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    settings = ParsingSettings(workers=1, cpu_seconds=40, wall_seconds=60)

    async def made() -> ParserPool:
        return ParserPool(settings, PARSERS)

    pool = asyncio.run_coroutine_threadsafe(made(), loop).result()
    try:
        yield lambda name, data: asyncio.run_coroutine_threadsafe(
            pool.parse(document(name, data)), loop
        ).result(120)
    finally:
        asyncio.run_coroutine_threadsafe(pool.aclose(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
