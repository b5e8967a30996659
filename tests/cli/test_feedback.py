"""`rag rate` and `rag consent`: what they ask of the facade, and what they print."""

from __future__ import annotations

import json

import pytest

from rag.feedback import Verdict
from tests.api.fake import TRACE, FakeApp

PART = {
    "citation": (("--citation", "2"), {"kind": "citation", "n": 2}),
    "chunk": (("--chunk", "c"), {"kind": "chunk", "chunk_id": "c"}),
    "pair": (("--against", "t2"), {"kind": "pair", "other_trace_id": "t2"}),
    "named": (
        ("--missing", " The  handbook"),
        {"kind": "missing_document", "name": "The handbook"},
    ),
    "known": (
        ("--missing", "00000000-0000-4000-8000-000000000001"),
        {
            "kind": "missing_document",
            "document_id": "00000000-0000-4000-8000-000000000001",
        },
    ),
    "answer": ((), {"kind": "answer"}),
}


@pytest.mark.parametrize(("options", "target"), PART.values(), ids=PART.keys())
def test_a_part_is_rated_told_and_taken_back(run, fake: FakeApp, options, target) -> None:
    said = json.loads(run("rate", TRACE, "up", *options, "--json").out)
    assert {**said["target"], **target} == said["target"]
    verdict, key, surface = fake.seen[-1][2]
    signal = "pairwise" if target["kind"] == "pair" else "thumb"
    assert verdict == Verdict.model_validate({"target": target, "signal": signal, "value": 1})
    assert (key, surface) == (None, "cli")
    assert json.loads(run("rate", TRACE, "--json").out)["feedback"] == [said]
    assert target["kind"] in run("rate", TRACE).out
    assert run("rate", TRACE, "retract", *options).out == "Taken back.\n"
    assert json.loads(run("rate", TRACE, "--json").out)["feedback"] == []
    assert run("rate", TRACE, "retract", *options).code == 4


def test_a_verdict_says_why(run, fake: FakeApp) -> None:
    ran = run(
        *("rate", TRACE, "down", "--reason", "incomplete", "--reason", "style"),
        *("--comment", "Half.", "--correction", "All of \x1b[31m it."),
    )
    assert ran.out == "Thank you, that is kept.\n"
    verdict = fake.seen[-1][2][0]
    assert (verdict.value, verdict.reasons) == (-1, ("incomplete", "style"))
    assert (verdict.comment, verdict.correction.text) == ("Half.", "All of \x1b[31m it.")
    assert "\x1b" not in run("rate", TRACE).out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("up", "--citation", "1", "--chunk", "c"), 2, "about one thing"),
        (("up", "--citation", "0"), 2, "citation.n"),
        (("down", "--missing", "x"), 2, "above 0"),
        (("down", "--reason", "ugly"), 2, "reasons"),
        (("down", "--comment", "x" * 10_001), 2, "comment"),
        (("sideways",), 2, "sideways"),
    ],
)
def test_what_cannot_be_said(run, fake: FakeApp, arguments, code: int, told: str) -> None:
    ran = run("rate", TRACE, *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err
    assert fake.rated == []


def test_nothing_is_rated_that_is_not_there(run, fake: FakeApp) -> None:
    assert run("rate", "nope", "up").code == 4


def test_consent_is_told_given_and_taken_away(run, fake: FakeApp) -> None:
    assert "agreed to: nothing" in run("consent").out
    given = json.loads(run("consent", "training", "retrieval", "--json").out)["given"]
    assert given == {"purposes": ["retrieval", "training"], "version": 1}
    assert "agreed to: retrieval, training." in run("consent").out
    fake.agreed = fake.agreed.model_copy(update={"version": 0})
    assert "of an older text" in run("consent").out
    assert run("consent", "none", "training").code == run("consent", "money").code == 2
    assert "agreed to: nothing" in run("consent", "none").out
