"""What a folder says of itself; the libraries that read it are in tests/consumers."""

import json

import pytest
import yaml

from rag.datasets import File, Manifest
from rag.learn import cards


def manifest(**more):
    return Manifest(**{"name": "pumps", "version": "ab" * 32, **more})


def head(**more):
    return yaml.safe_load(cards.readme(manifest(**more)).split("---\n")[1])


@pytest.mark.parametrize(
    ("rows", "said"),
    [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**9, "n>1B")],
)
def test_about_how_many_there_are(rows, said):
    assert cards.size_category(rows) == said


def test_terms_without_a_name_of_their_own_are_named_beside():
    assert head(license="CC-BY-4.0")["license"] == "cc-by-4.0"
    assert head(license="Ours alone")["license"] == "other"
    assert head(license="Ours alone")["license_name"] == "Ours alone"
    assert head()["license"] == "unknown"


def test_a_split_without_rows_is_not_offered():
    files = {
        f"rows/label/{split}.jsonl": File(sha256="0" * 64, size=0) for split in ("train", "test")
    }
    told = head(rows={"label": {"train": 3, "test": 0}}, files=files)
    (config,) = told["configs"]
    assert config["data_files"] == [{"split": "train", "path": "rows/label/train.jsonl"}]
    assert told["task_categories"] == ["text-generation"]


def test_a_text_that_looks_like_yaml_changes_nothing():
    text = "---\nlicense: mit\n---\n"
    told = cards.readme(manifest(description=text, license="no: yes"))
    assert yaml.safe_load(told.split("---\n")[1])["license_name"] == "no: yes"


def test_every_file_is_told_with_its_digest():
    files = {"provenance.jsonl": File(sha256="a" * 64, size=7)}
    (one,) = json.loads(cards.croissant(manifest(files=files)))["distribution"]
    assert one["sha256"] == "a" * 64
    assert one["contentUrl"] == "provenance.jsonl"


def test_equal_manifests_have_equal_cards():
    one, other = (manifest(rows={"label": {"train": 3}}) for _ in range(2))
    assert cards.readme(one) == cards.readme(other)
    assert cards.croissant(one) == cards.croissant(other)
