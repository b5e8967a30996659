"""TRL and PEFT: trains a LoRA on the rows of an export, all of them and each of them whole.

The adapter is in the folder `out` when it ends, in the form that PEFT and vLLM read, and where
llama.cpp can serve such a base, in its own. Nothing is trained where TRL would leave out or cut a
row: it does that without a word.
"""

import json
import math
import sys
import time
from importlib.metadata import version
from pathlib import Path

import torch
import transformers
import trl
from datasets import disable_progress_bars, load_dataset
from peft import LoraConfig
from with_trl import lengths

PACKAGES = ("trl", "peft", "transformers", "datasets", "torch", "gguf")
TRAINERS = {"sft": "SFT", "dpo": "DPO", "kto": "KTO"}
ASKED = {
    "sft": (("prompt", "completion"),),
    "dpo": (("prompt", "chosen"), ("prompt", "rejected")),
    "kto": (("prompt", "completion"),),
}
MARGIN = 8
"""Tokens that a trainer may add to a row."""
PROBE, PROBED = "Name three colours.", 16
"""What the trained model is asked, and how many tokens of what it says are kept: whoever serves it
is to say the same."""


class Refused(Exception):
    """What of the rows or the base keeps them from being trained with."""


def tuned(job):
    """What came of it, or why nothing did."""
    try:
        return trained(job)
    except Refused as why:
        return {"refused": str(why)}


def trained(job):
    transformers.utils.logging.disable_progress_bar()
    disable_progress_bars()
    transformers.set_seed(job["seed"])
    since = time.monotonic()
    tokenizer = the_tokenizer(job["base"])
    rows = read(job["train"])
    held = read(job["validation"]) if job["validation"] else None
    model = the_model(job["base"], tokenizer)
    longest = max(
        lengths(tokenizer, some, asked, None)[0]
        for some in (rows, held)
        if some
        for asked in ASKED[job["method"]]
    )
    limit = fitting(job["max_length"], longest, model.config)
    trainer = prepared(job, tokenizer, rows, held, model, limit)
    all_taken(job["method"], trainer.train_dataset, rows)
    before = trainer.evaluate()["eval_loss"] if held else None
    trainer.train()
    losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    if not losses or not all(math.isfinite(one) for one in losses):
        raise Refused(f"The loss was not finite: {losses[-3:]}.")
    after = trainer.evaluate()["eval_loss"] if held else None
    out = Path(job["out"])
    trainer.model.save_pretrained(out / "adapter")
    tokenizer.save_pretrained(out / "adapter")
    served = write_gguf(trainer.model, out, job["alpha"])
    said = probed(trainer.model, tokenizer)
    if job["merge"]:
        trainer.model.merge_and_unload().save_pretrained(out / "merged")
        tokenizer.save_pretrained(out / "merged")
    return {
        "rows": len(rows),
        "validation_rows": len(held) if held else 0,
        "longest": longest,
        "max_length": limit,
        "steps": trainer.state.global_step,
        "losses": [round(float(one), 6) for one in losses],
        "validation_loss": None if after is None else [round(before, 6), round(after, 6)],
        "device": str(trainer.args.device.type),
        "seconds": round(time.monotonic() - since, 1),
        "llama_cpp": served,
        "probe": {"asked": PROBE, "tokens": PROBED, "said": said},
        "versions": {name: version(name) for name in PACKAGES},
    }


def the_tokenizer(base):
    tokenizer = transformers.AutoTokenizer.from_pretrained(base["folder"], **from_file(base))
    if not tokenizer.chat_template:
        raise Refused("The base has no chat template, so it cannot be asked as a chat.")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def the_model(base, tokenizer):
    kind = transformers.AutoModelForCausalLM
    dtype = torch.bfloat16 if on_gpu() and torch.cuda.is_bf16_supported() else torch.float32
    if base["file"]:
        read = kind.from_pretrained(base["folder"], gguf_file=base["file"], dtype=torch.float32)
        # What is read from that file counts as quantized, and is not trained; a copy is.
        plain = {k: v for k, v in read.config.to_dict().items() if k != "quantization_config"}
        model = kind.from_config(type(read.config)(**plain)).to(dtype)
        model.load_state_dict(read.state_dict())
    else:
        model = kind.from_pretrained(base["folder"], dtype=dtype, use_safetensors=True)
    model.config.pad_token_id = tokenizer.pad_token_id
    return model


def from_file(base):
    return {"gguf_file": base["file"]} if base["file"] else {}


def on_gpu():
    return torch.cuda.is_available()


def read(path):
    return load_dataset("json", data_files=path, split="train")


def fitting(wanted, longest, config):
    """What to give as max_length, so that no row is left out or cut."""
    least, most = longest + MARGIN, config.max_position_embeddings
    if wanted is not None and wanted < least:
        raise Refused(
            f"The longest row needs a max_length of {least}; with {wanted} TRL leaves it out or "
            "cuts its answer off, without a word."
        )
    if least > most:
        raise Refused(f"The longest row has {longest} tokens; the base reads {most} at most.")
    return wanted or least


def prepared(job, tokenizer, rows, held, model, limit):
    """A trainer that has taken the rows in."""
    name, gpu = TRAINERS[job["method"]], on_gpu()
    arguments = getattr(trl, f"{name}Config")(
        output_dir=job["work"],
        max_length=limit,
        num_train_epochs=job["epochs"],
        max_steps=job["steps"] or -1,
        learning_rate=job["rate"],
        per_device_train_batch_size=job["batch"],
        per_device_eval_batch_size=job["batch"],
        seed=job["seed"],
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=not gpu,
        bf16=gpu and torch.cuda.is_bf16_supported(),
        gradient_checkpointing=gpu,
        disable_tqdm=True,
    )
    return getattr(trl, f"{name}Trainer")(
        model=model,
        args=arguments,
        train_dataset=rows,
        eval_dataset=held,
        processing_class=tokenizer,
        callbacks=[Telling()],
        peft_config=LoraConfig(
            r=job["rank"],
            lora_alpha=job["alpha"],
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )


def all_taken(method, kept, rows):
    """Every row is there, and something of each is learned."""
    if len(kept) != len(rows):
        raise Refused(f"TRL left out {len(rows) - len(kept)} of {len(rows)} rows.")
    if method == "sft":
        empty = sum(all(label == -100 for label in labels(row)) for row in kept)
        if empty:
            raise Refused(f"Of {empty} rows no token is trained on.")
    for name in ("completion_ids", "chosen_ids", "rejected_ids"):
        if name in kept.column_names and not all(kept[name]):
            raise Refused(f"There are rows without {name}.")
    if method == "kto" and len(set(rows["label"])) < 2:
        raise Refused("All rows have one label; KTO learns from the difference of two.")


def probed(model, tokenizer):
    """What the trained model says, at its surest."""
    given = tokenizer.apply_chat_template(
        [{"role": "user", "content": PROBE}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    ).to(model.device)
    model.eval()
    model.config.use_cache = True
    made = model.generate(**given, max_new_tokens=PROBED, do_sample=False)
    return tokenizer.decode(made[0, given["input_ids"].shape[1] :], skip_special_tokens=True)


def labels(row):
    return row["labels"] if "labels" in row else row["input_ids"]


class Telling(transformers.TrainerCallback):
    def on_log(self, args, state, control, logs=None, **_):
        if logs and "loss" in logs:
            told = {"done": state.global_step, "total": state.max_steps, "loss": logs["loss"]}
            print(json.dumps(told), file=sys.__stdout__, flush=True)


def write_gguf(model, out, alpha):
    """The adapter as llama.cpp reads it beside a base of the same weights.

    Of the Llama architecture alone: there the halves of each head that rotate stand in another
    order than in the weights that PEFT has.
    """
    config = model.config
    if config.model_type != "llama":
        return False
    import gguf

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    writer = gguf.GGUFWriter(out / "adapter.gguf", "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(alpha))
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, tensor in sorted(model.state_dict().items()):
        place, found, rest = name.partition(".lora_")
        if not found:
            continue
        module, side = place.removeprefix("base_model.model."), rest[0].lower()
        weights = tensor.detach().to("cpu", torch.float32)
        count = heads.get(module.rpartition(".")[2])
        if side == "b" and count:
            halves = weights.reshape(count, 2, weights.shape[0] // count // 2, weights.shape[1])
            weights = halves.swapaxes(1, 2).reshape(weights.shape)
        target = names.get_name(module)
        if target is None:
            raise Refused(f"llama.cpp has no weights called {module}.")
        writer.add_tensor(f"{target}.weight.lora_{side}", weights.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return True
