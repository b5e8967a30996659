"""The table of groups on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from rag.store.database import Database
from rag.store.groups import Groups, Membership

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def groups(database_url: str) -> Iterator[Groups]:
    database = Database(database_url)
    database.migrate()
    yield Groups(database, lambda: NOW)
    database.close()


def test_what_was_said_last_counts_and_says_who_said_it(groups: Groups) -> None:
    groups.set("d", "hr", "anna", belongs=True, by="root")
    groups.set("d", "hr", "anna", belongs=False, by="eve")
    groups.set("d", "hr", "bob", belongs=True, by="root")
    gone, there = groups.list("d")
    assert gone == Membership(
        group="hr", user="anna", belongs=False, changed_by="eve", changed_at=NOW
    )
    assert (there.user, there.belongs, there.changed_by) == ("bob", True, "root")
    assert groups.list("d", "bob") == [there]


def test_a_group_of_another_domain_is_another_group(groups: Groups) -> None:
    groups.set("one", "hr", "anna", belongs=True, by="root")
    assert groups.list("two") == []
    assert groups.list("two", "anna") == []


def test_two_admins_at_once_leave_one_word(groups: Groups) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(24):
            pool.submit(groups.set, "d", "hr", "anna", belongs=number % 2 == 0, by=str(number))
    (left,) = groups.list("d")
    assert left.belongs == (int(left.changed_by) % 2 == 0)
