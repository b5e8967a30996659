# pyright: basic
"""What redaction finds, wrongly replaces and costs: `python -m bench.redaction [FOLDER]`.

The labelled sentences of the tests; characters a second over real passages (techdocs, of the data
folder, else the repository's own documents), and rows a second, apart from writing them: a prompt
with six such passages, a question and two answers, each with a few values in it. CPU time, as the
machine is shared.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, get_args

from bench.search import read
from rag.backends.presidio import Presidio
from rag.config.redaction import RedactionSettings
from rag.learn.redaction import Redactor, within
from rag.redaction import Kind

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
PASSAGES, ROWS = 8_000, 2_000
VALUES = (
    "ada{}@example.com",
    "+49 30 9018{:04d}",
    "DE89 3704 0044 0532 0130 00",
    "joe{}@a.example",
)


def main(folders: list[str]) -> None:
    folder = Path(folders[0]) if folders else DATA
    print(json.dumps(labelled(), indent=2))
    print(json.dumps(speed(passages(folder)), indent=2))


def labelled() -> dict[str, Any]:
    """By kind: how many there are, were found, and were found where there is none; by language,
    what no pattern knows."""
    finder = Presidio(RedactionSettings(), str)
    there, right, wrong, beyond = Counter(), Counter(), Counter(), Counter()
    for line in (ROOT / "tests/golden/personal.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        values = {tuple(value) for value in one["values"]}
        got = {(each.kind, one["text"][each.start : each.end]) for each in finder.find(one["text"])}
        there.update(kind for kind, _ in values)
        right.update(kind for kind, _ in values & got)
        wrong.update(kind for kind, _ in got - values)
        beyond[one["lang"]] += len(one["missed"])
    return {
        "kinds": {kind: (there[kind], right[kind], wrong[kind]) for kind in sorted(there)},
        "missed_as_no_pattern_knows_it": beyond,
    }


def passages(folder: Path) -> list[str]:
    path = folder / "techdocs" / "passages.jsonl.gz"
    if path.exists():
        return read(path, PASSAGES)
    print(f"{path} is missing; the repository's documents instead.", file=sys.stderr)
    return [one.read_text() for one in sorted(ROOT.glob("docs/**/*.md"))]


def speed(texts: list[str]) -> dict[str, Any]:
    told: dict[str, Any] = {"passages": len(texts), "characters": sum(map(len, texts))}
    for name, kinds in (("usual", RedactionSettings().kinds), ("all", get_args(Kind))):
        finder = Presidio(RedactionSettings(kinds=kinds), str)
        finder.find("1 @ : +49 30 901820")
        found, begun = Counter(), time.process_time()
        for text in texts:
            found.update(one.kind for one in finder._find(text))
        rate = told["characters"] / (time.process_time() - begun)
        told[name] = {"characters_a_second": round(rate), "found": found}
    redactor = Redactor(Presidio(RedactionSettings(), str))
    items = [row(n, texts) for n in range(ROWS)]
    before, begun = peak(), time.process_time()
    for item in items:
        within(redactor.scope("preference"), item)
    spent = time.process_time() - begun
    size = sum(len(json.dumps(item, ensure_ascii=False)) for item in items)
    told["rows"] = {
        "rows_a_second": round(ROWS / spent),
        "characters_of_a_row": size // ROWS,
        "memory_grown_mb": peak() - before,
    }
    return told


def row(n: int, texts: list[str]) -> dict[str, Any]:
    drawn = random.Random(n)
    values = [one.format(n) for one in VALUES]
    some = "\n\n".join(f"{drawn.choice(texts)[:1_200]} {drawn.choice(values)}" for _ in range(6))
    return {
        "prompt": [
            {"role": "system", "content": "Answer from these passages alone. " * 10},
            {"role": "user", "content": f"{some}\n\nWhose is {values[0]}?"},
        ],
        "first": f"It is whom you reach at {values[1]}. {drawn.choice(texts)[:300]}",
        "second": f"Write to {values[3]}. {drawn.choice(texts)[:300]}",
    }


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main(sys.argv[1:])
