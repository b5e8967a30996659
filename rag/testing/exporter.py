"""The contract of `rag.protocols.Exporter`: subclass, say which is yours, and run pytest."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.datasets import (
    SPLITS,
    Evaluation,
    Exported,
    Instruction,
    Judged,
    Label,
    Preference,
    Relevance,
    Row,
    Split,
    Task,
)
from rag.protocols import Exporter
from rag.types import Message

MANY = 6_000
HELD = 3_000
"""Of many rows, so many at most may be held at a time."""

_ODD = [
    "=1+1",
    "\u2028",
    "\u0085",
    "\x00",
    "😀",
    "\u202e",
    "a,b\t;\n\r\n",
    '"',
    "'=x",
    "@x",
]
TEXTS = st.one_of(
    st.text(min_size=1, max_size=40), st.lists(st.sampled_from(_ODD), min_size=1).map("".join)
)
_IDS = st.integers(0, 30).map("c{}".format)
_MESSAGES = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=TEXTS),
    min_size=1,
    max_size=4,
).map(tuple)
_SCORES = st.sampled_from([0.0, 0.25, 1.0])
_PASSAGES = st.lists(
    st.builds(Judged, id=_IDS, title=TEXTS, text=TEXTS, score=_SCORES), min_size=1, max_size=4
).map(tuple)
ROWS: dict[Task, st.SearchStrategy[Row]] = {
    "instruction": st.builds(Instruction, prompt=_MESSAGES, completion=TEXTS),
    "preference": st.builds(Preference, prompt=_MESSAGES, chosen=TEXTS, rejected=TEXTS),
    "label": st.builds(Label, prompt=_MESSAGES, completion=TEXTS, label=st.booleans()),
    "relevance": st.builds(
        Relevance, id=st.integers(0, 10**6).map("q{}".format), question=TEXTS, passages=_PASSAGES
    ),
    "evaluation": st.builds(Evaluation, id=_IDS, question=TEXTS, response=TEXTS, reference=TEXTS),
}
"""Rows of every task, of the texts that break formats."""


def sample(task: Task, number: int) -> Row:
    """A row that every format of its task can hold; one of its kind for each number."""
    asked = (
        Message(role="system", content="Answer from the passages."),
        Message(role="user", content=f"How is seal {number} replaced?"),
        Message(role="assistant", content="Which pump is it?"),
        Message(role="user", content="The one in hall 2.\n\n[1] Drain the pump."),
    )
    good = Judged(id=f"c{2 * number}", title="Seals", text=f"Drain pump {number}.", score=1)
    bad = Judged(id=f"c{2 * number + 1}", text=f"Call office {number}.", score=0)
    rows: dict[Task, Row] = {
        "instruction": Instruction(prompt=asked, completion="Drain the pump [1]."),
        "preference": Preference(prompt=asked, chosen="Drain it [1].", rejected="No idea."),
        "label": Label(prompt=asked, completion="Drain it [1].", label=number % 2 == 0),
        "relevance": Relevance(
            id=f"q{number}", question=f"How is seal {number} replaced?", passages=(good, bad)
        ),
        "evaluation": Evaluation(
            id=f"q{number}",
            question="How is the seal replaced?",
            contexts=("Drain the pump.",),
            context_ids=("c1",),
            response="Drain it [1].",
            reference="Drain the pump first.",
            reference_contexts=("Drain the pump.",),
            reference_ids=("c1",),
        ),
    }
    return rows[task]


class ExporterContract:
    """What every Exporter promises. Override `exporter`: a fresh one each time."""

    def exporter(self) -> Exporter:
        raise NotImplementedError("A contract has none of its own: the subclass names it.")

    def splits(self) -> list[Split]:
        return [split for split in SPLITS if split != "test" or not self.exporter().trains]

    def write(self, folder: Path, rows: dict[Task, list[Row]]) -> Exported:
        """All rows in the first split."""
        folder.mkdir()
        exporter = self.exporter()
        return exporter.export(
            {
                task: {
                    split: iter(rows.get(task, []) if place == 0 else [])
                    for place, split in enumerate(self.splits())
                }
                for task in exporter.tasks
            },
            folder,
        )

    def samples(self, count: int) -> dict[Task, list[Row]]:
        return {
            task: [sample(task, number) for number in range(count)]
            for task in self.exporter().tasks
        }

    def test_it_says_what_it_is_for(self) -> None:
        exporter = self.exporter()
        assert exporter.about.strip()
        assert not exporter.about.endswith(".")
        assert exporter.tasks
        assert len(set(exporter.tasks)) == len(exporter.tasks)

    def test_a_plain_row_is_held(self, tmp_path: Path) -> None:
        done = self.write(tmp_path / "out", self.samples(3))
        assert _left_out(done) == 0
        assert sum(table.rows for table in done.tables) >= 3

    def test_no_rows_give_files(self, tmp_path: Path) -> None:
        done = self.write(tmp_path / "out", {})
        assert done.tables
        assert sum(table.rows for table in done.tables) == 0
        for table in done.tables:
            assert (tmp_path / "out" / table.path).is_file()

    def test_equal_rows_give_equal_bytes(self, tmp_path: Path) -> None:
        done = [self.write(tmp_path / name, self.samples(20)) for name in ("one", "other")]
        assert done[0] == done[1]
        assert _bytes(tmp_path / "one") == _bytes(tmp_path / "other")

    def test_files_are_named_once(self, tmp_path: Path) -> None:
        done = self.write(tmp_path / "out", self.samples(2))
        paths = [table.path for table in done.tables]
        assert len(set(paths)) == len(paths)
        assert {*paths} <= {*_bytes(tmp_path / "out")}

    def test_rows_are_not_held(self, tmp_path: Path) -> None:
        exporter = self.exporter()
        folder = tmp_path / "out"
        folder.mkdir()
        most = 0
        alive: weakref.WeakSet[Row] = weakref.WeakSet()

        def rows(task: Task, split: Split) -> Iterator[Row]:
            nonlocal most
            for number in range(MANY if split == "train" else 0):
                row = _watched(sample(task, number))
                alive.add(row)
                most = max(most, len(alive))
                yield row
                del row

        exporter.export(
            {
                task: {split: rows(task, split) for split in self.splits()}
                for task in exporter.tasks
            },
            folder,
        )
        assert 0 < most <= HELD

    @settings(
        max_examples=40,
        deadline=None,
        database=None,
        # Every subclass runs the same test; nothing is kept between them.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
    )
    @given(data=st.data())
    def test_whatever_the_text(self, data: st.DataObject) -> None:
        """A row is held or left out, never lost, and what is written can be read."""
        for task in self.exporter().tasks:
            row = data.draw(ROWS[task])
            with TemporaryDirectory() as parent:
                folder = Path(parent) / "out"
                done = self.write(folder, {task: [row]})
                left_out = _left_out(done)
                assert left_out in (0, 1)
                assert (sum(table.rows for table in done.tables) > 0) is (left_out == 0)
                for table in done.tables:
                    _readable(folder / table.path, table.rows)

    def test_what_is_there_is_not_written_over(self, tmp_path: Path) -> None:
        self.write(tmp_path / "out", self.samples(1))
        before = _bytes(tmp_path / "out")
        with pytest.raises(FileExistsError):
            self.exporter().export(
                {
                    task: {split: iter(()) for split in self.splits()}
                    for task in self.exporter().tasks
                },
                tmp_path / "out",
            )
        assert _bytes(tmp_path / "out") == before


def _left_out(done: Exported) -> int:
    return sum(
        count
        for splits in done.left_out.values()
        for reasons in splits.values()
        for count in reasons.values()
    )


def _bytes(folder: Path) -> dict[str, bytes]:
    files: Iterable[Path] = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _watched(row: Row) -> Row:
    """A copy of its own that a weak reference can tell apart from equal ones."""
    return row.model_copy()


def _readable(path: Path, rows: int) -> None:
    if path.suffix not in (".jsonl", ".json", ".csv", ".tsv"):
        return
    text = path.read_bytes().decode("utf-8")
    if path.suffix == ".json":
        json.loads(text)
    if path.suffix == ".jsonl":
        # However lines are counted, it is the same.
        assert len(text.splitlines()) == text.count("\n") == rows
        assert all(isinstance(json.loads(line), dict) for line in text.splitlines())
