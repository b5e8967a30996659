"""BEIR: a corpus, questions, and who found what relevant."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from rag.datasets import Exported, Judged, Relevance, Split, Table
from rag.learn.exporters.corpus import corpus
from rag.learn.exporters.lines import LeftOut, Rows, Unfit, encode, written

CALLED: Mapping[Split, str] = {"train": "train", "validation": "dev", "test": "test"}
GRADES = 3


class Beir:
    """Its corpus is what people judged, not everything there is to be found."""

    about = "BEIR and mteb: measuring retrieval; grades from 0 to 3"
    tasks = ("relevance",)
    trains = False

    def export(self, rows: Rows, folder: Path) -> Exported:
        left_out = LeftOut()
        tables: list[Table] = []
        asked = held = 0
        with corpus(folder) as kept:
            with written(folder / "queries.jsonl") as queries:
                for split, some in rows["relevance"].items():
                    path = f"qrels/{CALLED[split]}.tsv"
                    count = 0
                    with written(folder / path) as file:
                        judgements = csv.writer(file, delimiter="\t", lineterminator="\n")
                        judgements.writerow(["query-id", "corpus-id", "score"])
                        for row in some:
                            assert isinstance(row, Relevance)
                            try:
                                kept.add(row)
                            except Unfit as why:
                                left_out.add("relevance", split, str(why))
                                continue
                            queries.write(encode({"_id": row.id, "text": row.question}))
                            for one in sorted(row.passages, key=lambda passage: passage.id):
                                judgements.writerow([row.id, one.id, grade(one)])
                            asked += 1
                            count += len(row.passages)
                    tables.append(
                        Table(
                            path=path,
                            config="qrels",
                            split=split,
                            rows=count,
                            columns={
                                "query-id": "string", "corpus-id": "string", "score": "int64",
                            },
                            media_type="text/tab-separated-values",
                        )
                    )  # fmt: skip
            with written(folder / "corpus.jsonl") as file:
                for name, title, text in kept.passages():
                    file.write(encode({"_id": name, "title": title, "text": text}))
                    held += 1
        passage = {"_id": "string", "title": "string", "text": "string"}
        question = {"_id": "string", "text": "string"}
        tables = [
            Table(path="corpus.jsonl", config="corpus", split="corpus", rows=held, columns=passage),
            Table(
                path="queries.jsonl", config="queries", split="queries", rows=asked,
                columns=question,
            ),
            *tables,
        ]  # fmt: skip
        return Exported(tables=tuple(tables), left_out=left_out.told())


def grade(passage: Judged) -> int:
    """BEIR reads whole numbers. What anyone found relevant is never 0."""
    return max(1, round(passage.score * GRADES)) if passage.score else 0
