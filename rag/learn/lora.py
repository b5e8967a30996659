"""Trains a LoRA with TRL and PEFT on an export of a dataset, in an interpreter of its own.

What comes of it appears in its folder whole, or not at all: also where somebody is killed on the
way. TRL leaves out and cuts rows without a word; here that is refused before anything is trained.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from shlex import quote
from typing import Any, Literal

from pydantic import Field

from rag.datasets import ExportManifest
from rag.errors import InvalidInput, Unavailable
from rag.learn.preflight.environments import environment
from rag.learn.preflight.verifying import surroundings
from rag.store.scratch import scratch
from rag.types import Data, Progress

CHILD = Path(__file__).parent / "preflight" / "consumers" / "tune.py"
Method = Literal["sft", "dpo", "kto"]
FORMATS: Mapping[Method, str] = {"sft": "trl-sft", "dpo": "trl-dpo", "kto": "trl-kto"}
RATES: Mapping[Method, float] = {"sft": 2e-4, "dpo": 2e-5, "kto": 2e-5}
"""What whoever names none gets: ten times what is usual for training all weights."""
ADAPTER, GGUF, MERGED = "adapter", "adapter.gguf", "merged"
"""What is in the folder: as PEFT and vLLM read it, as llama.cpp does, and joined with the base."""
FOLDER = "models"
"""Of the data folder; in it one of each candidate's, by its id."""
LINE = 1 << 20


class Recipe(Data):
    """How a LoRA is trained."""

    dataset: str = Field(min_length=1, max_length=200)
    """`name@number`."""
    method: Method = "sft"
    base: str = Field(min_length=1, max_length=100)
    """A name under tuning.bases."""
    epochs: float = Field(default=1.0, gt=0, le=100)
    steps: int = Field(default=0, ge=0, le=1_000_000)
    """So many steps instead, if not 0."""
    rate: float | None = Field(default=None, gt=0, le=1)
    """How far a step goes; by the method, if none is named."""
    batch: int = Field(default=2, ge=2, le=1_024)
    rank: int = Field(default=16, ge=1, le=512)
    max_length: int | None = Field(default=None, ge=16, le=10_000_000)
    """In tokens; as long as the longest row needs, if none is named."""
    seed: int = Field(default=1, ge=0, lt=2**31)
    merge: bool = False
    """Also keep the base with what was learned in it."""

    @property
    def alpha(self) -> int:
        return 2 * self.rank


class Base(Data):
    """A model that is trained further: a folder of safetensors, or one file of llama.cpp's."""

    folder: Path
    file: str = ""

    @property
    def path(self) -> Path:
        return self.folder / self.file


class Trained(Data):
    """What came of a training."""

    rows: int
    validation_rows: int
    longest: int
    max_length: int
    steps: int
    losses: tuple[float, ...]
    validation_loss: tuple[float, float] | None
    """Before and after, on rows that were not trained with."""
    device: str
    seconds: float
    llama_cpp: bool
    """Whether llama.cpp can serve it."""
    probe: Mapping[str, Any]
    """What the trained model says at its surest, to know it by where it is served."""
    versions: Mapping[str, str]


def folder_of(data: Path, candidate_id: str) -> Path:
    """Where the files of a candidate are, on the machine that trained it."""
    return data / FOLDER / candidate_id


def base_at(path: Path) -> Base:
    """Raises InvalidInput for what cannot be trained further. Pickled weights are not read."""
    if path.is_file() and path.suffix == ".gguf":
        return Base(folder=path.parent, file=path.name)
    if (path / "config.json").is_file() and any(path.glob("*.safetensors")):
        return Base(folder=path)
    raise InvalidInput(
        "The base is no model that can be trained further.",
        hint="It is a folder with config.json and *.safetensors, or a file *.gguf.",
    )


def digest_of(base: Base) -> str:
    """Of all that makes it say what it says. Reads all of it."""
    files = [base.path] if base.file else sorted(base.folder.glob("*"))
    named = [one for one in files if one.suffix in (".gguf", ".json", ".safetensors", ".jinja")]
    digest = hashlib.sha256()
    for one in named:
        with one.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{one.name} {found}\n".encode())
    return digest.hexdigest()


async def train(
    recipe: Recipe,
    base: Base,
    export: Path,
    manifest: ExportManifest,
    out: Path,
    data: Path,
    progress: Callable[[Progress], None],
) -> Trained:
    """Fill `out`, an empty folder, and say what came of it.

    The training ends when whoever waits for it is cancelled or killed. Raises InvalidInput where
    there are no rows to train with, or a row could not be learned from whole; Unavailable where
    the environment cannot be made or the training fails.
    """
    tables = {table.split: export / table.path for table in manifest.tables if table.rows}
    if "train" not in tables:
        raise InvalidInput(
            f"'{recipe.dataset}' has no rows for {recipe.method.upper()}.",
            hint="See: rag dataset show.",
        )
    progress(Progress(phase="environment", done=0))
    python = await asyncio.to_thread(environment, data, "trl")
    progress(Progress(phase="train", done=0))
    with scratch(data) as work:
        job, answer = work / "job.json", work / "result.json"
        given = {
            **recipe.model_dump(),
            "alpha": recipe.alpha,
            "rate": recipe.rate or RATES[recipe.method],
            "base": {"folder": str(base.folder.resolve()), "file": base.file},
            "train": str(tables["train"].resolve()),
            "validation": str(tables["validation"].resolve()) if "validation" in tables else "",
            "out": str(out.resolve()),
            "work": str(work.resolve()),
            "with": "lora_with_trl",
        }
        job.write_text(json.dumps(given), encoding="utf-8")
        last = ""
        async with running(python, job, answer, work) as lines:
            async for line in lines:
                told = json.loads(line)
                last = f"loss {told['loss']:.3f}"
                progress(Progress(phase="train", done=told["done"], total=told["total"]))
        return Trained.model_validate(answered(answer, work, last))


def answered(answer: Path, work: Path, last: str) -> Mapping[str, Any]:
    """What a training came to. Raises InvalidInput where it refused, else Unavailable."""
    if not answer.exists():
        raise Unavailable(f"The training ended without a word: {_ending(work) or last}")
    result = json.loads(answer.read_text(encoding="utf-8"))
    if why := result.get("refused"):
        raise InvalidInput(why)
    if why := result.get("failed"):
        raise Unavailable(f"The training failed: {why}")
    return result


@asynccontextmanager
async def running(
    python: Path, job: Path, answer: Path, work: Path
) -> AsyncGenerator[asyncio.StreamReader]:
    """The lines of the child; it is ended with the block, however that ends."""
    with (work / "said").open("wb") as said:
        child = await asyncio.create_subprocess_exec(
            *(str(python), "-I", "-B", str(CHILD), str(job), str(answer)),
            env=_surroundings(work),
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
            limit=LINE,
        )
    assert child.stdout is not None
    try:
        yield child.stdout
        await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def _ending(work: Path) -> str:
    lines = (work / "said").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:2_000] if lines else ""


def _surroundings(work: Path) -> dict[str, str]:
    """What a consumer is given, and the devices, which a consumer is not."""
    given = surroundings(work)
    del given["CUDA_VISIBLE_DEVICES"]
    kept = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
    return given | {name: os.environ[name] for name in kept if name in os.environ}


def commands(folder: Path, base: Base, name: str, recipe: Recipe, port: int) -> dict[str, str]:
    """How others serve it, by the name of the server; only what can serve such files."""
    found: dict[str, str] = {}
    at = quote(str(base.path.resolve()))
    if not base.file:
        adapter = quote(f"{name}={(folder / ADAPTER).resolve()}")
        found["vLLM"] = (
            f"vllm serve {at} --enable-lora --lora-modules {adapter} "
            f"--max-lora-rank {_rank(recipe.rank)} --host 127.0.0.1 --port {port}"
        )
    elif (folder / GGUF).exists():
        found["llama.cpp"] = (
            f"llama-server -m {at} --lora {quote(str((folder / GGUF).resolve()))} "
            f"--alias {quote(name)} --host 127.0.0.1 --port {port}"
        )
    if (folder / MERGED).exists():
        merged = quote(str((folder / MERGED).resolve()))
        found["vLLM, merged"] = (
            f"vllm serve {merged} --served-model-name {quote(name)} --host 127.0.0.1 --port {port}"
        )
    return found


def _rank(rank: int) -> int:
    """vLLM takes some ranks only: the least that is enough."""
    return next((one for one in (8, 16, 32, 64, 128, 256, 320, 512) if one >= rank), rank)
