"""The table of uploads on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from rag.errors import InvalidInput, NotFound
from rag.store.database import Database
from rag.store.ledger import Ledger
from rag.store.uploads import MAX_NAME_BYTES, Upload, Uploads, checked_name

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def uploads(database: Database) -> Uploads:
    return Uploads(database, lambda: NOW)


@pytest.fixture
def source(database: Database) -> str:
    return Ledger(database).sources.add("d", "inbox", "uploads", {}).id


def put(uploads: Uploads, source: str, name: str, digest: str = "1", size: int = 1) -> Upload:
    return uploads.put(
        source, name, digest=digest, size=size, media_type="text/plain", readers=("group:hr",),
        uploaded_by="anna",
    )  # fmt: skip


def test_what_was_put_comes_back(uploads: Uploads, source: str) -> None:
    made = put(uploads, source, "pay.txt", "a" * 64, 5_000_000_000)
    assert made == uploads.get(source, "pay.txt")
    assert uploads.list(source) == [made]
    assert (made.readers, made.uploaded_by, made.uploaded_at) == (("group:hr",), "anna", NOW)


def test_the_same_name_again_takes_its_place(uploads: Uploads, source: str) -> None:
    put(uploads, source, "a.txt", "1")
    put(uploads, source, "a.txt", "2")
    assert [one.digest for one in uploads.list(source)] == ["2"]


def test_one_name_uploaded_many_times_at_once_is_one_upload(uploads: Uploads, source: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: put(uploads, source, "a.txt", str(n)), range(24)))
    (left,) = uploads.list(source)
    assert left in made


def test_names_that_differ_in_a_byte_are_different(uploads: Uploads, source: str) -> None:
    names = ["A.txt", "a.txt", "\u00e9.txt", "e\u0301.txt", "a.txt ", "日本.txt", "\U0001f600"]
    for name in names:
        put(uploads, source, name)
    assert {one.name for one in uploads.list(source)} == set(names)


def test_removed_is_gone_and_only_from_its_source(
    database: Database, uploads: Uploads, source: str
) -> None:
    other = Ledger(database).sources.add("d", "other", "uploads", {}).id
    for where in (source, other):
        put(uploads, where, "a.txt")
        put(uploads, where, "b.txt")
    uploads.remove(source, "a.txt")
    uploads.remove(source, "a.txt")
    assert [one.name for one in uploads.list(source)] == ["b.txt"]
    with pytest.raises(NotFound, match=r"Did you mean 'b\.txt'"):
        uploads.get(source, "a.txt")
    Ledger(database).sources.remove(source)
    assert uploads.list(source) == []
    assert len(uploads.list(other)) == 2


BAD = {
    "empty": "",
    "blank": " ",
    "dot": ".",
    "dots": "..",
    "slash": "a/b",
    "climb": "../a",
    "backslash": "..\\a",
    "nul": "a\0b",
    "newline": "a\nb",
    "last-newline": "a\n",
    "escape": "a\x1b[31m",
    "c1": "a\x9bb",
    "line-separator": "a\u2028b",
    "surrogate": "a\udcff",
    "replaced": "a\ufffd",
    "long": "x" * (MAX_NAME_BYTES + 1),
    "long-in-bytes": "é" * 128,
}


@pytest.mark.parametrize("name", BAD.values(), ids=BAD.keys())
def test_what_could_be_a_path_or_a_control_is_no_name(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked_name(name)
    str(caught.value).encode()


@pytest.mark.parametrize("name", ["a..b", "...", ".hidden", "x" * MAX_NAME_BYTES, "a:b*?.txt"])
def test_odd_names_are_names(name: str) -> None:
    assert checked_name(name) == name
