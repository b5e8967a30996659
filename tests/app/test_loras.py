"""Language models as candidates, on real parts but for the training itself: what they are made of,
what a killed training leaves, and who is told when what they learned is erased."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.app import App, loras
from rag.app.backups import back_up
from rag.errors import Conflict, InvalidInput
from rag.learn.lora import Base, Recipe, Trained, base_at, commands, folder_of
from tests.app.test_app import ANNA, BOB
from tests.app.test_datasets import CURATOR, UP, WEIGHT, built, rated, tell

__all__ = ["tell"]
TRAINED = Trained(
    rows=1,
    validation_rows=0,
    longest=9,
    max_length=17,
    steps=1,
    losses=(2.0,),
    validation_loss=None,
    device="cpu",
    seconds=1.0,
    llama_cpp=True,
    probe={},
    versions={"trl": "1"},
)
RECIPE = Recipe(dataset="month@1", base="small")


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A declared base, and a training that takes no time."""
    path = tmp_path / "small.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setenv("RAG_TUNING__BASES", f'{{"small": "{path}"}}')

    async def train(*given: Any) -> Trained:
        (given[4] / "adapter.gguf").write_bytes(b"lora")
        return TRAINED

    monkeypatch.setattr(loras, "train", train)
    return path


@pytest.mark.usefixtures("base")
def test_a_model_knows_what_it_learned_from_and_is_told_of_when_that_is_erased(
    tell: Callable[..., None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)
        version, _ = await built(app)
        made = await app.tuning.train(CURATOR, RECIPE, None)
        assert made.name == "llm-1"
        assert made.lineage["dataset_version"] == version.version
        assert made.lineage["as_of"] == version.created_at.isoformat()
        assert len(made.lineage["base_sha256"]) == 64
        assert made.figures["losses"] == [2.0]
        assert (folder_of(app.settings.data, made.id) / "adapter.gguf").read_bytes() == b"lora"
        # Nothing gives it back, so that it is in a backup.
        manifest, _ = await asyncio.to_thread(
            back_up, app.settings, tmp_path / "backup", keys=False, progress=lambda *_: None
        )
        assert f"models/{made.id}/adapter.gguf" in manifest.files
        with pytest.raises(InvalidInput, match="No base is called"):
            await app.tuning.train(CURATOR, RECIPE.model_copy(update={"base": "big"}), None)
        done = await app.privacy.erase(CURATOR, BOB.id)
        assert done.models == ()
        done = await app.privacy.erase(CURATOR, ANNA.id)
        assert done.models == (f"{made.domain}/llm-1",)
        found, _ = await app.tuning.get(CURATOR, "llm-1", None)
        assert found.figures["withdrawn"] is True
        acts = [one.act for one in app._parts.audit.list(50)]
        assert acts.count("model learned what is erased") == 1

    tell(story)


def test_a_killed_training_leaves_nothing_that_is_listed(
    tell: Callable[..., None], base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)
        await built(app)
        started = asyncio.Event()

        async def endless(*given: Any) -> Trained:
            (given[4] / "half").write_bytes(b"half")
            started.set()
            await asyncio.sleep(3_600)
            return TRAINED

        monkeypatch.setattr(loras, "train", endless)
        training = asyncio.create_task(app.tuning.train(CURATOR, RECIPE, None))
        await started.wait()
        with pytest.raises(Conflict, match="Another model is being trained"):
            await app.tuning.train(CURATOR, RECIPE, None)
        training.cancel()
        with pytest.raises(asyncio.CancelledError):
            await training
        assert await app.tuning.list(CURATOR, None) == []
        # Killed after the folder was whole and before it was listed.
        lost = folder_of(app.settings.data, "0" * 8)
        lost.mkdir()
        await app.tuning._loras.sweep()
        assert [one.name for one in lost.parent.iterdir()] == [".lock"]

    tell(story)


def test_only_weights_that_run_no_code_are_a_base(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(InvalidInput, match="no model that can be trained"):
        base_at(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert base_at(tmp_path) == Base(folder=tmp_path)


def test_the_command_of_a_server_is_one_that_a_shell_takes(tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"rank": 12})
    told = commands(tmp_path / "a b", Base(folder=tmp_path), "pumps-llm-1", recipe, 18_100)
    assert told == {
        "vLLM": f"vllm serve {tmp_path} --enable-lora "
        f"--lora-modules 'pumps-llm-1={tmp_path}/a b/adapter' "
        "--max-lora-rank 16 --host 127.0.0.1 --port 18100"
    }
