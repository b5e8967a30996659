"""The verbs of models."""

import io
import json

import pytest

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
    assert "0.1250" in out
    assert "1 answer by models whose price nobody knows" in out
    assert "Budget 'month' of person 'anna': 0.2500 USD" in out
    assert "soft 0.1 (passed) and hard 1." in out
    assert json.loads(run("models", "cost", "--json").out)["totals"][0]["answers"] == 2


def test_one_is_tried_and_chosen(run, fake: FakeApp) -> None:
    out = run("models", "conform", "big").out
    assert "cites: Why? - none." in out
    assert "'big' scores 0.50" in out
    assert "cites 0.50" in run("models", "cards").out
    assert run("models", "use", "big").code == 6
    assert "answers in 'pumps'" in run("models", "use", "big", "--override", "a trial").out
    assert "a trial" in run("models", "use").out
    assert json.loads(run("models", "use", "--json").out)["choices"][0]["floor"] == 0.8


def test_one_is_tried_beside_another_and_taken_back(run, fake: FakeApp) -> None:
    for wrong in (
        (), ("big",), ("--canary", "0.1"), ("big", "--canary", "0.1", "--shadow", "1"),
        ("big", "--stop"), ("big", "--shadow", "0"), ("big", "--shadow", "1.5"),
    ):  # fmt: skip
        assert run("models", "try", *wrong).code == 2, wrong
    assert run("models", "try", "--stop").code == 6
    assert run("models", "compare").code == 4
    assert "'big' 100% of the questions" in run("models", "try", "big", "--shadow", "1").out
    out = run("models", "try", "big", "--canary", "0.1", "--override", "why not").out
    assert "'main' answers in 'pumps' from the next question on, and 'big' 10% of the conv" in out
    out = run("models", "compare").out
    assert "canary of 'big' (0.1) beside 'main' since 2026-01-01" in out
    assert "1.0% and 3.0%" in out
    assert "not enough" in out
    assert "Not repeated, as too many came at once: 1 question." in out
    assert "model_busy: 2 times" in out
    assert json.loads(run("models", "compare", "--json").out)["faults"] == {"model_busy": 2}
    assert "'main' answers in 'pumps' from the next question on.\n" in (
        run("models", "try", "--stop").out
    )
    assert "What is configured answers" in run("models", "rollback").out


def test_one_is_added_with_a_key_that_is_no_argument(
    run, fake: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_KEY", "sk-of-a-variable")
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-piped\n"))
    url = ("--base-url", "https://models.example/v1")
    ran = run("models", "add", "new", *url, "--key", "--set", "temperature=0.5")
    assert (ran.code, fake.declared.keys) == (0, {"new": "sk-piped"})
    assert "with a key" in ran.out
    assert "sk-piped" not in ran.out + ran.err
    told = fake.declared.models["new"].settings
    assert (told["model"], told["temperature"], told["base_url"]) == ("new", 0.5, url[1])
    assert run("models", "key", "big", "--key-env", "OTHER_KEY").code == 0
    assert fake.declared.keys["big"] == "sk-of-a-variable"
    for wrong in (
        ("key", "big", "--key-env", "NO_SUCH"), ("key", "big"), ("add", "x", "--set", "nonsense"),
        ("add", "x", "--set", "api_key=sk-1"), ("add", "x", "--set", "engine=steam"),
        ("add", "x", "--set", "temperature=warm"),
    ):  # fmt: skip
        assert run("models", *wrong).code == 2, wrong
    assert run("models", "add", "big", *url).code == 6
    assert "has no key" in run("models", "key", "big", "--remove").out
    assert run("models", "key", "big", "--remove").code == 4
    assert "Removed 'new'" in run("models", "remove", "new").out
    assert run("models", "remove", "new").code == 4
