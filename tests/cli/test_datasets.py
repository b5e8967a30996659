"""Exporting and verifying from the command line, from a dataset that was built of ratings."""

import asyncio
import json

import pytest

from rag.cli import main
from rag.datasets import DatasetSpec
from tests.app.stages import ALL
from tests.app.test_app import ANNA, add_documents, open_app
from tests.app.test_datasets import UP, WEIGHT, rated


@pytest.fixture
def built(tmp_path):
    """The data folder with a dataset of one rated answer."""

    async def whole():
        app = open_app(tmp_path)
        try:
            await add_documents(app, tmp_path)
            await app.agree(ANNA, ALL)
            await rated(app, ANNA, WEIGHT, UP)
            spec = DatasetSpec(name="month", test_share=0.0, validation_share=0.0)
            await app.datasets.build(app.person(None), spec, None, lambda _: None)
            return app.settings.data
        finally:
            await app.aclose()

    return asyncio.run(whole())


def test_a_dataset_is_exported_and_verified(built, tmp_path, capsys):
    def run(*words):
        code = main(["--data", str(built), "dataset", *words])
        return code, capsys.readouterr().out

    to = str(tmp_path / "out")
    code, told = run("export", "month", "--format", "openai-sft", "--to", to)
    assert code == 0
    assert f"Written to {to}" in told
    assert run("export", "month", "--format", "openai-sft", "--to", to)[0] != 0
    code, told = run("verify", to, "--with", "openai-shape")
    assert code == 0
    assert "To be known, too_few" in told
    (tmp_path / "out" / "train.jsonl").write_text('{"messages": []}\n')
    code, told = run("verify", to, "--with", "openai-shape", "--json")
    assert code == 1
    codes = {one["code"] for one in json.loads(told)["problems"]}
    assert codes == {"too_few", "empty_messages", "changed_file"}


def test_formats_are_listed(capsys, tmp_path):
    assert main(["--data", str(tmp_path), "dataset", "formats", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"trl-sft", "beir", "csv"} <= {one["name"] for one in told["formats"]}
