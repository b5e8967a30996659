"""Backing up what is in use and restoring it: what answered answers, what was deleted does not."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.app import App, back_up, backups, refresh, restore
from rag.app.explaining import ExplainRequest
from rag.config import load
from rag.errors import Conflict, Locked, NotFound
from rag.learn.adapting import Fit
from rag.store.folder import DataFolder
from rag.store.releases import Releases
from rag.types import AskRequest, Principal, SearchRequest, utc_now
from tests.app.stages import ALL
from tests.app.test_app import ANNA, BOB, add_documents, open_app, titles
from tests.app.test_datasets import COLOUR, CURATOR, UP, WEIGHT, built, rated
from tests.app.test_tuning import hits, more_pumps, prefers

ME = Principal(id="local")
SALARY = SearchRequest(query="salary of the director")
GASKET = SearchRequest(query="gasket")
TURBINE = SearchRequest(query="turbine pump")


def silent(*_: object) -> None:
    """Nobody watches."""


def saved(root: Path, name: str = "backup", **given: bool) -> Path:
    folder = root / name
    back_up(load(root / "data"), folder, keys=given.get("keys", False), progress=silent)
    return folder


def restored(
    root: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    story: Callable[[App], Awaitable[None]] | None = None,
    *,
    verify: bool = True,
    beside: str = "new",
) -> backups.Restored:
    """Restore into a folder beside the pack, without the real encoder, and look at it."""
    new = root / beside
    new.mkdir()
    shutil.copytree(root / "pack", new / "pack")

    async def build(settings: object) -> App:
        return open_app(new)

    monkeypatch.setattr(backups, "build", build)

    async def told() -> backups.Restored:
        done = await restore(lambda: load(new / "data"), folder, verify=verify, progress=silent)
        app = open_app(new)
        try:
            if story is not None:
                await story(app)
        finally:
            await app.aclose()
        return done

    return asyncio.run(told())


def test_what_answered_answers_again_and_the_configuration_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = ""

    async def before() -> Path:
        nonlocal trace
        app = open_app(tmp_path)
        try:
            await add_documents(app, tmp_path)
            answer = await app.ask(ANNA, AskRequest(question="How heavy is the turbine pump TX-9?"))
            trace = answer.trace_id
            # While the folder is held, as by a server.
            with_owner = DataFolder.acquire(tmp_path / "data")
            folder = await asyncio.to_thread(saved, tmp_path)
            with_owner.release()
            return folder
        finally:
            await app.aclose()

    async def after(app: App) -> None:
        assert "pump.txt" in titles(await app.search(ANNA, TURBINE))
        assert "pay.txt" in titles(await app.search(ANNA, SALARY))
        assert "pay.txt" not in titles(await app.search(Principal(id="bob"), SALARY))
        assert (await app.trace(ANNA, trace))["answer"]
        report = await app.sync(ME)
        assert (report.unchanged, report.added, report.deleted) == (2, 0, 0)

    done = restored(tmp_path, asyncio.run(before()), monkeypatch, after)
    assert done.documents == {"test": 2}
    assert [check.name for check in done.checks if not check.ok] == []
    assert "restored" in [check.name for check in done.checks]
    assert done.erasures is None
    assert any("run rag sync" in line for line in done.warnings)


def test_what_was_deleted_since_is_deleted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def before() -> tuple[Path, Path]:
        app = open_app(tmp_path)
        try:
            await add_documents(app, tmp_path)
            await app.add_source(ME, connector="uploads", config={}, name="inbox")
            await app.add_source(
                ME, connector="files", config={"path": str(tmp_path / "more")}, name="more"
            )
            for name in ("early.txt", "late.txt"):
                await app.upload(ME, "inbox", name, f"The gasket of {name} is red.".encode())
                await app.sync(ME, source="inbox") if name == "early.txt" else None
            await app.sync(ME, source="more")
            gone, kept = (app._parts.conversations.begin("anna", "test").id for _ in "ab")
            links.extend(app._parts.conversations.share("anna", one) for one in (gone, kept))
            talks.append(kept)
            backup = await asyncio.to_thread(saved, tmp_path)
            untold = await asyncio.to_thread(saved, tmp_path, "untold")
            app._parts.conversations.delete("anna", gone)
            (tmp_path / "docs" / "hr" / "pay.txt").unlink()
            await app.sync(ME, source="docs")
            await app.remove_source(ME, "more")
            await app.remove_upload(ME, "inbox", "early.txt")
            await app.remove_upload(ME, "inbox", "late.txt")
            found = await asyncio.to_thread(refresh, load(tmp_path / "data"), backup)
            assert sorted(one.kind for one in found.erasures) == [
                "conversation", "document", "document", "document", "source", "upload", "upload",
            ]  # fmt: skip
            return backup, untold
        finally:
            await app.aclose()

    links: list[str] = []
    talks: list[str] = []
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "m.txt").write_text("The gasket of m.txt is green.")
    backup, untold = asyncio.run(before())

    async def told(app: App) -> None:
        assert titles(await app.search(ANNA, SALARY)) == ["pump.txt"]
        assert titles(await app.search(ANNA, GASKET)) == ["pump.txt"]
        assert {one.name for one in await app.sources(ME)} == {"docs", "inbox"}
        assert await app.uploads(ME, "inbox") == []
        there = app._parts.conversations.page("anna", "test", limit=9)
        assert [one.id for one in there] == talks
        for link in links:
            # One may have been ended since, and nobody knows which.
            with pytest.raises(NotFound):
                app._parts.conversations.shared(link)
        await app.sync(ME)
        assert titles(await app.search(ANNA, GASKET)) == ["pump.txt"]
        # A backup of this knows of them too: they are not forgotten with the next restore.
        again = await asyncio.to_thread(saved, tmp_path / "new")
        found = await asyncio.to_thread(refresh, load(tmp_path / "new" / "data"), again)
        assert found.erasures == ()

    done = restored(tmp_path, backup, monkeypatch, told)
    assert done.erasures is not None
    assert len(done.erasures.erasures) == 7

    async def not_told(app: App) -> None:
        assert "pay.txt" in titles(await app.search(ANNA, SALARY)), "without the list it is back"

    # Elsewhere: the engine of a folder outlives its last client for a moment.
    restored(tmp_path, untold, monkeypatch, not_told, beside="elsewhere")


def test_runs_that_were_under_way_are_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def before() -> Path:
        app = open_app(tmp_path, apart=True)
        try:
            config = {"path": str(tmp_path / "docs")}
            await app.add_source(ME, connector="files", config=config, name="docs")
            await app.start_sync(ME, "docs")
            return await asyncio.to_thread(saved, tmp_path)
        finally:
            await app.aclose()

    async def after(app: App) -> None:
        (run,) = await app.runs(ME)
        assert (run.state, run.error and run.error.message) == (
            "cancelled",
            "A backup was restored.",
        )
        assert (await app.sync(ME)).added == 2

    done = restored(tmp_path, asyncio.run(before()), monkeypatch, after)
    assert done.documents == {}


def test_a_damaged_backup_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def before() -> Path:
        app = open_app(tmp_path)
        await add_documents(app, tmp_path)
        await app.aclose()
        return await asyncio.to_thread(saved, tmp_path)

    folder = asyncio.run(before())
    blob = sorted((folder / "blobs").glob("??/*"))[-1]
    blob.write_bytes(b"damaged")
    with pytest.raises(Exception, match="damaged"):
        restored(tmp_path, folder, monkeypatch)
    assert not (tmp_path / "new" / "data").exists()
    (folder / "manifest.json").unlink()
    shutil.rmtree(tmp_path / "new")
    with pytest.raises(NotFound, match="no whole backup"):
        restored(tmp_path, folder, monkeypatch)


def test_a_folder_in_use_or_with_something_in_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def before() -> Path:
        app = open_app(tmp_path)
        await add_documents(app, tmp_path)
        await app.aclose()
        return await asyncio.to_thread(saved, tmp_path)

    folder = asyncio.run(before())
    again = restore(lambda: load(tmp_path / "data"), folder, verify=False, progress=silent)
    with pytest.raises(Conflict, match="not empty"):
        asyncio.run(again)
    held = DataFolder.acquire(tmp_path / "empty")
    again = restore(lambda: load(tmp_path / "empty"), folder, verify=False, progress=silent)
    with pytest.raises(Locked):
        asyncio.run(again)
    held.release()


def test_there_is_nothing_to_back_up_where_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Nothing is kept"):
        back_up(load(tmp_path / "data"), tmp_path / "backup", keys=False, progress=silent)
    assert list(tmp_path.iterdir()) == []


def test_secrets_that_a_backup_has_are_told(tmp_path: Path) -> None:
    app = open_app(tmp_path)
    asyncio.run(app.aclose())
    path = tmp_path / "data" / "rag.toml"
    path.write_text(f'{path.read_text()}[index]\napi_key = "s3cret"\n')
    (tmp_path / "data" / "secret.keys").write_text("key")
    settings = load(tmp_path / "data")
    _, remarks = back_up(settings, tmp_path / "one", keys=False, progress=silent)
    assert [line for line in remarks if "index.api_key" in line]
    assert "s3cret" not in " ".join(remarks)
    _, remarks = back_up(settings, tmp_path / "two", keys=True, progress=silent)
    assert [line for line in remarks if "as secret as" in line]


def test_a_pack_that_is_missing_is_told_and_the_rest_is_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def before() -> Path:
        app = open_app(tmp_path)
        await add_documents(app, tmp_path)
        await app.aclose()
        return await asyncio.to_thread(saved, tmp_path)

    folder = asyncio.run(before())
    broken = tmp_path / "pack" / "pack.toml"
    text = broken.read_text()
    broken.write_text("nonsense")
    done = restored(tmp_path, folder, monkeypatch, verify=False)
    assert done.documents == {}
    (told,) = [line for line in done.warnings if "sync --rebuild" in line]
    assert "'test' is not built" in told
    (tmp_path / "new" / "pack" / "pack.toml").write_text(text)

    async def after() -> None:
        app = open_app(tmp_path / "new")
        assert await app.rebuild(ME) == 2
        assert "pay.txt" in titles(await app.search(ANNA, SALARY))
        await app.aclose()

    asyncio.run(after())


def test_what_was_learned_is_made_again_of_what_it_learned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.learn.remembering.HELD_OUT", 0.0)
    monkeypatch.setattr("rag.app.adapters.ENOUGH", 1)
    size = []

    def around(questions: Any, useful: Any, pool: Any) -> Fit:
        size.append(len(questions))
        return Fit(-np.eye(questions.shape[1], dtype=np.float32), 1.0, 1, 0.5, 0.6)

    monkeypatch.setattr("rag.app.adapters.adapted", around)
    found: list[list[str]] = []

    async def before() -> Path:
        app = open_app(tmp_path)
        try:
            await add_documents(app, tmp_path)
            await more_pumps(app, tmp_path)
            await app.agree(BOB, ALL)
            await app.agree(ANNA, ALL)
            for number, kind in enumerate(("memory", "adapter")):
                useful = await prefers(app, BOB, "tx-11.txt", against=not number)
                made = await app.tuning.make(CURATOR, kind, None)
                releases = Releases(app._parts.ledger.database, utc_now)
                releases.promote("test", number, made.id, "untold", CURATOR.id, "")
            found.append(await hits(app, ANNA, WEIGHT))
            assert found[0][0] == useful
            return await asyncio.to_thread(saved, tmp_path)
        finally:
            await app.aclose()

    async def after(app: App) -> None:
        assert await hits(app, ANNA, WEIGHT) == found[0]
        explained = await app.explain(ANNA, ExplainRequest(query=WEIGHT))
        assert explained.adapter
        assert explained.moved

    done = restored(tmp_path, asyncio.run(before()), monkeypatch, after)
    assert not [one for one in done.warnings if "made again" in one]
    assert size == [1, 1]


def test_versions_of_datasets_come_along_without_what_was_erased_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_of = {}

    def files(root: Path) -> dict[str, bytes]:
        found = root / "datasets" / "test"
        return {
            path.relative_to(found).as_posix(): path.read_bytes()
            for path in sorted(found.rglob("*"))
            if path.is_file()
        }

    async def before() -> tuple[Path, Path]:
        app = open_app(tmp_path)
        try:
            await add_documents(app, tmp_path)
            for who in (ANNA, BOB):
                await app.agree(who, ALL)
                await rated(app, who, WEIGHT if who is ANNA else COLOUR, UP)
            await built(app)
            bytes_of.update(files(tmp_path / "data"))
            await app.datasets.export(CURATOR, "month", "csv", None)
            # As a build that is being written beside it, and one that was cut off.
            (tmp_path / "data" / "datasets" / "test" / ".unfinished-1").mkdir()
            (tmp_path / "data" / "datasets" / "test" / ".unfinished-1" / "x").write_text("half")
            backup = await asyncio.to_thread(saved, tmp_path)
            erased = await asyncio.to_thread(saved, tmp_path, "erased")
            await app.privacy.erase(CURATOR, "anna")
            await asyncio.to_thread(refresh, load(tmp_path / "data"), erased)
            return backup, erased
        finally:
            await app.aclose()

    backup, erased = asyncio.run(before())

    async def whole(app: App) -> None:
        assert files(app.settings.data) == bytes_of
        manifest, folder = await app.datasets.export(CURATOR, "month@1", "csv", None)
        assert "40 kg" in (folder / "instruction-train.csv").read_text()
        assert manifest.tables

    restored(tmp_path, backup, monkeypatch, whole)

    async def without(app: App) -> None:
        pseudonym = app._parts.traces.pseudonym(ANNA).encode()
        assert not [path for path, held in files(app.settings.data).items() if pseudonym in held]
        assert (await app.datasets.get(CURATOR, "month@1", None)).state == "withdrawn"
        rest, _ = await app.datasets.export(CURATOR, "month", "csv", None)
        assert sum(table.rows for table in rest.tables) > 0

    restored(tmp_path, erased, monkeypatch, without, beside="erased-there")
