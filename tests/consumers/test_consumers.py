"""Exports in the hands of the libraries that read them: `make test-consumers`.

Each library is installed, once, into the folder that CONSUMERS names.
"""

import os
from math import isfinite
from pathlib import Path

import pytest

from rag.learn.exporting import export
from rag.learn.preflight.verifying import ANY, FORMATS, TRAINS, verify
from tests.learn import planting
from tests.learn.dataset_folders import odd_rows, some_rows, write_dataset
from tests.learn.planting import changed, exported

pytestmark = [
    pytest.mark.skipif(
        "CONSUMERS" not in os.environ,
        reason="`make test-consumers` runs these: they install eight libraries with their needs",
    ),
    pytest.mark.timeout(900),
]
DATA = Path(os.environ.get("CONSUMERS", ""))
EXECUTED = [
    (consumer, name)
    for consumer, names in FORMATS.items()
    if consumer != "openai-shape"
    for name in names
]
CARDS = ["trl-sft", "trl-chat", "openai-preference", "axolotl-dpo", "alpaca", "sharegpt",
         "reranker-lists", "beir", "ragas", "parquet", "csv"]  # fmt: skip


def found(report):
    """What the consumer itself showed."""
    return {problem.code for problem in report.problems if problem.found_by == "consumer"}


@pytest.mark.parametrize(("consumer", "name"), EXECUTED)
def test_every_row_is_kept(tmp_path, consumer, name):
    report = verify(exported(tmp_path, name), consumer, DATA)
    assert report.ok, report.problems
    assert report.versions
    assert report.loaded
    assert all(one.kept == one.rows > 0 for one in report.loaded)


@pytest.mark.parametrize(("consumer", "name"), EXECUTED)
def test_hostile_text_is_read(tmp_path, consumer, name):
    dataset = write_dataset(tmp_path / "pumps", odd_rows())
    export(dataset, name, tmp_path / "out")
    report = verify(tmp_path / "out", consumer, DATA)
    assert report.ok, report.problems


@pytest.mark.parametrize("name", [name for one in TRAINS for name in FORMATS[one]])
def test_two_steps_have_finite_losses(tmp_path, name):
    consumer = next(one for one in TRAINS if name in FORMATS[one])
    report = verify(exported(tmp_path, name, count=4), consumer, DATA, train_steps=2)
    assert report.ok, report.problems
    (trained,) = report.losses
    assert len(trained.losses) == 2
    assert all(isfinite(loss) for loss in trained.losses)


@pytest.mark.parametrize("consumer", ANY)
def test_a_dataset_and_its_exports_are_read_by_their_cards(tmp_path, consumer):
    for place, rows in enumerate([some_rows(), odd_rows()]):
        dataset = write_dataset(tmp_path / f"pumps{place}", rows)
        report = verify(dataset, consumer, DATA)
        # Of the odd ones, one prefers an answer to itself, which no export takes over.
        assert [one.code for one in report.problems] == ["same_answers"] * place
        assert len(report.loaded) == sum(
            bool(some) for splits in rows.values() for some in splits.values()
        )


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize("consumer", ANY)
def test_an_export_is_read_by_its_card(tmp_path, consumer, name):
    dataset = write_dataset(tmp_path / "pumps", odd_rows())
    export(dataset, name, tmp_path / "out")
    report = verify(tmp_path / "out", consumer, DATA)
    assert report.ok, report.problems
    assert report.loaded


def test_mlcroissant_sees_a_changed_file(tmp_path):
    dataset = write_dataset(tmp_path / "pumps", some_rows())
    path = dataset / "rows/label/train.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Drain", b"Drown"))
    report = verify(dataset, "mlcroissant", DATA)
    assert found(report) == {"failed"}
    assert {one.code for one in report.problems} == {"failed", "changed_file"}


# --- silent failures, each planted; the others are in tests/learn/test_preflight.py ---------------


@pytest.mark.parametrize(
    ("name", "task"),
    [("trl-sft", "instruction"), ("trl-dpo", "preference"), ("trl-kto", "label")],
)
def test_trl_drops_rows_whose_prompt_is_long(tmp_path, name, task):
    folder = exported(tmp_path, name, rows=planting.long_rows(1_100, task))
    report = verify(folder, "trl", DATA)
    assert not report.ok
    assert found(report) == {"rows_dropped"}
    (one,) = report.loaded
    assert (one.rows, one.kept) == (8, 4)
    # As long as it takes, it is well.
    assert verify(folder, "trl", DATA, max_length=one.more["longest"]).ok


def test_trl_cuts_the_answers_of_long_conversations_and_trains_on_the_context(tmp_path):
    folder = exported(tmp_path, "trl-chat", rows=planting.long_rows(1_100))
    report = verify(folder, "trl", DATA)
    assert not report.ok
    assert found(report) == {"answer_cut", "context_trained"}


@pytest.mark.parametrize(
    ("consumer", "name", "path", "plant", "code"),
    [
        ("trl", "trl-sft", "train.jsonl", planting.two_shapes, "failed"),
        ("trl", "trl-sft", "train.jsonl", planting.tool_call, "failed"),
        ("trl", "trl-kto", "train.jsonl", planting.as_text, "failed"),
        ("llama-factory", "sharegpt", "kto-train.jsonl", planting.as_number, "not_bool"),
        ("llama-factory", "alpaca", "kto-train.jsonl", planting.as_number, "not_bool"),
        ("llama-factory", "sharegpt", "sft-train.jsonl", planting.twice, "rows_dropped"),
        ("sentence-transformers", "pairs", "train.jsonl", planting.event_behind, "columns"),
        ("sentence-transformers", "pairs", "train.jsonl", planting.event_first, "columns"),
        ("sentence-transformers", "pairs", "train.jsonl", planting.labelled, "label_ignored"),
    ],
    ids=lambda one: one.__name__ if callable(one) else None,
)
def test_what_is_planted_is_shown_by_the_consumer(tmp_path, consumer, name, path, plant, code):
    folder = changed(exported(tmp_path, name), path, plant)
    report = verify(folder, consumer, DATA)
    assert code in found(report), report.problems


def test_llama_factory_adds_words_where_it_reads_openais_shape(tmp_path):
    folder = planting.openai_formatting(exported(tmp_path, "sharegpt"))
    assert "words_added" in found(verify(folder, "llama-factory", DATA))


@pytest.mark.parametrize(
    ("name", "plant", "code"),
    [("trl-dpo", planting.same, "same_answers"), ("trl-kto", planting.one_class, "one_class")],
)
def test_trl_does_not_mind_and_the_checks_do(tmp_path, name, plant, code):
    """Why our own reading is needed: nothing of this comes from the library."""
    report = verify(changed(exported(tmp_path, name), "train.jsonl", plant), "trl", DATA)
    assert found(report) == set()
    assert code in {problem.code for problem in report.problems}
    assert not report.ok
