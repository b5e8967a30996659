"""How results look: plain lines and tables for people, one line of JSON for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from rag.errors import counted

if TYPE_CHECKING:
    from rag.types import (
        Answer,
        Check,
        Conflict,
        DocumentInfo,
        Hit,
        Progress,
        SearchResult,
        SyncReport,
    )

_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
SNIPPET = 240
FAILURES = 10
"""So many failed questions are told in full; there may be hundreds."""


def clean(text: str) -> str:
    """Text of a document without what could steer a terminal or reverse the reading order."""
    return _CONTROL.sub("", text)


def say(text: str = "") -> None:
    sys.stdout.write(f"{clean(text)}\n")


def note(text: str) -> None:
    """For the person, not for the pipe."""
    sys.stderr.write(f"{clean(text)}\n")


def say_json(value: Any) -> None:
    """One line; models, dates and paths become plain data."""
    from pydantic_core import to_jsonable_python

    plain = to_jsonable_python(value, inf_nan_mode="null")
    sys.stdout.write(json.dumps(plain, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def say_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table as wide as it needs to be, so that a pipe sees every word."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(str(cell))) for cell in row))
    width = None if sys.stdout.isatty() else 240
    Console(file=sys.stdout, width=width).print(table)


@contextmanager
def progress_bar() -> Generator[Callable[[Progress], None]]:
    """A bar on standard error while long work runs; nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[document]}", markup=False),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None, document="")

        def show(progress: Progress) -> None:
            bars.update(
                task,
                description=progress.phase,
                completed=progress.done,
                total=progress.total or None,
                document=clean(progress.document)[-50:],
            )

        yield show


def told(report: SyncReport) -> str:
    """What became of the documents, in one sentence."""
    return f"{outcomes(report.model_dump()) or 'nothing to do'} in {report.seconds:.1f} s."


def say_not_indexed(count: int) -> None:
    """Also those of syncs before, which the latest left unchanged."""
    if count:
        are = "is" if count == 1 else "are"
        say(f"{counted(count, 'document')} {are} not indexed: rag documents --failed")


def outcomes(report: Mapping[str, Any]) -> str:
    """The counts of a run's report that are not zero."""
    words = [
        counted(count, name[:-1]) if name in ("chunks", "documents") else f"{count:,} {name}"
        for name, count in report.items()
        if count and name != "seconds"
    ]
    return ", ".join(words).replace("_", " ")


def say_answer(answer: Answer) -> None:
    """The answer, then what each of its marks stands for; lines are folded by the terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)

    def line(text: str, style: str = "") -> None:
        console.print(Text(clean(text), style=style))

    line(answer.answer)
    if answer.standalone is not None:
        line(f"Searched for: {answer.standalone}", "dim")
    # The pack's words for not knowing may name them already.
    unnamed = [one for one in answer.searched if one not in answer.answer]
    if answer.abstained and unnamed:
        line(f"Looked at: {'; '.join(unnamed)}", "dim")
    for one in answer.conflicts:
        line(f"\nSources disagree on [{one.n}]: {_age(one)}", "yellow")
        line(f"    {one.other.document}: {_line(one.other.quote)}", "dim")
    for claim in answer.claims:
        if claim.verdict != "supported":
            degree = "Partly supported" if claim.verdict == "partly" else "Unsupported"
            line(f"\n{degree}: {claim.text}", "yellow")
            line(f"    {claim.reason}", "dim")
    if answer.removed:
        line(f"\n{counted(answer.removed, 'sentence')} without support left out.", "yellow")
    for one in answer.citations:
        page = f", page {one.page}" if one.page is not None else ""
        line(f"\n[{one.n}] {one.document}{page}", "bold")
        line("    " + " ".join(one.quote.split()), "italic")
        line(f"    {one.uri}", "dim")
    took = answer.timings.get("total")
    timing = f" in {took:.0f} ms" if took is not None else ""
    support = f", support {answer.support:.2f}" if answer.support is not None else ""
    sure = f"confidence {answer.confidence:.2f}{support}"
    again = ", written before" if answer.cached else ""
    about = f"{answer.model}{again}{timing}, {sure}, trace {answer.trace_id}"
    line(f"\n{about}", "dim")


def search_json(result: SearchResult) -> dict[str, Any]:
    """Flat hits: where each stands, what it says and the story of its scores."""
    return {
        "hits": [_hit_json(hit) for hit in result.hits],
        "queries": list(result.queries),
        "generation": result.generation,
        "timings": dict(result.timings),
    }


def _hit_json(hit: Hit) -> dict[str, Any]:
    payload = hit.payload
    return {
        "rank": hit.rank,
        "score": hit.score,
        "uri": payload.uri,
        "title": payload.title,
        "text": payload.text,
        "scores": [score.model_dump(mode="json") for score in hit.scores],
        "headings": list(payload.headings),
        "page": payload.page,
        "span": [payload.start, payload.end],
        "document_id": payload.document_id,
        "version": payload.version,
        "chunk_id": payload.chunk_id,
        "source": payload.source,
        "language": payload.language,
    }


def say_hits(result: SearchResult) -> None:
    if not result.hits:
        say("Nothing found.")
    for hit in result.hits:
        payload = hit.payload
        page = f", page {payload.page}" if payload.page is not None else ""
        say(f"{hit.rank:>3}. {payload.title}{page}  ({hit.score:.3f})")
        say(f"     {_line(payload.text)}")
        story = ", ".join(f"{one.stage} #{one.rank} {one.score:.3f}" for one in hit.scores)
        say(f"     {payload.uri}  [{story}]")


def say_failed(documents: Sequence[DocumentInfo]) -> None:
    """Each document that is not indexed, with why, what to do, and what happens by itself."""
    if not documents:
        say("Every document is indexed.")
    for one in documents:
        say(f"{one.state.replace('_', ' ')}  {one.title or one.uri}")
        say(f"    {one.message}")
        before = f" Version {one.version} goes on answering." if one.version is not None else ""
        say(f"    {_attempts(one)}{before}")
        say(f"    {one.reason.replace('_', ' ')}, source {one.source}, id {one.id}")


def _attempts(one: DocumentInfo) -> str:
    """How often it was tried, and when it is tried again."""
    from rag.types import utc_now

    tried = f"Tried {counted(one.attempts, 'time')}" if one.attempts else "To be tried anew"
    if one.state == "failed":
        due = one.next_attempt
        when = f"after {due:%Y-%m-%d %H:%M} UTC" if due and due > utc_now() else "now"
        return f"{tried}; a sync {when} tries it again."
    again = f"rag source retry {one.source} --document {one.id}"
    if one.state == "dead_letter":
        return f"{tried} and given up. Again: {again}"
    return f"{tried}; read again when it changes. Before that: {again}"


def say_documents(documents: Sequence[DocumentInfo]) -> None:
    if not documents:
        say("No documents.")
        return
    rows = [
        (
            one.state.replace("_", " "),
            one.title or one.uri,
            one.chunks,
            one.message or " ".join(one.warnings) or one.uri,
        )
        for one in documents
    ]
    say_table(("state", "document", "chunks", "message, warnings or address"), rows)


def say_checks(checks: Sequence[Check]) -> None:
    for check in checks:
        say(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}")
        if not check.ok and check.hint:
            say(f"      {check.hint}")


def say_evaluation(report: Mapping[str, Any]) -> None:
    """The figures, those of each part in a table, then the first questions that went wrong."""
    parted = ("in_use", "calibration", "kinds", "failures", "note")
    say_mapping({key: value for key, value in report.items() if key not in parted})
    parts: dict[str, Mapping[str, Any] | None] = {
        # Where nothing was calibrated, the figures above are those of the threshold in use.
        "threshold in use": report["calibration"] and report["in_use"],
        "calibrating half": report["calibration"],
        **report["kinds"],
    }
    rows = {name: part for name, part in parts.items() if part}
    if rows:
        names = list(next(iter(rows.values())))
        say_table(
            ("", *(name.replace("_", " ") for name in names)),
            [(name, *(shown(part[one]) for one in names)) for name, part in rows.items()],
        )
    failures: Sequence[Mapping[str, Any]] = report["failures"]
    if failures:
        say(f"{counted(len(failures), 'question')} went wrong:")
    for one in failures[:FAILURES]:
        say(f"  {one['wrong']}: {_line(one['question'])}  ({one['id']}, {one['kind']})")
        expected = "; ".join(" or ".join(spellings) for spellings in one["expected"])
        say(f"    expected: {_line(expected) or 'that it does not know'}")
        say(f"    answered with confidence {one['confidence']:.2f}: {_line(one['answer'])}")
    if len(failures) > FAILURES:
        say(f"  and {len(failures) - FAILURES} more: rag eval --json")
    if report["note"]:
        say(report["note"])


def _age(conflict: Conflict) -> str:
    """Which of two documents is the newer, with what is known of their dates."""
    mine, other = (f" ({date})" if date else "" for date in conflict.dated)
    if conflict.newer is None:
        return f"which is newer is not known{mine}{other}."
    return f"it is the {'newer' if conflict.newer else 'older'} one{mine}; the other{other} says"


def _line(text: str) -> str:
    """Text on one line, cut where it would fill a screen."""
    flat = " ".join(text.split())
    return f"{flat[:SNIPPET]}{'…' if len(flat) > SNIPPET else ''}"


def shown(value: object) -> str:
    """One value for people: nothing there is a dash, and yes and no are words."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(round(value, 4) if isinstance(value, float) else value)


def say_mapping(values: Mapping[str, Any], indent: str = "") -> None:
    """Nested values as an outline; what is empty is left out."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            inner = cast("Mapping[str, Any]", value)
            if inner:
                say(f"{indent}{key}:")
                say_mapping(inner, indent + "  ")
        elif isinstance(value, (list, tuple)):
            items = cast("Sequence[Any]", value)
            if items:
                say(f"{indent}{key}:")
            for one in items:
                if isinstance(one, Mapping):
                    say(f"{indent}  -")
                    say_mapping(cast("Mapping[str, Any]", one), indent + "    ")
                else:
                    say(f"{indent}  - {shown(one)}")
        elif value != "":
            say(f"{indent}{key}: {shown(value)}")
