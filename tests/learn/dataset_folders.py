"""Folders of datasets as `rag dataset build` writes them, made of given rows."""

import hashlib
import json
from datetime import UTC, datetime

from rag.datasets import (
    COLUMNS,
    SPLITS,
    Evaluation,
    File,
    Instruction,
    Judged,
    Label,
    Manifest,
    Preference,
    Relevance,
    line,
    row_hash,
    rows_path,
)
from rag.learn import cards
from rag.testing.exporter import sample
from rag.types import Message

AS_OF = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOSTILE = "=1+1;\"\u2028\u0085\x00😀\u202e,\t\r\n'x"


def some_rows(count=4):
    """Rows of every task and split."""
    return {
        task: {
            split: [sample(task, number + 100 * place) for number in range(count)]
            for place, split in enumerate(SPLITS)
        }
        for task in COLUMNS
    }


def odd_rows():
    """A row that is well, a hostile one, and ones that formats cannot hold."""
    user, system = Message(role="user", content="What?"), Message(role="system", content="Be kind.")
    hostile = Message(role="user", content=HOSTILE)
    late = (user, system)
    twice = (user, user)
    return {
        "instruction": {
            "train": [
                sample("instruction", 1),
                Instruction(prompt=(hostile,), completion=HOSTILE),
                Instruction(prompt=late, completion="Yes."),
                Instruction(prompt=twice, completion="Yes."),
                Instruction(prompt=(user,), completion=" "),
            ],
            "validation": [sample("instruction", 2)],
            "test": [sample("instruction", 3)],
        },
        "preference": {
            "train": [
                sample("preference", 1),
                Preference(prompt=(hostile,), chosen=HOSTILE, rejected="No."),
                Preference(prompt=(user,), chosen="Same.", rejected="Same."),
                Preference(prompt=twice, chosen="Yes.", rejected="No."),
            ],
        },
        "label": {
            "train": [
                sample("label", 1),
                sample("label", 2),
                Label(prompt=(hostile,), completion=HOSTILE, label=True),
                Label(prompt=late, completion="Yes.", label=False),
            ],
        },
        "relevance": {
            "train": [
                sample("relevance", 1),
                Relevance(
                    id="q-hostile",
                    question=HOSTILE,
                    passages=(
                        Judged(id="h1", title=HOSTILE, text=HOSTILE, score=0.5),
                        Judged(id="h2", text="x", score=0.1),
                        Judged(id="h3", text="y", score=0),
                    ),
                ),
                Relevance(
                    id="q-good", question="Good?", passages=(Judged(id="g", text="g", score=1),)
                ),
                Relevance(
                    id="q-bad", question="Bad?", passages=(Judged(id="b", text="b", score=0),)
                ),
            ],
            "validation": [sample("relevance", 50)],
            "test": [sample("relevance", 60)],
        },
        "evaluation": {
            "test": [
                sample("evaluation", 1),
                Evaluation(id="e-hostile", question=HOSTILE, response=HOSTILE),
            ],
        },
    }


def write_dataset(folder, rows, *, name="pumps", **more):
    """The folder, with its manifest and cards."""
    folder.mkdir(parents=True)
    files, counts, provenance = {}, {}, []
    for task, splits in rows.items():
        for split, some in splits.items():
            lines = sorted((line(row.model_dump(mode="json")) for row in some), key=row_hash)
            write(folder, files, rows_path(task, split), "".join(f"{one}\n" for one in lines))
            counts.setdefault(task, {})[split] = len(lines)
            provenance += [
                {"row": row_hash(one), "task": task, "split": split, "why": "reviewed"}
                for one in lines
            ]
    write(folder, files, "provenance.jsonl", "".join(f"{line(one)}\n" for one in provenance))
    version = hashlib.sha256(json.dumps(counts).encode()).hexdigest()
    manifest = Manifest(
        **{
            "name": name,
            "version": version,
            "domain": "pumps",
            "as_of": AS_OF,
            "description": "What people said of answers on pumps.",
            "license": "cc-by-4.0",
            "languages": ("en",),
            "rows": counts,
            "files": files,
        }
        | more
    )
    (folder / "README.md").write_text(cards.readme(manifest), encoding="utf-8")
    (folder / "croissant.json").write_text(cards.croissant(manifest), encoding="utf-8")
    (folder / "manifest.json").write_text(manifest.model_dump_json(), encoding="utf-8")
    return folder


def write(folder, files, path, text):
    data = text.encode("utf-8", "replace")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(data)
    files[path] = File(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
