"""Trains a cross-encoder further on pairs of a question and a passage, as long as it gets better.

What it is after the epoch that did best on questions apart is in the folder `out` when it ends.
"""

import json
import math
import random
import sys
import time
from importlib.metadata import version
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder

PACKAGES = ("sentence-transformers", "transformers", "torch")
DEEP = 10


def tuned(job):
    torch.manual_seed(job["seed"])
    began = time.monotonic()
    rows = json.loads(Path(job["rows"]).read_text(encoding="utf-8"))
    model = CrossEncoder(
        job["base"], num_labels=1, max_length=job["max_length"], local_files_only=True
    )
    if model.tokenizer.pad_token is None:
        return {"refused": "The base has no token to fill rows with, so it reads no pairs at once."}
    train, apart = rows["train"], rows["apart"]
    steps = math.ceil(len(train) / job["batch"])
    total = steps * job["epochs"]
    step = torch.optim.AdamW(model.model.parameters(), lr=job["rate"], weight_decay=0.01)
    # A tenth to warm up, then ever less.
    rate = torch.optim.lr_scheduler.LambdaLR(
        step, lambda n: min((n + 1) / max(1, total // 10), (total - n) / total)
    )
    order = random.Random(job["seed"])
    losses, best, epoch, done = [], None, 0, 0
    for epoch in range(1, job["epochs"] + 1):
        order.shuffle(train)
        model.train()
        mean = 0.0
        for start in range(0, len(train), job["batch"]):
            loss = stepped(model, train[start : start + job["batch"]], job["max_length"])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.model.parameters(), 1.0)
            step.step()
            rate.step()
            step.zero_grad()
            done += 1
            mean += float(loss.detach()) / steps
            tell({"done": done, "total": total, "loss": float(loss.detach())})
        losses.append(mean)
        model.eval()
        worths = [worth(model, one) for one in apart]
        if best is not None and sum(worths) <= sum(best[1]):
            break
        best = (epoch, worths)
        model.save_pretrained(job["out"])
    return {
        "worths": best[1],
        "epochs": best[0],
        "losses": losses,
        "device": str(model.device),
        "seconds": round(time.monotonic() - began, 1),
        "versions": {name: version(name) for name in PACKAGES},
    }


def stepped(model, pairs, longest):
    """The loss of one batch, each pair by its weight."""
    read = model.tokenizer(
        [one["question"] for one in pairs],
        [one["text"] for one in pairs],
        padding=True,
        truncation=True,
        max_length=longest,
        return_tensors="pt",
    ).to(model.device)
    told = model.model(**read).logits.squeeze(-1)
    wanted = torch.tensor([one["label"] for one in pairs], device=told.device)
    weights = torch.tensor([one["weight"] for one in pairs], device=told.device)
    lost = torch.nn.functional.binary_cross_entropy_with_logits(told, wanted, reduction="none")
    return (lost * weights).sum() / weights.sum()


def worth(model, one):
    """nDCG@10 of the order that the model gives to what people saw of a question."""
    scores = model.predict(
        [(one["question"], text) for text in one["texts"]], show_progress_bar=False
    )
    ranked = sorted(zip(scores.tolist(), one["useful"], strict=True), key=lambda pair: -pair[0])
    return dcg([useful for _, useful in ranked]) / dcg(sorted(one["useful"], reverse=True))


def dcg(gains):
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains[:DEEP], 1))


def tell(what):
    print(json.dumps(what), file=sys.__stdout__, flush=True)
