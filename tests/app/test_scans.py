"""Scans and polyglots from a folder to an answer and a download, through real parser processes."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from rag.api.server import create_app
from rag.app import App
from rag.config import ParsingSettings
from rag.ingest.parsing import ParserPool
from rag.types import AskRequest, SearchRequest
from tests.app import test_app
from tests.app.test_app import BOB, open_app
from tests.backends.test_ocr import printed, real, scan

PARSERS = ("rag.backends.pdf:PdfParser", "rag.backends.ocr:ImageParser")
Story = Callable[[App], Awaitable[None]]


@pytest.fixture
def told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, bytes], Story], None]:
    """Tells a story of an app that reads a folder of these files."""

    def tell(files: dict[str, bytes], story: Story) -> None:
        async def run() -> None:
            pool = ParserPool(ParsingSettings(workers=1), PARSERS)
            monkeypatch.setattr(test_app, "TextParsers", lambda: pool)
            app = open_app(tmp_path)
            try:
                folder = tmp_path / "folder"
                folder.mkdir()
                for name, data in files.items():
                    (folder / name).write_bytes(data)
                config = {"path": str(folder)}
                await app.add_source(BOB, connector="files", config=config, name="scans")
                await story(app)
            finally:
                await app.aclose()
                await pool.aclose()

        asyncio.run(run())

    return tell


@real
def test_6_a_scan_is_answered_from(told: Callable[[dict[str, bytes], Story], None]) -> None:
    async def story(app: App) -> None:
        report = await app.sync(BOB)
        assert (report.added, report.warned, report.rejected) == (1, 1, 0)
        question = "At how many degrees is the turbine pump TX-9 kept dry?"
        answer = await app.ask(BOB, AskRequest(question=question))
        assert not answer.abstained
        citation = answer.citations[0]
        assert "eleven degrees" in citation.quote
        assert citation.page == 1
        found = await app.search(BOB, SearchRequest(query=question))
        assert all(hit.payload.boxes for hit in found.hits)

    told({"scan.pdf": scan()}, story)


def test_36_a_file_that_is_also_a_page_or_a_script_is_served_as_attachment_only(
    told: Callable[[dict[str, bytes], Story], None],
) -> None:
    page = b"<html><script>alert(1)</script>\n"
    script = b"GIF89a=1;alert(1)/*" + bytes(range(256)) * 4 + b"*/"

    async def story(app: App) -> None:
        report = await app.sync(BOB)
        assert (report.added, report.rejected) == (2, 1)
        transport = httpx.ASGITransport(app=create_app(app))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost:8000"
        ) as client:
            listed = (await client.get("/api/v1/documents")).json()["documents"]
            assert len(listed) == 3
            for one in listed:
                at = f"/api/v1/documents/{one['id']}/versions/1/original"
                served = await client.get(at, headers={"Accept": "text/html"})
                if one["state"] == "rejected":
                    assert one["reason"] == "pixels"
                    assert served.status_code == 404
                    continue
                assert served.headers["content-disposition"].startswith("attachment;")
                assert served.headers["content-type"] == "application/pdf"
                assert served.headers["x-content-type-options"] == "nosniff"
                assert "sandbox" in served.headers["content-security-policy"]
                assert served.content.startswith(page)

    told({"a.html": page + printed(), "b.pdf": page + printed(), "c.gif": script}, story)
