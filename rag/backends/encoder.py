"""Threads that run one torch model: one for questions, and sets for the rest."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from rag.backends.local_model import LocalModel, Remembered
from rag.config import BACKGROUND_NICENESS
from rag.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
Vectors = NDArray[np.float32]
Precision = Literal["fp32", "bf16"]

# Padded tokens of one batch: what fits the caches is fastest.
_BUDGETS = (1024, 2048, 4096)
SWITCH_S = 0.0005
_WORTH_IT = 1.15
_SAME_DIRECTION = 0.999
# What torch and transformers raise over files that do not fit together.
_BROKEN = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, ImportError)
_PROBE = (
    "Before you open the casing, close both valves, lock the motor switch and wait until the "
    "pressure gauge shows zero. Part {n}: gasket set, order number {n}-4711, replaced every {n} "
    "months or after {n}000 hours of operation, whichever comes first. The warranty covers "
    "material and labour for {n} months from delivery, but not wear, dry running or the wrong "
    "liquid. Record the serial number, the date and the reading in the service log. "
)


class Threads:
    """Threads that run one torch operation each at a time; a closed set of them says so.

    Many small batches side by side beat one batch over many cores: no operation waits for a core
    that something else took.
    """

    def __init__(
        self, name: str, count: int, initializer: Callable[[], None] | None = None
    ) -> None:
        self._pool = ThreadPoolExecutor(count, name, initializer)

    def submit(self, call: Callable[[], T]) -> Future[T]:
        try:
            return self._pool.submit(call)
        except RuntimeError as error:
            raise _closed() from error

    async def each(self, calls: Iterable[Callable[[], T]]) -> list[T]:
        """All results in order; after an error or a cancellation the rest is dropped."""
        futures = [self.submit(call) for call in calls]
        try:
            return [await asyncio.wrap_future(future) for future in futures]
        finally:
            for future in futures:
                future.cancel()

    async def aclose(self) -> None:
        """Finish what has begun, drop the rest, end the threads."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)


def _closed() -> ModelError:
    return ModelError("The model was closed.", hint="The server is shutting down.")


def behind_questions() -> None:
    """Let questions have this thread's core first, where threads have a priority of their own."""
    if sys.platform == "linux":
        me = threading.get_native_id()
        wanted = max(BACKGROUND_NICENESS, os.getpriority(os.PRIO_PROCESS, me))
        with suppress(OSError):  # slower questions meanwhile, nothing else
            os.setpriority(os.PRIO_PROCESS, me, wanted)


class Choice(NamedTuple):
    """What measured fastest here."""

    precision: Precision
    budget: int


class Encoder:
    """A sentence-transformers model, loaded on first need, that turns token ids into unit vectors.

    Vectors do not depend on what else is in the batch (within 1e-4), are finite, and keep the
    order of the input. Questions have a thread of their own, and threads for what is urgent to
    them: they never wait for documents.
    """

    def __init__(
        self, model: LocalModel, precision: Literal["auto", "fp32", "bf16"], threads: int,
        remembered: Remembered,
    ) -> None:  # fmt: skip
        self._model = model
        self._wanted = precision
        self._remembered = remembered
        self._questions = Threads("questions", 1)
        cores = threads or usable_cores()
        # What a question asks to be embedded beside itself must not queue behind a sync.
        self._urgent = Threads("urgent", cores)
        self._documents = Threads("documents", cores, behind_questions)
        self._loading = threading.Lock()
        self._closing = threading.Event()
        self._network: Any = None
        self._choice: Choice | None = None

    @property
    def choice(self) -> Choice | None:
        """Precision and batch budget in use; None until loaded."""
        return self._choice

    async def warm(self) -> None:
        """Load the model now rather than with the first call."""
        await self._questions.each([self._ready])

    async def encode_question(self, ids: Sequence[int]) -> Vectors:
        (vectors,) = await self._questions.each([lambda: self._forward([ids])])
        return vectors

    async def encode_documents(
        self, ids: Sequence[Sequence[int]], *, urgent: bool = False
    ) -> Vectors:
        threads = self._urgent if urgent else self._documents
        (choice,) = await threads.each([self._ready])
        batches = list(batched_by_length([len(each) for each in ids], choice.budget))
        found = await threads.each(
            partial(self._forward, [ids[row] for row in rows]) for rows in batches
        )
        vectors = np.empty((len(ids), self._model.dimension), np.float32)
        for rows, part in zip(batches, found, strict=True):
            vectors[rows] = part
        return vectors

    async def aclose(self) -> None:
        """A load that has begun ends with its next step; the libraries' import is one."""
        self._closing.set()
        await self._questions.aclose()
        await self._urgent.aclose()
        await self._documents.aclose()
        self._network = None

    # --- on the threads -----------------------------------------------------------------------

    def _ready(self) -> Choice:
        with self._loading:
            if self._choice is None:
                self._unless_closing()
                self._load()
                self._unless_closing()
                choice = self._choose()
                self._set_precision(choice.precision)
                self._choice = choice
            return self._choice

    def _unless_closing(self) -> None:
        if self._closing.is_set():
            raise _closed()

    def _load(self) -> None:
        self._network = load_network(self._model.folder, "SentenceTransformer")
        self._network.max_seq_length = self._model.max_tokens

    def _forward(self, ids: Sequence[Sequence[int]]) -> Vectors:
        self._ready()
        return self._embed(ids)

    def _embed(self, ids: Sequence[Sequence[int]]) -> Vectors:
        import torch

        width = max(len(each) for each in ids)
        tokens = torch.full((len(ids), width), self._model.pad_id, dtype=torch.long)
        mask = torch.zeros((len(ids), width), dtype=torch.long)
        for row, each in enumerate(ids):
            tokens[row, : len(each)] = torch.tensor(each)
            mask[row, : len(each)] = 1
        try:
            with torch.inference_mode():
                features = self._network({"input_ids": tokens, "attention_mask": mask})
                raw = cast("Tensor", features["sentence_embedding"]).float()
                vectors = torch.nn.functional.normalize(raw, dim=1).numpy()
        except (RuntimeError, ValueError, IndexError, KeyError, TypeError) as error:
            raise ModelError(f"{self._model.name} failed: {error}") from error
        return checked(vectors, len(ids), self._model.dimension, self._model.name)

    def _set_precision(self, precision: Precision) -> None:
        import torch

        self._network.to(torch.bfloat16 if precision == "bf16" else torch.float32)

    def _choose(self) -> Choice:
        """What measured fastest on this machine with this model, measured once."""
        import torch

        key = " | ".join(
            ("probe", cpu_name(), f"torch {torch.__version__}", self._wanted,
             self._model.fingerprint)
        )  # fmt: skip
        known = self._remembered.get(key) or {}
        if known.get("precision") in ("fp32", "bf16") and known.get("budget") in _BUDGETS:
            return Choice(known["precision"], known["budget"])
        choice, rates = self._probe()
        self._remembered.put(key, {**choice._asdict(), "texts_per_second": rates})
        return choice

    def _probe(self) -> tuple[Choice, dict[str, float]]:
        """Time short runs; bf16 must keep every vector's direction, or it is out."""
        texts = [_PROBE.format(n=n) * (1 + n % 2) for n in range(1, 9)]
        width = self._model.max_tokens
        ids = [encoding.ids for encoding in self._model.cutting_tokenizer.encode_batch_fast(texts)]
        self._require_faithful(texts, ids)
        rates: dict[str, float] = {}

        def rate(precision: Precision, budget: int) -> float:
            rows = list(batched_by_length([len(each) for each in ids], max(budget, width)))
            started = time.perf_counter()
            for batch in rows:
                self._unless_closing()
                self._embed([ids[i] for i in batch])
            measured = len(ids) / (time.perf_counter() - started)
            rates[f"{precision}/{budget}"] = round(measured, 1)
            return measured

        exact = self._embed(ids)
        precision: Precision = "fp32"
        best = 0.0 if self._wanted == "bf16" else rate("fp32", _BUDGETS[0])
        if self._wanted != "fp32":
            self._set_precision("bf16")
            same = float((self._embed(ids) * exact).sum(axis=1).min()) >= _SAME_DIRECTION
            if same and rate("bf16", _BUDGETS[0]) > best * _WORTH_IT:
                precision = "bf16"
            elif self._wanted == "bf16":
                raise ModelError(
                    f"{self._model.name} loses too much in bf16.",
                    hint="Set embedding.precision to auto or fp32.",
                )
            # bf16 rounded the weights, so fp32 needs them read again.
            self._load()
            self._set_precision(precision)
        best, budget = rate(precision, _BUDGETS[0]), _BUDGETS[0]
        for larger in _BUDGETS[1:]:
            if (measured := rate(precision, larger)) > best * _WORTH_IT:
                best, budget = measured, larger
        return Choice(precision, budget), rates

    def _require_faithful(self, texts: list[str], ids: list[list[int]]) -> None:
        """Our batches must give what the library's own `encode` gives, or the model is unusable."""
        sample = texts[:2]
        # An empty prompt keeps the model's default one out, which these ids do not have.
        raw = self._network.encode(sample, prompt="", show_progress_bar=False)
        theirs = np.array(raw, np.float32)
        theirs = checked(theirs, len(sample), self._model.dimension, self._model.name)
        theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
        ours = self._embed(ids[: len(sample)])
        if float((ours * theirs).sum(axis=1).min()) < _SAME_DIRECTION:
            raise ModelError(
                f"{self._model.name} gives other vectors from its tokenizer.json than by itself.",
                hint="Choose another model, or save this one again with its fast tokenizer.",
            )


def checked(vectors: Vectors, count: int, dimension: int, name: str) -> Vectors:
    """The vectors, or ModelError if any is missing, misshapen, not finite or without direction."""
    if vectors.shape != (count, dimension):
        raise ModelError(
            f"{name} gave vectors of shape {vectors.shape}, not {(count, dimension)}.",
            hint="The model's files disagree about its dimension.",
        )
    if not np.isfinite(vectors).all() or not np.abs(vectors).max(axis=1, initial=0).all():
        raise ModelError(f"{name} gave a vector that is not a number or is zero.")
    return vectors


def batched_by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Row numbers, longest first, in batches of at most `budget` tokens once padded."""
    rows = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    batch: list[int] = []
    for row in rows:
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def load_network(folder: Path, kind: Literal["SentenceTransformer", "CrossEncoder"]) -> Any:
    """A sentence-transformers model from a local folder alone, one core to each operation."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # It keeps a compiled kernel for each of 1,024 shapes of batch: 200 MB that buy no speed.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
    import sentence_transformers
    import torch
    from safetensors import SafetensorError
    from transformers.utils import logging

    logging.disable_progress_bar()
    # Holds for threads that begin to use torch from now on.
    torch.set_num_threads(1)
    # torch asks for the interpreter lock between its operations, and a thread that parses or cuts
    # text keeps it so long each time: a question beside it took ten times as long.
    sys.setswitchinterval(SWITCH_S)
    make: Any = getattr(sentence_transformers, kind)
    try:
        network = make(str(folder), device="cpu", local_files_only=True).eval()
        # What these libraries made stays for good. Looking through it again and again for what
        # nobody needs any more would stop every question for a quarter of a second each time.
        gc.freeze()
        return network
    except (*_BROKEN, SafetensorError) as error:
        raise ModelError(
            f"The model in {folder} could not be loaded: {error}",
            hint="Its files may be incomplete; fetch or save them again.",
        ) from error


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
