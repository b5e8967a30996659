"""From a dataset's folder to an export: whole or not at all, the same each time, nothing lost."""

import errno
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from rag.datasets import ExportManifest
from rag.errors import Conflict, InvalidInput, NotFound, StorageFull, Unavailable
from rag.learn import built
from rag.learn.exporting import export, exporter, formats
from rag.testing.exporter import sample
from tests.learn.dataset_folders import odd_rows, some_rows, write_dataset

GOLDEN = Path(__file__).parents[1] / "golden" / "exports"
NAMES = [one.name for one in formats()]
KEPT = {
    "trl-sft": {"instruction": 3 + 1},
    "trl-dpo": {"preference": 3},
    "trl-kto": {"label": 3},
    "sharegpt": {"instruction": 2 + 1, "preference": 2, "label": 3},
    "alpaca": {"instruction": 2 + 1, "preference": 2, "label": 3},
    "pairs": {"relevance": 3 + 1},
    "triplets": {"relevance": 2 + 1},
    "scored": {"relevance": 4 + 1},
    "reranker-lists": {"relevance": 2 + 1},
    "beir": {"relevance": 3 + 1 + 1},
    "ragas": {"evaluation": 2},
}
"""Of the odd rows, so many are held."""


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("odd") / "pumps", odd_rows())


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", NAMES)
def test_files_are_as_they_were(odd, tmp_path, name):
    """To accept a change: `UPDATE_GOLDEN=1 python -m pytest tests/learn/test_exporting.py`."""
    export(odd, name, tmp_path / name)
    made = files_of(tmp_path / name)
    if name == "parquet":
        # Its bytes are those of one version of the library; what it holds is tested below.
        made = {path: data for path, data in made.items() if path == "README.md"}
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(GOLDEN / name, ignore_errors=True)
        for path, data in made.items():
            (GOLDEN / name / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name / path).write_bytes(data)
    assert made == files_of(GOLDEN / name)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_left_out_is_counted(odd, tmp_path, name):
    manifest = export(odd, name, tmp_path / name)
    for task, splits in manifest.rows.items():
        for split, one in splits.items():
            assert one.read == len(odd_rows()[task].get(split, []))
            assert one.kept == one.read - sum(one.left_out.values())
    held = {
        task: sum(one.kept for one in splits.values()) for task, splits in manifest.rows.items()
    }
    assert held == KEPT.get(name, held)


@pytest.mark.parametrize("name", [one.name for one in formats() if one.trains])
def test_what_trains_never_sees_the_test_split(odd, tmp_path, name):
    manifest = export(odd, name, tmp_path / name)
    assert {split for splits in manifest.rows.values() for split in splits} == {
        "train",
        "validation",
    }
    assert b"seal 3 " not in b"".join(files_of(tmp_path / name).values())


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_names_every_file(odd, tmp_path, name):
    manifest = export(odd, name, tmp_path / name)
    told = ExportManifest.model_validate_json((tmp_path / name / "manifest.json").read_bytes())
    assert told == manifest
    assert {*manifest.files, "manifest.json"} == {*files_of(tmp_path / name)}
    for path, file in manifest.files.items():
        assert built.digest_of(tmp_path / name / path) == file


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_without_rows_gives_an_export_without_rows(tmp_path, name):
    empty = write_dataset(tmp_path / "empty", {})
    manifest = export(empty, name, tmp_path / "out")
    assert sum(table.rows for table in manifest.tables) == 0
    assert manifest.tables


@pytest.mark.parametrize("name", NAMES)
def test_the_same_dataset_gives_the_same_bytes(odd, tmp_path, name):
    export(odd, name, tmp_path / "one")
    export(odd, name, tmp_path / "other")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "other")


def test_parquet_holds_the_rows_as_they_are(tmp_path):
    from pyarrow import parquet

    rows = some_rows()
    export(write_dataset(tmp_path / "pumps", rows), "parquet", tmp_path / "out")
    for task, splits in rows.items():
        for split, some in splits.items():
            read = parquet.read_table(tmp_path / "out" / task / f"{split}.parquet").to_pylist()
            for one in read:
                del one["row"]
            wanted = [row.model_dump(mode="json", exclude={"task"}) for row in some]
            assert sorted(map(repr, map(sort, read))) == sorted(map(repr, map(sort, wanted)))


def sort(value):
    if isinstance(value, dict):
        return {name: sort(value[name]) for name in sorted(value)}
    return [sort(one) for one in value] if isinstance(value, list) else value


def test_there_is_no_such_format(odd, tmp_path):
    with pytest.raises(InvalidInput, match="trl-sft"):
        export(odd, "trl-sfd", tmp_path / "out")


def test_what_is_there_is_kept(odd, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(Conflict):
        export(odd, "trl-sft", tmp_path / "out")
    assert files_of(tmp_path) == {"out/mine.txt": b"mine"}


def test_a_folder_that_is_no_dataset(tmp_path):
    with pytest.raises(NotFound):
        export(tmp_path, "trl-sft", tmp_path / "out")
    assert files_of(tmp_path) == {}


def test_a_changed_row_is_not_exported(tmp_path):
    dataset = write_dataset(tmp_path / "pumps", some_rows())
    path = dataset / "rows/instruction/train.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Drain", b"Drown"))
    with pytest.raises(Unavailable, match="not what was built"):
        export(dataset, "trl-sft", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["pumps"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("name", ["trl-sft", "parquet"])
def test_a_full_disk_leaves_nothing(odd, tmp_path, monkeypatch, name, number):
    def fails(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StorageFull):
        export(odd, name, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["trl-sft", "beir", "llama-index", "parquet", "csv"])
def test_a_disk_that_fills_while_writing_leaves_nothing(odd, tmp_path, monkeypatch, name):
    """The process may write no more than so many bytes to a file: the system's own refusal."""
    program = (
        "import errno, os, resource, signal, sys\n"
        "from pathlib import Path\n"
        "from rag.errors import StorageFull\n"
        "from rag.learn import built\n"
        "from rag.learn.exporting import export\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        # Its number is another one than a full disk's; what happens is the same.
        "built.errno.ENOSPC = errno.EFBIG\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        "try:\n"
        "    export(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))\n"
        "except StorageFull:\n"
        "    print('full')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, odd, name, tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "full\n", done.stderr
    assert list(tmp_path.iterdir()) == []


def test_two_at_once_do_not_disturb_each_other(odd, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(export, odd, "beir", tmp_path / f"out{n}") for n in range(4)]
        for one in made:
            one.result()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out0", "out1", "out2", "out3"]
    assert len({json.dumps(files_of(path), default=str) for path in tmp_path.iterdir()}) == 1


def test_of_two_into_one_folder_one_is_told(odd, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(export, odd, "trl-sft", tmp_path / "out") for _ in range(2)]
        failed = [one.exception() for one in made]
    assert [type(error) for error in failed if error] == [Conflict]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_killed_on_the_way_it_leaves_nothing_listed(odd, tmp_path):
    program = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from rag.learn import cards, exporting\n"
        "def stuck(*_):\n"
        "    print('there', flush=True)\n"
        "    time.sleep(600)\n"
        "cards.of_export = stuck\n"
        "exporting.export(Path(sys.argv[1]), 'trl-sft', Path(sys.argv[2]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, odd, tmp_path / "out"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"there\n"
        begun = [path.name for path in tmp_path.iterdir()]
        assert len(begun) == 1
        assert begun[0].startswith(".")
        # Whoever works beside it leaves it alone while it lives.
        export(odd, "trl-sft", tmp_path / "another")
        assert begun[0] in [path.name for path in tmp_path.iterdir()]
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out").exists()
    export(odd, "trl-sft", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["another", "out"]


@pytest.mark.parametrize("name", ["trl-sft", "csv", "beir", "llama-index", "parquet"])
def test_many_times_the_rows_take_no_more_memory(tmp_path, name):
    one = exporter(name)

    def peak(count):
        rows = {task: {"train": map(partial(sample, task), range(count))} for task in one.tasks}
        (tmp_path / str(count)).mkdir()
        gc.collect()
        tracemalloc.start()
        try:
            one.export(rows, tmp_path / str(count))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # what is loaded once
    # Parquet is written in groups of 1,000, of which two are held: both are more than that.
    assert peak(6_000) < peak(3_000) + 500_000
