"""The verbs of runs and schedules, for people and for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rag.types import RunProgress, SyncReport
from tests.api.fake import FakeApp


@pytest.fixture
def asked(fake: FakeApp, run) -> str:
    assert run("add", "files", "/docs", "--name", "manuals").code == 0

    async def ask() -> str:
        return (await fake.start_sync(fake.person(None), "manuals")).id

    import asyncio

    return asyncio.run(ask())


def test_runs_are_listed_shown_and_cancelled(run, asked: str) -> None:
    listed = json.loads(run("runs", "--source", "manuals", "--json").out)["runs"]
    assert [one["id"] for one in listed] == [asked]
    assert "queued" in run("runs").out
    assert "waits for a worker" in run("runs").out
    assert all(run("runs", spelt, "1").out == run("runs").out for spelt in ("-n", "--limit"))
    assert json.loads(run("run", "show", asked, "--json").out) == listed[0]
    assert "requested_by: local" in run("run", "show", asked).out
    assert run("run", "cancel", asked).out == f"{asked} is cancelled.\n"
    assert json.loads(run("run", "cancel", asked, "--json").out)["state"] == "cancelled"
    assert run("run", "show", "none").code == 4


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"state": "succeeded", "report": SyncReport().model_dump()}, "nothing to do"),
        ({"state": "succeeded", "report": {"added": 1, "chunks": 1}}, "1 added, 1 chunk"),
        ({"state": "succeeded", "report": {"dead_lettered": 2_000}}, "2,000 dead lettered"),
        ({"state": "running"}, "0 of 0 done"),
        ({"state": "cancelled"}, "stopped after 0 documents"),
        ({"kind": "change", "state": "succeeded", "report": {"documents": 0}}, "done"),
    ],
)
def test_every_run_says_what_came_of_it(
    run, fake: FakeApp, asked: str, given: dict[str, Any], told: str
) -> None:
    fake.ran = [fake.ran[0].model_copy(update=given)]
    assert run("runs").out.splitlines()[-2].rstrip().endswith(f" local   {told}")


def test_a_change_is_called_by_what_it_was(run, fake: FakeApp, asked: str) -> None:
    change = {"kind": "change", "progress": RunProgress(phase="release")}
    fake.ran = [fake.ran[0].model_copy(update=change)]
    assert run("runs").out.splitlines()[-2].split()[1] == "release"


def test_nothing_was_run_yet(run, fake: FakeApp) -> None:
    assert run("runs").out == "No runs yet. Next: rag sync\n"
    assert json.loads(run("runs", "--json").out) == {"runs": []}


def test_a_schedule_is_said_in_words(run, asked: str) -> None:
    told = run("source", "schedule", "manuals", "--every", "15m").out
    assert told == "'manuals' is read next at 2026-01-01 00:15:00 UTC.\n"
    shown = json.loads(run("source", "schedule", "manuals", "--cron", "0 3 * * *", "--json").out)
    assert shown["schedule"]["cron"] == "0 3 * * *"
    assert shown["next_sync"] == "2026-01-01T03:00:00Z"
    assert "no longer" in run("source", "schedule", "manuals", "--off").out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--every", "15m", "--off"),
        ("--every", "5s"),
        ("--every", "soon"),
        ("--every", "400d"),
        ("--cron", "often"),
        ("--cron", "9" * 300),
    ],
)
def test_a_wrong_schedule_is_refused(run, asked: str, words: tuple[str, ...]) -> None:
    told = run("source", "schedule", "manuals", *words)
    assert told.code == 2
    assert told.err.startswith("rag: ")


def test_a_worker_of_its_own_needs_servers(run) -> None:
    told = run("worker", "--json")
    assert told.code == 2
    assert "PostgreSQL" in json.loads(told.err)["error"]["message"]
