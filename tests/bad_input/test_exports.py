"""E6, datasets and exports: 141 to 150, on real parts.

143 and 144, the disk and kill -9, are in tests/faults/test_exports.py.
"""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select

from rag.app import App
from rag.datasets import Instruction, line, row_hash
from rag.errors import Conflict, Forbidden
from rag.learn.built import MANIFEST, Built
from rag.learn.exporters.spreadsheet import safe
from rag.learn.exporting import export, formats
from rag.store.learning import SplitRow
from rag.types import Message, Principal, Role
from tests.app.test_app import ANNA, BOB
from tests.app.test_datasets import (
    COLOUR,
    CURATOR,
    DOWN,
    SALARY,
    UP,
    WEIGHT,
    built,
    rated,
    rows_of,
    tell,
    words_below,
)
from tests.bad_input.test_covered import names_in
from tests.bad_input.test_feedback import client_of
from tests.learn.dataset_folders import write_dataset

__all__ = ["tell"]
FORMATS = [one.name for one in formats()]


def test_140_who_is_erased_is_in_no_later_dataset(tell: Any) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)
        await rated(app, BOB, COLOUR, DOWN)
        await built(app)
        await app.privacy.erase(CURATOR, "anna")
        made, folder = await built(app, name="later")
        pseudonym = app._parts.traces.pseudonym(ANNA)
        assert made.rows > 0
        assert pseudonym not in words_below(folder)
        assert "How much" not in words_below(folder), "nor what was asked"

    tell(story)


def test_141_a_build_while_people_go_on_is_of_one_moment(
    tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.learn.building.AT_ONCE", 1)

    async def story(app: App) -> None:
        for who in (ANNA, BOB):
            for question in (WEIGHT, COLOUR, "Tell me of the flange."):
                await rated(app, who, question, UP)
        now = app._parts.ledger.now()
        app._parts.ledger.now = lambda: now
        done = asyncio.Event()

        async def going_on() -> int:
            count = 0
            while not done.is_set():
                who = (ANNA, BOB)[count % 2]
                await rated(app, who, (WEIGHT, COLOUR)[count // 2 % 2], DOWN)
                count += 1
            return count

        talking = asyncio.create_task(going_on())
        made, _ = await built(app)
        done.set()
        assert await talking > 0
        after, _ = await built(app, name="after")
        assert rows_of(made) == rows_of(after)
        assert made.manifest["answers"] == 6

    tell(story)


@pytest.mark.parametrize("name", FORMATS)
def test_142_an_export_of_nothing_is_a_valid_one(tmp_path: Path, name: str) -> None:
    manifest = export(write_dataset(tmp_path / "empty", {}), name, tmp_path / "out")
    assert json.loads((tmp_path / "out" / MANIFEST).read_bytes())["exporter"] == name
    assert manifest.tables
    for table in manifest.tables:
        assert table.rows == 0
        assert rows_in(tmp_path / "out" / table.path) == 0


def rows_in(path: Path) -> int:
    """As a program reads it that knows only the name of the file."""
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).num_rows
    if path.suffix == ".json":
        return len(json.loads(path.read_bytes())["queries"])
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".jsonl":
        return len([json.loads(one) for one in lines])
    assert lines, "a table has a head"
    return len(lines) - 1


def test_145_exports_at_once_are_one_or_apart(tell: Any) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)
        await built(app)
        wanted = ["csv", "beir", "trl-sft", "csv", "beir", "trl-sft"]
        done = await asyncio.gather(
            *(app.datasets.export(CURATOR, "month", name, None) for name in wanted)
        )
        assert [manifest.exporter for manifest, _ in done] == wanted
        for manifest, folder in done:
            assert {*manifest.files, MANIFEST} == {
                path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
            }
        assert len({folder for _, folder in done}) == 3
        assert not [*app.settings.data.joinpath("datasets").rglob(".unfinished-*")]

    tell(story)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/datasets/month/exports"),
        ("GET", "/datasets/month/exports/csv"),
        ("GET", "/datasets/month/files"),
        ("GET", "/datasets"),
        ("POST", "/datasets"),
    ],
)
def test_146_a_user_builds_and_exports_nothing(tell: Any, method: str, path: str) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)
        await built(app)
        body = {"format": "csv"} if path.endswith("exports") else {"name": "mine"}
        look = app.person
        user = Principal(id="anna", roles=frozenset({Role.USER}))
        app.person = lambda user_id, domain=None: user  # type: ignore[method-assign]
        try:
            async with client_of(app, "anna") as client:
                given = {"json": body} if method == "POST" else {}
                came = await client.request(method, path, **given)
        finally:
            app.person = look  # type: ignore[method-assign]
        assert (came.status_code, came.json()["code"]) == (403, "forbidden")
        assert "40 kg" not in came.text
        assert [one.name for one in await app.datasets.list(CURATOR, None)] == ["month"]

    tell(story)


ODD = {
    "four bytes": "\U0001f4a9",
    "NUL": "a\x00b",
    "every line end": "a\nb\r\nc\rd\u2028e\u2029f\x85g\x0bh\x0ci",
    "marks": '"\\/\b\t{}[],:',
    "right to left": "\u202eabc\u202c",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("name", FORMATS)
def test_147_whatever_is_written_is_a_valid_line(tmp_path: Path, name: str, text: str) -> None:
    prompt = (Message(role="user", content=text),)
    row = Instruction(prompt=prompt, completion=f"Of {text}.")
    dataset = write_dataset(tmp_path / "odd", {"instruction": {"train": [row]}})
    export(dataset, name, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.jsonl"):
        for one in path.read_bytes().splitlines(keepends=True):
            assert one.endswith(b"\n")
            assert isinstance(json.loads(one.decode("utf-8")), dict)


def test_147_half_a_pair_is_in_no_row_and_every_line_can_be_written() -> None:
    with pytest.raises(ValidationError):
        Instruction(prompt=(Message(role="user", content="x"),), completion="\ud800")
    assert json.loads(line({"a": "b\ud800c"}).encode("utf-8")) == {"a": "b?c"}


@given(st.text())
@settings(max_examples=500, deadline=None)
def test_148_no_cell_begins_a_formula_and_every_text_comes_back(text: str) -> None:
    made = safe(text)
    assert not made.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert not made.startswith(("\t", "\r", "\n"))
    plain = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    assert made.removeprefix("'") == plain


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "\r=1",
    "=cmd|' /C calc'!A0",
    "＝1",
    '"=1',
]


@pytest.mark.parametrize("text", FORMULAS)
def test_148_a_formula_is_a_text_in_a_spreadsheet(tmp_path: Path, text: str) -> None:
    row = Instruction(prompt=(Message(role="user", content="x"),), completion=text)
    dataset = write_dataset(tmp_path / "odd", {"instruction": {"train": [row]}})
    export(dataset, "csv", tmp_path / "out")
    for path in (tmp_path / "out").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for cells in csv.reader(file):
                for cell in cells:
                    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝"))


def test_149_what_somebody_may_read_no_more_is_in_no_export_of_theirs(tell: Any) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, SALARY, UP)
        await rated(app, ANNA, WEIGHT, UP)
        everyone, folder = await built(app)
        assert "9 crowns" not in words_below(folder)
        assert everyone.manifest["omitted"]["label"] == {"withheld": 1}
        spec = everyone.spec.model_copy(update={"name": "hers", "audience": "mine"})
        await app.datasets.build(ANNA, spec, None, lambda _: None)
        _, out = await app.datasets.export(ANNA, "hers", "csv", None)
        assert "9 crowns" in words_below(out)
        with pytest.raises(Forbidden):
            await app.datasets.export(BOB, "hers", "csv", None)
        allowed = app._people.now
        app._people.now = lambda who, domain: allowed(BOB, domain)  # type: ignore[method-assign]
        app.datasets._people.now = app._people.now  # type: ignore[method-assign]
        with pytest.raises(Conflict, match="withdrawn"):
            await app.datasets.export(ANNA, "hers", "csv", None)
        assert "9 crowns" not in words_below(app.settings.data / "datasets")
        rest, out = await app.datasets.export(ANNA, "hers", "csv", None)
        assert "40 kg" in words_below(out), "the rest is the next version"
        assert rest.tables

    tell(story)


def test_150_the_same_again_changes_nothing_and_no_question_is_on_both_sides(tell: Any) -> None:
    async def story(app: App) -> None:
        shares = {"test_share": 0.4, "validation_share": 0.3}
        questions = (WEIGHT, COLOUR, "Tell me of the flange.", "What weighs 40 kg?")
        for who in (ANNA, BOB):
            for question in questions:
                await rated(app, who, question, UP)
        one, folder = await built(app, **shares)
        before = settled(app)
        first, out = await app.datasets.export(CURATOR, "month", "trl-sft", None)
        for _ in range(2):
            again, same = await built(app, **shares)
            assert (again.version, again.number, same) == (one.version, 1, folder)
            assert await app.datasets.export(CURATOR, "month", "trl-sft", None) == (first, out)
        # Read in and exported once more, elsewhere, it is the same.
        export(folder, "trl-sft", app.settings.data / "elsewhere")
        assert words_below(app.settings.data / "elsewhere") == words_below(out)
        # Other shares, and the same questions asked once more by somebody, move nothing.
        await rated(app, ANNA, COLOUR.lower(), UP)
        moved, other = await built(app, name="other", test_share=0.0, validation_share=0.0)
        assert settled(app).items() >= before.items()
        sides = dict(asked_in(folder))
        for question, split in asked_in(other):
            assert sides.setdefault(question, split) == split
        assert moved.rows >= one.rows

    tell(story)


def settled(app: App) -> dict[str, str]:
    with app._parts.ledger.database.read() as session:
        found = session.execute(select(SplitRow.cluster_id, SplitRow.split))
        return dict(iter(found.tuples()))


def asked_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Every question in a dataset with its split; never one in two of them."""
    held, seen = Built(folder), dict[str, str]()
    known = {row_hash(one) for path in folder.glob("rows/*/*.jsonl") for one in lines_of(path)}
    for one in lines_of(folder / "provenance.jsonl"):
        origin = json.loads(one)
        assert origin["row"] in known
        for trace in origin["traces"]:
            question = trace["standalone"].casefold()
            assert seen.setdefault(question, origin["split"]) == origin["split"]
    assert held.manifest.rows
    yield from seen.items()


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


FAULTS = "faults/test_exports.py::"
ELSEWHERE: dict[int, tuple[str, ...]] = {
    143: (FAULTS + "test_143_a_disk_that_takes_nothing_leaves_nothing",
          "learn/test_exporting.py::test_a_disk_that_fills_while_writing_leaves_nothing"),
    144: (FAULTS + "test_144_a_build_that_is_killed_anywhere_goes_on_to_the_same_bytes",
          FAULTS + "test_144_an_export_that_is_killed_anywhere_is_made_again"),
}  # fmt: skip


@pytest.mark.parametrize("number", ELSEWHERE)
def test_the_others_are_tested_too(number: int) -> None:
    for place in ELSEWHERE[number]:
        path, _, name = place.partition("::")
        assert name in names_in(path), place
