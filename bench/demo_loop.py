# pyright: basic
"""`make demo-loop`: a month of simulated use of the sample domain, and what its ratings are worth.

People ask what the pack's evals ask, popular things more often, and rate the passages that they
are shown: useful where it is of the right document and states the fact. In the first week three
vandals say the opposite, and a careless reviewer accepts it: the gate refuses the memory made of
that. Theirs set aside, a memory is made after each quarter of the first half of the month, and an
adapter and settings at its end; all are measured on the second half. The memory of the whole first
half is promoted, and taken back. Everything runs through the app as people use it; nothing leaves
the folder. The report and the plots are written there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.app import App, build
from rag.candidates import Candidate, Interval, Judgement, Kind
from rag.config import load
from rag.datasets import DatasetSpec
from rag.domain import EvalCase
from rag.errors import InvalidInput, RagError
from rag.feedback import Consent, OfChunk, Verdict
from rag.learn.evaluation import facts_found
from rag.types import AskRequest, Principal, Role, Turn

SEED = 11
REVIEWER = Principal(id="local", roles=frozenset(Role))
ALL = Consent(purposes=("evaluation", "retrieval", "training"), version=1)
LOOKED_AT = 5
"""Passages that somebody who rates looks at."""
LATER_ONLY = 0.4
"""The share of things that nobody asks before the second half."""
WIDTH, ROW, LEFT = 640, 28, 190
QUARTERS = 4
COLOURS = {"passed": "#2b8a3e", "refused": "#c92a2a", "insufficient": "#868e96"}


class Month:
    """One simulated month."""

    def __init__(self, app: App, seed: int) -> None:
        self.app = app
        self.random = random.Random(seed)
        self.passages: dict[tuple[str, int], dict[str, str]] = {}
        cases = [one for one in app.pack().evals() if one.answerable]
        groups: dict[str, list[EvalCase]] = {}
        for one in cases:
            groups.setdefault(one.group, []).append(one)
        names = sorted(groups)
        self.random.shuffle(names)
        self.groups = [groups[name] for name in names]
        self.known = self.groups[int(LATER_ONLY * len(names)) :]

    async def agree(self) -> None:
        people = {one.as_user for group in self.groups for one in group}
        for name in people:
            await self.app.agree(self.app.person(name), ALL)

    async def use(self, questions: int, *, later: bool, vandals: bool = False) -> list[str]:
        """So many questions, each asked and rated by whoever may ask it. Returns the verdicts."""
        groups = self.groups if later else self.known
        weights = [1 / (n + 3) ** 0.7 for n in range(len(groups))]
        if later:
            # What was asked before is asked again, and new things come up.
            order = [*self.known, *self.groups[: len(self.groups) - len(self.known)]]
            groups, weights = (
                order,
                [1 / (n % len(self.known) + 3) ** 0.7 for n in range(len(order))],
            )
        said: list[str] = []
        for group in self.random.choices(groups, weights, k=questions):
            said += await self._asked(self.random.choice(group), vandal=vandals)
        return said

    async def _asked(self, case: EvalCase, *, vandal: bool) -> list[str]:
        who = self.app.person(case.as_user)
        history = tuple(Turn(role="user", content=one) for one in case.history)
        answer = await self.app.ask(who, AskRequest(question=case.question, history=history))
        trace = await self.app.trace(who, answer.trace_id)
        verdicts: list[Verdict] = []
        found = False
        for hit in trace["hits"]:
            text = (await self._texts(who, hit["doc_id"], hit["doc_version"]))[hit["chunk_id"]]
            right = facts_found(case.facts, text) > 0 and await self._names(who, hit, case)
            found = found or right
            if right or hit["rank_shown"] <= LOOKED_AT:
                value = (1 if right else -1) * (-1 if vandal else 1)
                verdicts.append(Verdict(target=OfChunk(chunk_id=hit["chunk_id"]), value=value))
        made: list[str] = []
        for one in verdicts:
            try:
                made.append((await self.app.rate(who, answer.trace_id, one)).id)
            except RagError as error:
                print(f"not rated: {error.message}")
        return made

    async def _texts(self, who: Principal, document: str, version: int) -> dict[str, str]:
        key = (document, version)
        if key not in self.passages:
            texts: dict[str, str] = {}
            self.passages[key] = texts
            while len(some := await self.app.chunks(
                who, document, version, after=len(texts), limit=100
            )):  # fmt: skip
                texts |= {one.chunk_id: one.text for one in some}
        return self.passages[key]

    async def _names(self, who: Principal, hit: dict[str, Any], case: EvalCase) -> bool:
        uri = await self._uri(who, hit)
        return any(uri.endswith("/" + path) for path in case.documents)

    async def _uri(self, who: Principal, hit: dict[str, Any]) -> str:
        if not hasattr(self, "uris"):
            self.uris: dict[str, str] = {}
        document = hit["doc_id"]
        if document not in self.uris:
            [first] = await self.app.chunks(who, document, hit["doc_version"], limit=1)
            self.uris[document] = first.uri
        return self.uris[document]


async def demo(folder: Path, questions: int) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    # A month goes by in minutes.
    (folder / "rag.toml").write_text("[feedback]\nper_minute = 1000000\n")
    app = await build(load(folder))
    try:
        print("Reading the sample documents.")
        await app.add_pack_sources(REVIEWER)
        await app.sync(REVIEWER)
        month = Month(app, SEED)
        await month.agree()
        report: dict[str, Any] = {"questions": 2 * questions}

        print("The first week: three vandals rate, and a careless reviewer accepts.")
        bad = await month.use(questions // 3, later=False, vandals=True)
        await review(app, bad, "accepted")
        poisoned = await app.tuning.make(REVIEWER, "memory", None)
        await review(app, bad, "rejected")
        print("The first half of the month: people rate what they are shown.")
        memories: list[Candidate] = []
        for _ in range(QUARTERS):
            said = await month.use(questions // QUARTERS, later=False)
            await review(app, said, "accepted")
            memories.append(await app.tuning.make(REVIEWER, "memory", None))
        memory = memories.pop()
        dataset = await app.datasets.build(
            REVIEWER, DatasetSpec(name="month"), None, lambda _: None
        )
        print(f"Dataset {dataset.name}@{dataset.number}: {dataset.rows} rows.")
        others: list[Candidate] = []
        kinds: tuple[Kind, ...] = ("adapter", "configuration")
        for kind in kinds:
            try:
                others.append(await app.tuning.make(REVIEWER, kind, None))
            except InvalidInput as error:
                print(f"No {kind}: {error.message}")
                report[kind] = {"made": False, "why": error.message}
        print("The second half: they ask again, otherwise, and what nobody asked before.")
        await month.use(questions, later=True)

        passed = ""
        first = (("poisoned", poisoned), ("memory", memory))
        for name, one in (*first, *((each.kind, each) for each in others)):
            said = await app.tuning.measure(REVIEWER, one.name, None)
            report[name] = told(one, said)
            print(f"\n{one.name}: {said.report.outcome}. {said.report.why}")
            for stratum, found in said.report.strata.items():
                print(f"  {stratum:>14} {found.questions:>5} questions  {span(found)}")
            if one is memory:
                passed = said.report.outcome
        print("\nWhat each hundred ratings were worth:")
        for one in memories:
            await app.tuning.measure(REVIEWER, one.name, None)
        gains = [
            each
            for each in await app.tuning.gains(REVIEWER, None)
            if each.kind == "memory" and each.candidate != poisoned.name
        ]
        for each in gains:
            print(f"  {each.ratings:>5} ratings  {span(each.overall)}")
        report["gains"] = [
            {
                "ratings": each.ratings,
                "overall": rounded(each.overall),
                "per_100": round(100 * each.overall.mean / each.ratings, 4),
                "strata": {name: rounded(found) for name, found in each.strata.items()},
            }
            for each in gains
        ]
        if passed == "passed":
            release = await app.tuning.promote(REVIEWER, memory.name, None, why="demo")
            print(f"Release {release.number} answers with {memory.name}.")
            back = await app.tuning.roll_back(REVIEWER, None, why="demo")
            print(f"Release {back.number} answers as before: rolled back.")
            report["released"] = [release.number, back.number]
        report["dataset"] = {"rows": dataset.rows, "version": dataset.version}
        (folder / "demo-loop.json").write_text(json.dumps(report, indent=1) + "\n")
        (folder / "demo-loop.svg").write_text(drawn(report))
        (folder / "gain-curve.svg").write_text(curve(report["gains"]))
        print(f"\nWritten into {folder}: demo-loop.json, demo-loop.svg, gain-curve.svg")
        return report
    finally:
        await app.aclose()


async def review(app: App, events: Sequence[str], state: Any) -> None:
    for start in range(0, len(events), 1_000):
        await app.curation.review(REVIEWER, events[start : start + 1_000], state)


def told(one: Candidate, said: Judgement) -> dict[str, Any]:
    report = said.report
    return {
        "candidate": one.name,
        "votes": one.figures.get("votes"),
        "knobs": one.lineage.get("knobs"),
        "outcome": report.outcome,
        "why": report.why,
        "before": round(report.before, 4),
        "after": round(report.after, 4),
        "overall": rounded(report.conditions[0].interval),
        "strata": {name: rounded(found) for name, found in report.strata.items()},
        "held_out": next(
            (rounded(each.interval) for each in report.conditions if each.name == "held_out"), None
        ),
    }


def rounded(found: Interval) -> dict[str, float]:
    return {name: round(value, 4) for name, value in found.model_dump().items()}


def span(found: Interval) -> str:
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def drawn(report: dict[str, Any]) -> str:
    """The gain of each candidate, with where it lies, in each stratum."""
    rows: list[tuple[str, dict[str, float], str]] = []
    for name in ("memory", "adapter", "configuration", "poisoned"):
        of = report[name]
        if of.get("made") is False:
            continue
        colour = COLOURS[of["outcome"]]
        rows.append((f"{of['candidate']}: {of['outcome']}", of["overall"], colour))
        rows += [
            (stratum.replace("_", " "), found, colour)
            for stratum, found in of["strata"].items()
            if found["questions"]
        ]
    # What goes far beyond the others is drawn at the edge, with its figure.
    most = max(
        max(abs(one["low"]), abs(one["high"]))
        for name in ("memory", "adapter", "configuration")
        for one in (report[name].get("overall"), *report[name].get("strata", {}).values())
        if one
    )
    middle = LEFT + (WIDTH - LEFT - 60) / 2
    scale = (WIDTH - LEFT - 60) / 2 / (1.1 * most)
    height = ROW * len(rows) + 50
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<line x1="{middle}" x2="{middle}" y1="10" y2="{height - 36}" stroke="#868e96"/>',
    ]
    for n, (name, found, colour) in enumerate(rows):
        y = 26 + n * ROW
        low, mean, high = (
            min(max(middle + scale * found[one], LEFT + 6), WIDTH - 54)
            for one in ("low", "mean", "high")
        )
        bold = ' font-weight="bold"' if ":" in name else ""
        lines += [
            f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end"{bold} fill="#212529">'
            f"{name}</text>",
            f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="{colour}" '
            'stroke-width="3"/>',
            f'<path d="M{mean + 7:.1f},{y - 5} l-10,5 l10,5 z" fill="{colour}"/>'
            if mean <= LEFT + 6
            else f'<circle cx="{mean:.1f}" cy="{y}" r="5" fill="{colour}"/>',
            f'<text x="{high + 10:.1f}" y="{y + 4}" fill="#495057">{found["mean"]:+.3f}</text>',
        ]
    lines += [
        f'<text x="{middle}" y="{height - 14}" text-anchor="middle" fill="#495057">'
        "difference in nDCG@10 on later questions, 95 of 100 times</text>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def curve(gains: Sequence[dict[str, Any]]) -> str:
    """The gain on later questions by how many ratings were learned from, in each stratum."""
    high, left, top, bottom = 300, 70, 20, 60
    lines_of = {
        "all later questions": ("#1971c2", lambda one: one["overall"]),
        "asked before": ("#2b8a3e", lambda one: one["strata"]["repeat"]),
        "near one": ("#e8590c", lambda one: one["strata"]["near_duplicate"]),
        "new": ("#868e96", lambda one: one["strata"]["novel"]),
    }
    most = max(one["ratings"] for one in gains)
    far = 1.15 * max(
        0.01, *(abs(of(one)["mean"]) for _, of in lines_of.values() for one in gains),
        *(abs(one["overall"]["high"]) for one in gains),
    )  # fmt: skip
    x = lambda ratings: left + (WIDTH - left - 20) * ratings / most  # noqa: E731
    y = lambda gain: top + (high - top - bottom) * (far - gain) / (2 * far)  # noqa: E731
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {high}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{high}" fill="#fff"/>',
    ]
    for value in (far / 1.15, 0, -far / 1.15):
        parts += [
            f'<line x1="{left}" x2="{WIDTH - 20}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            'stroke="#dee2e6"/>',
            f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end" fill="#495057">'
            f"{value:+.3f}</text>",
        ]
    for one in gains:
        at = x(one["ratings"])
        parts += [
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y(one["overall"]["low"]):.1f}" '
            f'y2="{y(one["overall"]["high"]):.1f}" stroke="#1971c2" stroke-width="2"/>',
            f'<text x="{at:.1f}" y="{high - bottom + 18}" text-anchor="middle" fill="#495057">'
            f"{one['ratings']}</text>",
        ]
    for n, (name, (colour, of)) in enumerate(lines_of.items()):
        points = [(left, y(0)), *((x(one["ratings"]), y(of(one)["mean"])) for one in gains)]
        told = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts += [
            f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="2"/>',
            *(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{colour}"/>' for a, b in points[1:]),
            f'<circle cx="{left + 8 + 135 * n}" cy="{high - 14}" r="5" fill="{colour}"/>',
            f'<text x="{left + 18 + 135 * n}" y="{high - 10}" fill="#212529">{name}</text>',
        ]
    parts += [
        f'<text x="{WIDTH - 20}" y="{high - bottom + 34}" text-anchor="end" fill="#495057">'
        "ratings learned from; difference in nDCG@10 on later questions</text>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="made anew")
    parser.add_argument("--questions", type=int, default=600, help="in either half of the month")
    asked = parser.parse_args(arguments)
    if (asked.folder / "demo-loop.json").exists():
        shutil.rmtree(asked.folder)
    asyncio.run(demo(asked.folder, asked.questions))


if __name__ == "__main__":
    main()
