"""The verbs through a server: the same nouns and the same errors come back."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.api.server import create_app
from rag.config import AddedModelSettings, Settings
from rag.datasets import DatasetSpec
from rag.errors import Behind, Conflict, InvalidInput, Locked, NotFound, RagError, Unavailable
from rag.feedback import Consent, Verdict
from rag.learn.lora import Recipe
from rag.remote import RemoteApp, connect
from rag.store.folder import DataFolder
from rag.store.gaps import Asked
from rag.types import AskRequest, Progress, Schedule, SearchRequest
from tests.api.fake import DOCUMENT, FAILURES, TRACE, FakeApp

pytestmark = pytest.mark.anyio


@pytest.fixture
def served(tmp_path: Path) -> FakeApp:
    return FakeApp(Settings(data=tmp_path))


@pytest.fixture
def remote(served: FakeApp) -> RemoteApp:
    transport = httpx.ASGITransport(create_app(served))
    return RemoteApp(served.settings, "http://127.0.0.1:8000", transport)


async def test_every_verb_gives_what_the_app_gives(
    remote: RemoteApp, served: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, far = served.person(None), remote.person(None)
    ask, search = AskRequest(question="How long?"), SearchRequest(query="q")
    assert await remote.ask(far, ask) == await served.ask(local, ask)
    assert await remote.search(far, search) == await served.search(local, search)
    assert (await remote.trace(far, TRACE))["id"] == TRACE
    rated = await remote.rate(far, TRACE, Verdict(value=-1, comment="ü"), key="k")
    assert [rated] == await remote.feedback(far, TRACE) == await served.feedback(local, TRACE)
    assert served.seen[-1][2] == (Verdict(value=-1, comment="ü"), "k", "api")
    assert (await remote.retract(far, TRACE, rated.id)).signal == "retract"
    assert await remote.feedback(far, TRACE) == []
    assert len(await remote.feedback(far, TRACE, history=True)) == 1
    agreed = Consent(purposes=("training",), version=1)
    assert (await remote.agree(far, agreed)).given == (await remote.consent(far)).given == agreed
    made = await remote.add_source(far, connector="files", config={"path": "/x"}, name="n")
    assert [made] == await remote.sources(far) == await served.sources(local)
    assert await remote.connectors(far) == await served.connectors(local)
    reads = await remote.check_connector(far, connector="files", config={"path": "/x"})
    assert reads == await remote.check_source(far, "n") == "2 files under /x."
    assert await remote.source(far, made.id) == made
    given = {"hidden": True, "path": "/y"}
    assert (await remote.change_source(far, "n", given)).config == given
    assert (await remote.change_source(far, "n", {"hidden": None})).config == {"path": "/y"}
    assert (await remote.pause_source(far, "n", True)).paused
    added = AddedModelSettings(provider="openai_like", model="m", base_url="https://x.example")
    new = await remote.declared.put(far, "new", added, "sk-1")
    assert new in await remote.declared.list(far) == await served.declared.list(local)
    assert (await remote.declared.set_key(far, "new", "sk-2")).key == new.key
    assert served.declared.keys == {"new": "sk-2"}
    await remote.declared.remove_key(far, "new")
    await remote.declared.remove(far, "new")
    assert [one.name for one in await remote.declared.list(far)] == ["big"]
    assert await remote.release_hold(far, "n") == 3
    assert [await remote.retry(far, "n"), await remote.retry(far, "n", DOCUMENT)] == [4, 1]
    assert (await remote.rotate_keys(far)).sources == 5
    odd = "ü b%2F?#;.txt"
    kept = await remote.upload(far, "n", odd, b"x", media_type="a/b", readers=["group:h r"])
    assert [kept] == await remote.uploads(far, "n") == await served.uploads(local, "n")
    assert (kept.name, kept.readers, kept.media_type) == (odd, ("group:h r",), "a/b")
    await remote.remove_upload(far, "n", odd)
    assert await served.uploads(local, "n") == []
    assert await remote.sync(far) == await served.sync(local)
    run = await remote.start_sync(far, "n")
    assert [run] == await remote.runs(far, source="n") == await served.runs(local)
    assert await remote.run(far, run.id) == run
    seen = [one async for one in remote.follow_run(far, run.id)]
    assert seen == [one async for one in served.follow_run(local, run.id)]
    assert (await remote.cancel_run(far, run.id)).state == "cancelled"
    hourly = Schedule(cron="0 * * * *")
    assert (await remote.schedule_source(far, "n", hourly)).schedule == hourly
    assert (await remote.schedule_source(far, "n", None)).next_sync is None
    assert await remote.rebuild(far) == 2
    assert await remote.evaluate(far) == await served.evaluate(local)
    assert await remote.documents(far) == await served.documents(local)
    assert len(await remote.documents(far, failed=True)) == 1
    for given in ({"limit": 1}, {"limit": 5}, {"after": DOCUMENT}):
        assert await remote.documents(far, **given) == await served.documents(local, **given)
    monkeypatch.setattr("rag.remote.PAGE", 1)
    assert await remote.documents(far) == await served.documents(local)
    assert [one.held for one in await remote.documents(far, held=True)] == [True]
    assert await remote.remove_source(far, "n") == 2
    assert await remote.models(far) == await served.models(local)
    assert await remote.check_models(far, "big") == await served.check_models(local, "big")
    assert await remote.model_costs(far, "day", 7) == await served.model_costs(local, "day", 7)
    assert await remote.model_days(far, "domain", 7) == await served.model_days(local, "domain", 7)
    assert await remote.conform(far, "big") == await served.conform(local, "big")
    assert await remote.score_cards(far, "big") == await served.score_cards(local, "big")
    chosen = await remote.choose_model(far, "big", override="why")
    assert chosen == await served.choose_model(local, "big", override="why")
    assert await remote.model_choices(far) == await served.model_choices(local)
    assert await remote.groups(far) == await served.groups(local)
    assert await remote.collect(far) == await served.collect(local)
    assert (await remote.change_group(far, "a b?ü", "bo", belongs=True)).members[0].user == "bo"
    assert (await remote.change_group(far, "hr", "bo", belongs=False)).members == ()
    assert await remote.original(far, DOCUMENT, 1) == await served.original(local, DOCUMENT, 1)
    assert await remote.text(far, DOCUMENT, 1) == await served.text(local, DOCUMENT, 1)
    assert await remote.doctor() == await served.doctor()
    assert [check.name for check in await remote.ready()] == ["database", "configuration"]
    await remote.aclose()
    assert not served.closed, "closing the line does not close the server's app"


def test_it_has_every_verb_of_the_app() -> None:
    app = pytest.importorskip("rag.app", reason="the facade is not built here")
    verbs = {name for name in dir(app.App) if not name.startswith("_")}
    # Only the process that owns the folder needs these.
    own = {"add_pack_sources", "compare_with_pack", "ended_runs", "freshness", "pack"}
    own |= {"unusable", "warm", "work"}
    # The web UI shows these; no command does.
    own |= {
        "dataset_runs",
        "about",
        "chunks",
        "explain",
        "generations",
        "draft_settings",
        "upkeep",
        "view",
    }
    assert verbs - own <= {name for name in dir(RemoteApp) if not name.startswith("_")}


async def test_the_data_team_works_through_a_server(remote: RemoteApp, served: FakeApp) -> None:
    local, far = served.person(None), remote.person(None)
    spec = DatasetSpec(name="month", review=("raw",))
    steps: list[Progress] = []
    built = await remote.datasets.build(far, spec, None, steps.append)
    assert (built.spec, built.name, [one.done for one in steps]) == (spec, "month", [2])
    assert await remote.datasets.list(far, None) == await served.datasets.list(local, None)
    assert (await remote.datasets.get(far, "month@1", None)).number == 1
    told = await remote.datasets.diff(far, "month@1", "month", None)
    assert (told.one, told.other, told.kept) == ("month@1", "month", {"label": 1})
    assert await remote.datasets.formats(far) == await served.datasets.formats(local)
    assert await remote.datasets.redaction(far) == await served.datasets.redaction(local)
    shown = await remote.datasets.preview(far, "ada@example.com")
    assert shown.text == "<EMAIL_ADDRESS_1>"
    exported, folder = await remote.datasets.export(far, "month", "trl-sft", None)
    assert exported.source.name == "month"
    assert folder == remote.settings.data / "datasets/.exports" / ("0" * 16) / "trl-sft"
    assert await remote.curation.review(far, ["f1"], "accepted", "good") == 1
    asked = Asked(since=datetime(2026, 1, 1, tzinfo=UTC), language="en")
    told = await remote.gaps.list(far, asked, 10)
    assert told == await served.gaps.list(local, asked, 10)


async def test_settings_are_searched_for_through_a_server(
    remote: RemoteApp, served: FakeApp
) -> None:
    far = remote.person(None)
    await remote.tuning.make(far, "configuration", None, lambda _: None, budget=3, answers=True)
    assert served.tuning.search == (3, True)


async def test_candidates_are_tried_through_a_server(remote: RemoteApp, served: FakeApp) -> None:
    local, far = served.person(None), remote.person(None)
    steps: list[Progress] = []
    made = await remote.tuning.make(far, "memory", None, steps.append)
    recipe = Recipe(dataset="month@1", base="small", steps=3)
    assert await remote.tuning.train(far, recipe, None, steps.append) == made
    assert steps[-1].total == recipe.steps
    assert await remote.tuning.list(far, None) == [made]
    assert await remote.tuning.get(far, "memory-1", None) == await served.tuning.get(
        local, "memory-1", None
    )
    said = await remote.tuning.measure(far, "memory-1", None, steps.append)
    assert (said.report.outcome, len(steps)) == ("insufficient", 3)
    with pytest.raises(NotFound):
        await remote.tuning.measure(far, "memory-2", None, steps.append)
    assert (await remote.tuning.promote(far, "memory-1", None, "better")).why == "better"
    back = await remote.tuning.roll_back(far, None)
    assert (back.number, back.back_to) == (2, 0)
    with pytest.raises(Behind, match="3 documents"):
        await remote.tuning.roll_back(far, None, why="in haste")
    back = await remote.tuning.roll_back(far, None, why="in haste", force=True)
    assert back.number == 3
    assert await remote.tuning.releases(far, None) == await served.tuning.releases(local, None)


async def test_a_candidate_is_tried_with_people_through_a_server(
    remote: RemoteApp, served: FakeApp
) -> None:
    local, far = served.person(None), remote.person(None)
    assert await remote.candidate_trials.compare(far) is None
    with pytest.raises(Conflict):
        await remote.candidate_trials.stop(far)
    begun = await remote.candidate_trials.begin(far, "memory-1", 0.2)
    assert (begun.candidate, begun.share) == ("memory-1", 0.2)
    found = await remote.candidate_trials.compare(far)
    assert found == await served.candidate_trials.compare(local)
    assert found is not None
    assert found.trial == begun
    assert (await remote.candidate_trials.stop(far)).ended == "stopped"


async def test_an_answer_streams_and_progress_is_reported(remote: RemoteApp) -> None:
    far = remote.person(None)
    request = AskRequest(question="How long?")
    names = [event.event async for event in remote.stream(far, request)]
    assert names == ["started", "token", "answer"]
    seen: list[Progress] = []
    await remote.sync(far, progress=seen.append)
    assert [one.document for one in seen] == ["1.md", "2.md"]


async def test_the_server_looks_the_person_up(remote: RemoteApp, served: FakeApp) -> None:
    await remote.ask(remote.person("anna"), AskRequest(question="q"))
    assert served.seen[-1][1].groups == {"service"}
    with pytest.raises(RagError, match="anna"):
        await remote.ask(remote.person("ana"), AskRequest(question="q"))


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.code)
async def test_errors_come_back_as_they_were_raised(
    remote: RemoteApp, served: FakeApp, monkeypatch: pytest.MonkeyPatch, failure: RagError
) -> None:
    async def failing(*_: Any, **__: Any) -> None:
        raise failure

    monkeypatch.setattr(served, "sync", failing)
    monkeypatch.setattr(served, "documents", failing)
    for call in (remote.sync, remote.documents):
        with pytest.raises(type(failure)) as caught:
            await call(remote.person(None))
        assert type(caught.value) is type(failure)
        assert (caught.value.message, caught.value.hint) == (failure.message, failure.hint)


async def test_a_server_that_vanishes_is_unavailable(served: FakeApp) -> None:
    gone = RemoteApp(served.settings, f"http://127.0.0.1:{free_port()}")
    assert not await gone.alive()
    for call in (gone.documents, gone.sync):
        with pytest.raises(Unavailable, match="cannot be reached"):
            await call(gone.person(None))
    await gone.aclose()


async def test_126_a_held_folder_is_reached_through_its_server(
    served: FakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def yes(_: RemoteApp) -> bool:
        return True

    monkeypatch.setattr(RemoteApp, "alive", yes)
    held = DataFolder.acquire(tmp_path, "http://127.0.0.1:9")
    try:
        app = await connect(served.settings)
        assert isinstance(app, RemoteApp)
        assert app.url == "http://127.0.0.1:9"
        await app.aclose()
    finally:
        held.release()


async def test_126_an_unreachable_owner_is_named(served: FakeApp, tmp_path: Path) -> None:
    import os

    url = f"http://127.0.0.1:{free_port()}"
    held = DataFolder.acquire(tmp_path, url)
    try:
        with pytest.raises(Locked) as caught:
            await connect(served.settings, patience=0.2)
    finally:
        held.release()
    assert str(os.getpid()) in caught.value.message
    assert url in caught.value.message
    assert caught.value.exit_code == 3


async def test_a_proxy_of_the_environment_is_not_used(
    served: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    far = RemoteApp(served.settings, "http://127.0.0.1:8000")
    assert far._http._mounts == {}
    await far.aclose()


@pytest.mark.parametrize("name", ["..", "../../../syncs", "a\udcff", ""])
async def test_an_upload_is_sent_nowhere_else(remote: RemoteApp, name: str) -> None:
    for call in (
        remote.upload(remote.person(None), "n", name, b"x"),
        remote.remove_upload(remote.person(None), "n", name),
    ):
        with pytest.raises(InvalidInput):
            await call


@pytest.mark.parametrize("user", ["müller", "a\nb"])
async def test_a_name_no_header_can_carry_is_refused(remote: RemoteApp, user: str) -> None:
    with pytest.raises(InvalidInput):
        await remote.documents(remote.person(user))


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]
