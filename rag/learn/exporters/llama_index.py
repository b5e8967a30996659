"""LlamaIndex: one JSON file a split, an `EmbeddingQAFinetuneDataset`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from rag.datasets import Exported, Relevance, Table
from rag.learn.exporters.corpus import Corpus, corpus
from rag.learn.exporters.lines import LeftOut, Rows, Unfit, encode, whole, written


class QaFinetune:
    """Its adapter engine reads the first relevant passage alone, so the best one stands first."""

    about = "LlamaIndex' adapter engine: an EmbeddingQAFinetuneDataset"
    tasks = ("relevance",)
    trains = True

    def export(self, rows: Rows, folder: Path) -> Exported:
        left_out = LeftOut()
        tables: list[Table] = []
        for split, some in rows["relevance"].items():
            count = 0
            with corpus(folder) as kept:
                for row in some:
                    assert isinstance(row, Relevance)
                    # It has no place for titles.
                    texts = [
                        one.model_copy(update={"text": whole(one), "title": ""})
                        for one in row.passages
                    ]
                    try:
                        kept.add(row.model_copy(update={"passages": tuple(texts)}))
                    except Unfit as why:
                        left_out.add("relevance", split, str(why))
                        continue
                    count += 1
                with written(folder / f"{split}.json") as file:
                    _write(file, kept)
            tables.append(
                Table(
                    path=f"{split}.json",
                    config="relevance",
                    split=split,
                    rows=count,
                    columns={},
                    media_type="application/json",
                )
            )
        return Exported(tables=tuple(tables), left_out=left_out.told())


def _write(file: TextIO, kept: Corpus) -> None:
    """The whole object, a member a line."""
    file.write('{"queries": {')
    _members(file, ((name, text) for name, text, _ in kept.questions()))
    file.write('}, "corpus": {')
    _members(file, ((name, text) for name, _, text in kept.passages()))
    file.write('}, "relevant_docs": {')
    _members(file, ((name, relevant) for name, _, relevant in kept.questions()))
    file.write('}, "mode": "text"}\n')


def _members(file: TextIO, members: Iterable[tuple[str, object]]) -> None:
    for place, (name, value) in enumerate(members):
        file.write(f"{',' if place else ''}\n{json.dumps(name)}: {encode(value).rstrip()}")
