"""A breaker opens, tries one question after its time, and survives a clock that was set."""

import time

import pytest

from rag.errors import ModelBroken
from rag.models.breaker import Breaker

ERROR = ModelBroken("no")


@pytest.fixture
def clock(monkeypatch):
    now = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def opened(failures=2):
    breaker = Breaker("m", failures, 30)
    for _ in range(failures):
        assert breaker.admit()
        breaker.failed(ERROR)
    return breaker


def test_failures_in_a_row_open_it(clock):
    breaker = Breaker("m", 2, 30)
    for outcome in (breaker.passed, lambda: breaker.failed(ERROR), breaker.passed):
        assert breaker.admit()
        outcome()
    breaker.failed(ERROR)
    assert breaker.admit()
    breaker.failed(ERROR)
    assert not breaker.admit()
    assert breaker.state == "opened"


def test_after_its_time_one_question_tries(clock):
    breaker = opened()
    clock[0] += 31
    assert breaker.admit()
    assert not breaker.admit(), "a second one at once"
    breaker.passed()
    assert breaker.state == "closed"
    assert breaker.admit()
    assert breaker.admit()


def test_a_try_that_fails_opens_it_again(clock):
    breaker = opened()
    clock[0] += 31
    assert breaker.admit()
    breaker.failed(ERROR)
    assert not breaker.admit()
    clock[0] += 31
    assert breaker.admit()


def test_a_reader_who_left_decides_nothing(clock):
    breaker = opened()
    clock[0] += 31
    assert breaker.admit()
    breaker.left()
    assert breaker.state == "half-opened"
    assert breaker.admit(), "nobody would ever try it again"


def test_a_clock_set_back_keeps_it_open_no_longer_than_its_time(clock):
    breaker = opened()
    clock[0] -= 3_600
    assert not breaker.admit()
    clock[0] += 31
    assert breaker.admit()


def test_a_clock_set_forward_lets_one_try(clock):
    breaker = opened()
    clock[0] += 86_400
    assert breaker.admit()
    assert not breaker.admit()
