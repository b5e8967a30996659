"""The verbs of models."""

import json

from tests.api.fake import FakeApp


def test_which_there_are(run, fake: FakeApp) -> None:
    out = run("models", "list").out
    assert "main *" in out
    assert "big > extractive" in out
    assert "1 in, 2 out" in out
    assert json.loads(run("models", "list", "--json").out)["models"][0]["name"] == "big"


def test_whether_they_answer(run, fake: FakeApp) -> None:
    ran = run("models", "check")
    assert ran.code == 7
    assert "FAILED" in ran.out
    assert "Ask later." in ran.out
    assert run("models", "check", "big").code == 0
    assert run("models", "check", "none").code == 4


def test_what_they_cost(run, fake: FakeApp) -> None:
    out = run("models", "cost", "--by", "person").out
    assert "0.2500" in out
    assert "1 answer by models whose price nobody knows" in out
    assert "Budget 'month' of person 'anna': 0.2500 USD" in out
    assert "soft 0.1 (passed) and hard 1." in out
    assert json.loads(run("models", "cost", "--json").out)["totals"][0]["answers"] == 2
