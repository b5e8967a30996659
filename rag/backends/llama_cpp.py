"""llama.cpp's own server, in this process, on the loopback address: for one trained model."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag.errors import Unavailable


@contextmanager
def served(
    base: Path, adapter: Path, name: str, *, port: int = 0, context: int, threads: int = 0
) -> Generator[str]:
    """The base URL of a base in llama.cpp's format with a LoRA on it, until the block ends.

    Any free port, for 0. Raises Unavailable where the extra `llama` is not installed, or the model
    cannot be loaded.
    """
    if find_spec("xllamacpp") is None:
        raise Unavailable(
            "llama.cpp is not installed here.", hint="pip install 'ratchet-rag[llama]'"
        )
    xllamacpp: Any = import_module("xllamacpp")
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(base)
    lora = xllamacpp.CommonAdapterLoraInfo()
    lora.path, lora.scale = str(adapter), 1.0
    wanted.lora_adapters = [lora]
    wanted.model_alias = {name}
    wanted.n_ctx, wanted.n_parallel = context, 1
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = port
    wanted.ui = wanted.warmup = False
    wanted.verbosity = 0
    if threads:
        wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = threads
    try:
        server = xllamacpp.Server(wanted)
    except RuntimeError as error:
        raise Unavailable(f"llama.cpp cannot serve it: {error}") from error
    try:
        yield f"{server.listening_address}/v1"
    finally:
        # Its destructor ends the server and waits for its threads.
        del server
