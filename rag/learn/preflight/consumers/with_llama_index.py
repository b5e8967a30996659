"""LlamaIndex: reads every file as an EmbeddingQAFinetuneDataset. It trains nothing here."""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path


def reader():
    """The class itself: importing its package would want the clients of six vendors."""
    package = Path(find_spec("llama_index.core").origin).parents[1]
    path = package / "finetuning" / "embeddings" / "common.py"
    spec = spec_from_file_location("common", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EmbeddingQAFinetuneDataset


def run(job, result):
    result.used("llama-index-finetuning", "llama-index-core")
    for table in job["tables"]:
        job["at"] = path = table["path"]
        read = reader().from_json(str(Path(job["folder"]) / path))
        # Its adapter engine takes the first relevant passage of each question.
        pairs = [
            (text, read.corpus[read.relevant_docs[name][0]]) for name, text in read.queries.items()
        ]
        result.loaded(path, table["rows"], len(pairs), corpus=len(read.corpus))
        if len(pairs) != table["rows"]:
            result.problem(
                "rows_dropped", path, f"Of {table['rows']} questions {len(pairs)} are read."
            )
        if not all(question and passage for question, passage in pairs):
            result.problem("empty_text", path, "A question or a passage has no text.")
