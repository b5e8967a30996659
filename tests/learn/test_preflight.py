"""What is found in an export's lines alone; what consumers do with them is in tests/consumers."""

import json

import pytest

from rag.errors import InvalidInput, NotFound
from rag.learn.exporting import formats
from rag.learn.preflight import verifying
from rag.learn.preflight.checks import check
from rag.learn.preflight.verifying import told, verify
from tests.learn import planting
from tests.learn.dataset_folders import write_dataset
from tests.learn.planting import changed, exported

PLANTED = [
    ("trl-sft", "train.jsonl", planting.two_shapes, "two_shapes"),
    ("trl-sft", "train.jsonl", planting.tool_call, "null_content"),
    ("trl-dpo", "train.jsonl", planting.same, "same_answers"),
    ("trl-kto", "train.jsonl", planting.one_class, "one_class"),
    ("trl-kto", "train.jsonl", planting.as_text, "not_bool"),
    ("sharegpt", "kto-train.jsonl", planting.as_number, "not_bool"),
    ("alpaca", "kto-train.jsonl", planting.as_number, "not_bool"),
    ("sharegpt", "sft-train.jsonl", planting.twice, "turns"),
    ("pairs", "train.jsonl", planting.event_behind, "columns"),
    ("pairs", "train.jsonl", planting.event_first, "columns"),
    ("pairs", "train.jsonl", planting.labelled, "label_ignored"),
    ("openai-sft", "train.jsonl", planting.emptied, "empty_messages"),
]


def codes(folder):
    manifest = json.loads((folder / "manifest.json").read_bytes())
    format, tables, files = verifying._read(folder)
    assert format == manifest["exporter"]
    return {problem.code for problem in check(folder, format, tables, files)}


@pytest.mark.parametrize("name", [one.name for one in formats()])
def test_what_is_exported_is_well(tmp_path, name):
    assert codes(exported(tmp_path, name)) == set()


@pytest.mark.parametrize(
    ("name", "path", "plant", "code"),
    PLANTED,
    ids=[f"{name}-{plant.__name__}" for name, _, plant, _ in PLANTED],
)
def test_what_is_planted_is_found(tmp_path, name, path, plant, code):
    assert code in codes(changed(exported(tmp_path, name), path, plant))


def test_a_formatting_that_adds_words_is_found(tmp_path):
    assert "openai_formatting" in codes(planting.openai_formatting(exported(tmp_path, "sharegpt")))


def test_a_changed_and_a_missing_file_are_found(tmp_path):
    folder = exported(tmp_path, "axolotl-sft")
    (folder / "axolotl.yaml").write_text("datasets: []\n")
    (folder / "validation.jsonl").unlink()
    assert codes(folder) == {"changed_file", "missing_file"}


def test_rows_on_both_sides_are_found(tmp_path):
    folder = exported(tmp_path, "trl-sft")
    (folder / "validation.jsonl").write_bytes((folder / "train.jsonl").read_bytes())
    assert "overlap" in codes(folder)


@pytest.mark.parametrize("line", ["{", "[]", '"text"', '{"a": \ud83d}'])
def test_a_line_that_is_no_row_is_found(tmp_path, line):
    folder = exported(tmp_path, "trl-sft")
    with (folder / "train.jsonl").open("ab") as file:
        file.write(line.encode("utf-8", "surrogatepass") + b"\n")
    assert {"no_json", "count"} <= codes(folder)


def test_few_rows_are_told_and_stop_nobody(tmp_path):
    folder = exported(tmp_path, "openai-sft", count=3)
    report = verify(folder, "openai-shape", tmp_path)
    assert report.ok
    assert [problem.code for problem in report.problems] == ["too_few"]
    assert "To be known, too_few (train.jsonl)" in told(report)


def test_a_host_is_not_run_and_the_report_says_so(tmp_path):
    report = verify(exported(tmp_path, "openai-preference"), "openai-shape", tmp_path)
    assert report.ok
    assert report.executed.startswith("nothing: the published shape alone")
    assert not (tmp_path / "consumers").exists()


def test_an_export_without_rows_is_well_and_needs_no_consumer(tmp_path):
    folder = exported(tmp_path, "beir", rows={"label": {}})
    report = verify(folder, "beir", tmp_path)
    assert report.ok
    assert not (tmp_path / "consumers").exists()


def test_that_nothing_was_trained_is_told(tmp_path):
    folder = exported(tmp_path, "trl-sft", rows={"instruction": {}})
    report = verify(folder, "trl", tmp_path, train_steps=2)
    assert report.ok
    assert [problem.code for problem in report.problems] == ["not_trained"]
    assert "To be known, not_trained: No step was trained" in told(report)


def test_a_consumer_is_asked_only_for_what_it_reads(tmp_path):
    folder = exported(tmp_path, "trl-sft")
    with pytest.raises(InvalidInput, match="does not read the format"):
        verify(folder, "beir", tmp_path)
    with pytest.raises(InvalidInput, match="Did you mean 'trl'"):
        verify(folder, "trll", tmp_path)
    with pytest.raises(InvalidInput, match="not trained with"):
        verify(folder, "datasets", tmp_path, train_steps=2)
    with pytest.raises(NotFound):
        verify(tmp_path, "datasets", tmp_path)


def test_a_dataset_can_be_verified_too(tmp_path):
    folder = write_dataset(tmp_path / "empty", {})
    assert verify(folder, "mlcroissant", tmp_path).format == "dataset"
