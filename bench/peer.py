# pyright: basic
"""LlamaIndex's own pipeline on a folder: the same model, reader to local Qdrant collection.

Run as a process of its own, `python -m bench.peer FOLDER`, so that neither side warms the other.
Prints chunks and seconds, counted once the model is loaded. Its packages are in
`bench/requirements.txt`; `make bench` installs them aside.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from rag.backends.local_model import locate

ASIDE = Path(__file__).parents[1] / ".bench"


def run(folder: Path) -> dict[str, float]:
    sys.path.insert(0, str(ASIDE))
    # The packages are absent where nobody benches, so no checker can see them.
    from llama_index.core import SimpleDirectoryReader
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding  # pyright: ignore
    from llama_index.vector_stores.qdrant import QdrantVectorStore  # pyright: ignore
    from qdrant_client import QdrantClient

    with tempfile.TemporaryDirectory() as scratch:
        model = locate("all-MiniLM-L6-v2", "", False, Path(scratch))
        embedder = HuggingFaceEmbedding(str(model), device="cpu")
        embedder.get_text_embedding("warm")
        client = QdrantClient(path=str(Path(scratch) / "qdrant"))
        pipeline = IngestionPipeline(
            # Cut to what the model reads, as we do: longer chunks would be embedded in part.
            transformations=[SentenceSplitter(chunk_size=256, chunk_overlap=20), embedder],
            vector_store=QdrantVectorStore("bench", client=client),
        )
        started = time.perf_counter()
        nodes = pipeline.run(documents=SimpleDirectoryReader(str(folder)).load_data())
        seconds = time.perf_counter() - started
        client.close()
    return {"chunks": len(nodes), "seconds": seconds, "chunks_per_s": len(nodes) / seconds}


if __name__ == "__main__":
    json.dump(run(Path(sys.argv[1])), sys.stdout)
