"""Damaged files: named by the doctor, carried over by a rebuild, mended by the next sync."""

import os
from pathlib import Path

import pytest

from rag.app import App
from rag.types import AskRequest, SearchRequest
from tests.app.test_app import ANNA, run, titles

SALARY = SearchRequest(query="salary of the director")


def text_of(app: App, title: str) -> Path:
    (digest,) = (one.text_hash for one, _ in app._parts.ledger.kept() if one.title == title)
    return app._parts.blobs.folder / digest[:2] / digest


@pytest.mark.parametrize("missing", [False, True])
def test_one_damaged_file_stops_no_rebuild_and_no_answer(tmp_path: Path, missing: bool) -> None:
    async def story(app: App) -> None:
        me = app.person(None)
        assert next(one for one in await app.doctor() if one.name == "kept files").ok
        path = text_of(app, "pay.txt")
        path.unlink() if missing else path.write_bytes(b"damaged")
        check = next(one for one in await app.doctor() if one.name == "kept files")
        assert (check.ok, "pay.txt (docs)" in check.detail) == (False, True)
        assert "pump.txt" not in check.detail
        # Its chunk is whole: the answer is given, without the surroundings.
        assert (await app.ask(ANNA, AskRequest(question=SALARY.query))).trace_id
        before = await app.search(ANNA, SearchRequest(query="turbine"))
        assert await app.rebuild(me) == 2
        after = await app.search(ANNA, SearchRequest(query="turbine"))
        assert after.generation != before.generation
        assert "pay.txt" in titles(await app.search(ANNA, SALARY))
        (failed,) = await app.documents(me, failed=True)
        assert (failed.title, failed.reason) == ("pay.txt", "kept_file_damaged")
        report = await app.sync(me)
        assert (report.updated, report.unchanged) == (1, 1)
        assert next(one for one in await app.doctor() if one.name == "kept files").ok
        assert await app.documents(me, failed=True) == []
        assert await app.rebuild(me) == 2

    run(tmp_path, story)


def test_what_no_version_and_no_upload_names_is_collected(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        me = app.person(None)
        await app.add_source(me, connector="uploads", config={}, name="inbox")
        await app.upload(me, "inbox", "a.txt", b"The gasket is red.")
        app._parts.blobs.put(b"left by a crash")
        for path in app._parts.blobs.folder.glob("*/*"):
            os.utime(path, (0, 0))
        assert (await app.collect(me)).files == 1
        assert (await app.collect(me)).files == 0
        await app.sync(me)
        assert next(one for one in await app.doctor() if one.name == "kept files").ok
        assert "a.txt" in titles(await app.search(ANNA, SearchRequest(query="gasket")))

    run(tmp_path, story)
