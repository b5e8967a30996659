"""Has a consumer take in every row of an export, and says what it did with them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from pydantic import ValidationError

from rag.datasets import (
    Consumer,
    ExportManifest,
    Fault,
    Loaded,
    Losses,
    Manifest,
    Preflight,
    Table,
)
from rag.errors import InvalidInput, counted, did_you_mean
from rag.learn.built import damaged, manifest_of
from rag.learn.preflight.checks import check
from rag.learn.preflight.children import Stopped, finished
from rag.learn.preflight.environments import environment

CHILD = Path(__file__).parent / "consumers" / "child.py"
LIMIT_SECONDS = 3_600
ANY: tuple[Consumer, ...] = ("datasets", "mlcroissant")
"""Consumers that read any folder with a card."""
FORMATS: Mapping[str, tuple[str, ...]] = {
    "trl": ("trl-sft", "trl-chat", "trl-dpo", "trl-kto", "trl-reward"),
    "sentence-transformers": (
        "pairs", "triplets", "scored", "reranker-pairs", "reranker-lists",
    ),
    "beir": ("beir",),
    "llama-index": ("llama-index",),
    "openai-shape": ("openai-sft", "openai-preference", "trl-chat"),
    "llama-factory": ("alpaca", "sharegpt"),
}  # fmt: skip
TRAINS = ("trl", "sentence-transformers")
EXECUTED: Mapping[str, str] = {
    "trl": "its trainers, on SmolLM2's tokenizer and, where steps are asked for, its weights",
    "sentence-transformers": "its trainers' own batches, with MiniLM",
    "beir": "its loader",
    "llama-index": "its reader of EmbeddingQAFinetuneDataset; its training is not run",
    "datasets": "load_dataset, offline",
    "mlcroissant": "its reader, which compares the SHA-256 of every file",
    "openai-shape": "nothing: the published shape alone is checked, as no host runs here",
    "llama-factory": "its converter of rows alone; its training is not run",
}


def verify(
    folder: Path,
    consumer: str,
    data: Path,
    *,
    train_steps: int = 0,
    max_length: int | None = None,
    say: Callable[[str], None] = lambda _: None,
    stopped: Stopped = lambda: False,
) -> Preflight:
    """Every row of an export, or of a dataset, as this consumer takes it.

    The consumer runs in a child with an interpreter of its own, kept under `data`, that reaches
    no network. Raises InvalidInput where it does not read that format, NotFound or Unavailable
    where the folder or the environment is not there, Superseded where it is stopped.
    """
    format, tables, files = _read(folder)
    reader = fits(consumer, format, train_steps)
    held = [table for table in tables if table.rows]
    problems = check(folder, format, tables, files)
    told: dict[str, Any] = {}
    if consumer != "openai-shape" and held:
        python = environment(data, consumer, say, stopped)
        say(f"{consumer} reads {counted(sum(table.rows for table in held), 'row')}.")
        told = _executed(
            python,
            {
                "consumer": consumer,
                "format": format,
                "folder": str(folder.resolve()),
                "tables": [table.model_dump(mode="json") for table in held],
                "train_steps": train_steps,
                "max_length": max_length,
            },
            stopped,
        )
    problems += [
        Fault.model_validate({**one, "found_by": "consumer"}) for one in told.get("problems", ())
    ]
    if train_steps and not any(table.split == "train" for table in held):
        untrained = "No step was trained: no row is in the train split."
        problems.append(Fault(code="not_trained", text=untrained, fatal=False, found_by="checks"))
    return Preflight(
        folder=str(folder),
        format=format,
        consumer=reader,
        ok=not any(problem.fatal for problem in problems),
        executed=EXECUTED[consumer] if held else "nothing: there are no rows",
        versions=told.get("versions", {}),
        loaded=tuple(Loaded.model_validate(one) for one in told.get("loaded", ())),
        losses=tuple(Losses.model_validate(one) for one in told.get("losses", ())),
        problems=tuple(problems),
    )  # fmt: skip


def told(report: Preflight) -> str:
    """The report in plain words."""
    lines = [f"{report.folder}: {report.format}, read by {report.consumer}."]
    lines.append(f"What ran: {report.executed}.")
    if report.versions:
        lines.append(", ".join(f"{name} {number}" for name, number in report.versions.items()))
    for one in report.loaded:
        more = "".join(
            f", {name.replace('_', ' ')} {value}" for name, value in one.more.items() if value
        )
        lines.append(f"{one.path}: {one.kept} of {counted(one.rows, 'row')} kept{more}.")
    lines += [f"{one.path}: loss {', '.join(map(_number, one.losses))}." for one in report.losses]
    for problem in report.problems:
        kind = "Problem" if problem.fatal else "To be known"
        at = f" ({problem.where})" if problem.where else ""
        lines.append(f"{kind}, {problem.code}{at}: {problem.text}")
    lines.append("It is taken as it is meant." if report.ok else "It is not taken as it is meant.")
    return "\n".join(lines)


def _number(loss: float | None) -> str:
    return "not a number" if loss is None else f"{loss:.3f}"


def _read(folder: Path) -> tuple[str, list[Table], Mapping[str, Any]]:
    """The format, tables and files of an export or of a dataset."""
    manifest = manifest_of(folder)
    try:
        if "exporter" in manifest:
            export = ExportManifest.model_validate(manifest)
            return export.exporter, list(export.tables), manifest["files"]
        dataset = Manifest.model_validate(manifest)
    except (ValidationError, KeyError) as error:
        raise damaged(folder / "manifest.json") from error
    return "dataset", list(dataset.tables), manifest.get("files", {})


def consumers(format: str) -> tuple[Consumer, ...]:
    """Who reads a format, or a dataset as it was built; whoever reads any folder comes last."""
    known: tuple[Consumer, ...] = get_args(Consumer)
    of_format: list[Consumer] = [one for one in known if format in FORMATS.get(one, ())]
    return (*(one for one in of_format if one not in ANY), *ANY)


def fits(consumer: str, format: str, train_steps: int) -> Consumer:
    """The consumer of this name. Raises InvalidInput where it does not read that format, or trains
    nothing."""
    known: list[Consumer] = list(get_args(Consumer))
    if consumer not in known:
        raise InvalidInput(
            f"There is no consumer '{consumer}'.", hint=did_you_mean(consumer, [*known])
        )
    if consumer not in ANY and format not in FORMATS[consumer]:
        raise InvalidInput(
            f"{consumer} does not read the format '{format}'.",
            hint=f"It reads: {', '.join(FORMATS[consumer])}.",
        )
    if train_steps and consumer not in TRAINS:
        raise InvalidInput(
            f"{consumer} is not trained with here.", hint=f"These are: {', '.join(TRAINS)}."
        )
    return known[known.index(consumer)]


def _executed(python: Path, job: dict[str, Any], stopped: Stopped) -> dict[str, Any]:
    """What the consumer's own interpreter says; whatever ends it is a problem like any other."""
    with TemporaryDirectory(prefix="verify-") as scratch:
        work = Path(scratch)
        given, answer = work / "job.json", work / "result.json"
        given.write_text(json.dumps({**job, "work": scratch}), encoding="utf-8")
        try:
            done = finished(
                [python, "-I", "-B", CHILD, given, answer],
                stopped=stopped,
                env=surroundings(work),
                limit=LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return _failed(f"It did not end within {LIMIT_SECONDS} seconds.")
        if not answer.exists():
            last = done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
            return _failed(f"It ended without a word: {last[0][:2_000]}")
        return json.loads(answer.read_text(encoding="utf-8"))


def _failed(text: str) -> dict[str, Any]:
    return {"problems": [{"code": "failed", "where": "", "text": text, "fatal": True}]}


def surroundings(work: Path) -> dict[str, str]:
    """Nothing of ours but where programs are, and every switch that keeps libraries offline."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(work),
        "HF_HOME": str(work / "hf"),
        "CROISSANT_CACHE": str(work / "croissant"),
        "TMPDIR": str(work),
        "LANG": "C.UTF-8",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "WANDB_MODE": "disabled",
        "TOKENIZERS_PARALLELISM": "false",
        "CUDA_VISIBLE_DEVICES": "",
    }
