"""BEIR: its own loader reads every split."""

import csv
from pathlib import Path

from beir.datasets.data_loader import GenericDataLoader


def run(job, result):
    result.used("beir")
    folder = Path(job["folder"])
    for table in job["tables"]:
        if table["config"] != "qrels":
            continue
        job["at"] = path = table["path"]
        with (folder / path).open(encoding="utf-8", newline="") as file:
            rows = sum(1 for _ in csv.reader(file, delimiter="\t")) - 1
        loader = GenericDataLoader(str(folder))
        corpus, queries, judged = loader.load(split=Path(path).stem)
        kept = sum(len(found) for found in judged.values())
        result.loaded(path, rows, kept, queries=len(queries), corpus=len(corpus))
        if kept != rows:
            result.problem("rows_dropped", path, f"Of {rows} judgements {kept} are read.")
        lost = [name for found in judged.values() for name in found if name not in corpus]
        if lost:
            result.problem("no_such_passage", path, f"{len(lost)} judged passages are not there.")
        if any(text is None or not text.strip() for text in queries.values()):
            result.problem("empty_question", path, "A question has no text.")
