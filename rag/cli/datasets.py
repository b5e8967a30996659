"""The verbs of datasets: review what people said, build datasets of it, look at them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli import output
from rag.cli.running import Json, group, through, valid
from rag.errors import counted

if TYPE_CHECKING:
    from rag.app import App
    from rag.datasets import Dataset
    from rag.remote import RemoteApp
    from rag.types import Principal

cli = group("Build datasets of what people said of answers, and look at them.")
READ_AT_ONCE = 20_000
Name = Annotated[
    str, typer.Argument(metavar="NAME[@N]", help="The newest version, or the one of that number.")
]


class State(StrEnum):
    RAW = "raw"
    ACCEPTED = "accepted"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"


class Task(StrEnum):
    INSTRUCTION = "instruction"
    PREFERENCE = "preference"
    LABEL = "label"
    RELEVANCE = "relevance"
    EVALUATION = "evaluation"


class Rater(StrEnum):
    USER = "user"
    EXPERT = "expert"


class Audience(StrEnum):
    EVERYONE = "everyone"
    MINE = "mine"


class Redaction(StrEnum):
    DEFAULT = "default"
    NONE = "none"


def review(
    ctx: typer.Context,
    state: Annotated[State, typer.Argument(help="What becomes of them.")],
    feedback_ids: Annotated[
        list[str], typer.Argument(metavar="FEEDBACK...", help="Their ids, as rag rate tells them.")
    ],
    note: Annotated[str, typer.Option(help="Why, for whoever looks at it next.")] = "",
    as_json: Json = False,
) -> None:
    """Accept verdicts on answers, set them aside, or reject them: all or none."""
    changed = through(
        ctx,
        lambda app, who: app.curation.review(who, feedback_ids, state.value, note, ctx.obj.domain),
    )
    output.say_json({"changed": changed}) if as_json else output.say(
        f"{counted(changed, 'verdict')} {'is' if changed == 1 else 'are'} {state.value} now."
    )


@cli.command()
def build(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Small letters, digits, - and _.")],
    description: Annotated[str, typer.Option(help="What it is for, in a sentence.")] = "",
    task: Annotated[list[Task] | None, typer.Option(help="Only rows of this task.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only what was asked from then on (UTC).")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Only what was asked before (UTC).")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only answers of this model.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Only answers in it.")] = None,
    rater: Annotated[list[Rater] | None, typer.Option(help="Only what these said.")] = None,
    state: Annotated[
        list[State] | None,
        typer.Option("--review", help="Only verdicts that are in this state; accepted without."),
    ] = None,
    audience: Annotated[
        Audience, typer.Option(help="Of what everybody may read, or of all that you may.")
    ] = Audience.EVERYONE,
    license: Annotated[str, typer.Option(help="Under which it may be used.")] = "other",
    redaction: Annotated[
        Redaction, typer.Option(help="Replace what is personal; or nothing, where that is allowed.")
    ] = Redaction.DEFAULT,
    as_json: Json = False,
) -> None:
    """Build a dataset as of now. Equal rows are the version that was there."""
    from rag.datasets import DatasetSpec

    chosen: dict[str, Any] = {
        "tasks": task,
        "models": model,
        "languages": language,
        "raters": rater,
        "review": state,
    }
    spec = valid(
        DatasetSpec,
        name=name,
        description=description,
        since=_utc(since),
        until=_utc(until),
        audience=audience.value,
        license=license,
        redaction=redaction.value,
        **{key: tuple(str(one) for one in some) for key, some in chosen.items() if some},
    )

    async def work(app: App | RemoteApp, who: Principal) -> Dataset:
        return await app.datasets.build(who, spec, ctx.obj.domain, progress)

    with output.progress_bar() as progress:
        made = through(ctx, work)
    output.say_json(made) if as_json else _tell(made)


@cli.command("list")
def listed(ctx: typer.Context, as_json: Json = False) -> None:
    """List every version, newest first."""
    found = through(ctx, lambda app, who: app.datasets.list(who, ctx.obj.domain), looks=True)
    if as_json:
        output.say_json({"datasets": found})
        return
    if not found:
        output.say("No datasets yet. Next: rag dataset build NAME")
        return
    output.say_table(
        ("dataset", "rows", "of", "built", "by", "version"),
        [
            (
                f"{one.name}@{one.number}",
                str(one.rows),
                ", ".join(one.manifest["rows"]),
                f"{one.created_at:%Y-%m-%d %H:%M}",
                one.created_by,
                one.version[:12] if one.state == "kept" else one.state,
            )
            for one in found
        ],
    )


@cli.command()
def show(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """What is in a dataset, what is not in it, and why."""
    found = through(ctx, lambda app, who: app.datasets.get(who, name, ctx.obj.domain), looks=True)
    output.say_json(found) if as_json else _tell(found)


@cli.command()
def redact(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help="Up to 20,000 characters; - reads them from stdin.")],
    as_json: Json = False,
) -> None:
    """Show a text as it would be in a dataset. Nothing of it is kept."""
    from rag.errors import InvalidInput

    words = typer.get_text_stream("stdin").read() if text == "-" else text
    if len(words) > READ_AT_ONCE:
        raise InvalidInput(f"That is more than {READ_AT_ONCE:,} characters.", hint="Try a part.")
    found = through(ctx, lambda app, who: app.datasets.preview(who, words))
    output.say_json(found) if as_json else output.say(found.text)


@cli.command()
def diff(
    ctx: typer.Context,
    one: Annotated[str, typer.Argument(metavar="NAME[@N]", help="The version before.")],
    other: Annotated[str, typer.Argument(metavar="NAME[@N]", help="The version after it.")],
    as_json: Json = False,
) -> None:
    """What became of the rows from one version to another."""
    found = through(
        ctx, lambda app, who: app.datasets.diff(who, one, other, ctx.obj.domain), looks=True
    )
    if as_json:
        output.say_json(found)
        return
    tasks = sorted({*found.kept, *found.added, *found.removed, *found.moved})
    if not tasks:
        output.say("Both are empty.")
        return
    each = (found.kept, found.added, found.removed, found.moved)
    output.say_table(
        ("rows", "kept", "added", "removed", "in another split"),
        [(task, *(str(counts.get(task, 0)) for counts in each)) for task in tasks],
    )


@cli.command()
def formats(ctx: typer.Context, as_json: Json = False) -> None:
    """List what datasets can be exported in, and who reads each."""
    found = through(ctx, lambda app, who: app.datasets.formats(who))
    if as_json:
        output.say_json({"formats": found})
        return
    output.say_table(
        ("format", "rows of", "trains", "who reads it"),
        [
            (
                one.name,
                ", ".join(one.tasks),
                "yes" if one.trains else "",
                one.problem or one.about,
            )
            for one in found
        ],
    )


@cli.command()
def export(
    ctx: typer.Context,
    name: Name,
    format: Annotated[str, typer.Option("--format", "-f", help="See: rag dataset formats.")],
    to: Annotated[
        Path | None,
        typer.Option(help="A folder that is not there yet; else it stays with the data."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a dataset in the format of whoever reads it, and tell what that could not hold."""
    manifest, folder = through(
        ctx, lambda app, who: app.datasets.export(who, name, format, ctx.obj.domain)
    )
    if to is not None:
        from rag.learn.built import appearing

        with appearing(to) as begun:
            shutil.copytree(folder, begun, dirs_exist_ok=True)
        folder = to
    if as_json:
        output.say_json({"folder": str(folder), "manifest": manifest})
        return
    output.say(f"Written to {folder}")
    output.say_table(
        ("rows", "split", "written", "left out"),
        [
            (
                task,
                split,
                str(one.kept),
                ", ".join(f"{count}: {why}" for why, count in one.left_out.items()),
            )
            for task, splits in manifest.rows.items()
            for split, one in splits.items()
            if one.read
        ],
    )


@cli.command()
def verify(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Of an export, or of a dataset.")],
    consumer: Annotated[
        str, typer.Option("--with", help="trl, sentence-transformers, beir, datasets, ...")
    ],
    train_steps: Annotated[
        int, typer.Option(min=0, max=100, help="Train so many steps, on a small model.")
    ] = 0,
    max_length: Annotated[
        int | None, typer.Option(min=1, help="TRL's max_length; without, its own.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Have the library that reads an export take in every row, and say what it did with them."""
    from rag.learn.preflight.verifying import told, verify

    report = verify(
        folder,
        consumer,
        ctx.obj.settings().data,
        train_steps=train_steps,
        max_length=max_length,
        say=output.note,
    )
    output.say_json(report) if as_json else output.say(told(report))
    if not report.ok:
        raise typer.Exit(1)


WHY = {
    "not_reviewed": "not in a state of review that was asked for",
    "consent": "whoever asked or said it did not agree to such use",
    "policy": "the terms of the model do not allow training with its text",
    "withheld": "it has words that may not be read by whom the dataset is for",
    "unfinished": "the answer was cut off",
    "split_opinion": "people are divided on it",
    "no_passage_text": "the passage is kept no more, or may not be read",
    "no_prompt": "nothing that was found was used, so that there is no prompt",
    "over_rater_cap": "one person said too much of it all",
    "would_leak": "it is too close to what is tested on",
    "no_answer": "there is nothing to learn from",
    "redacted_alike": "its two answers differ only in what was replaced",
    "not_redacted": "looking for what is personal in it takes too long",
}


def _tell(one: Dataset) -> None:
    manifest = one.manifest
    output.say(f"{one.name}@{one.number}: {counted(one.rows, 'row')}, version {one.version[:12]}.")
    if one.state != "kept":
        output.say("It is withdrawn: something that it held was erased. Build it again.")
    if one.rows:
        output.say_table(
            ("rows", "train", "validation", "test"),
            [
                (task, *(str(splits.get(of, 0)) for of in ("train", "validation", "test")))
                for task, splits in manifest["rows"].items()
            ],
        )
    left_out = [
        (str(count), task if task != "any" else "", WHY[reason])
        for task, reasons in manifest["omitted"].items()
        for reason, count in reasons.items()
    ]
    if left_out:
        output.say("Left out:")
        output.say_table(("verdicts", "of", "why"), left_out)
    elif not one.rows:
        output.say("Nobody has rated an answer yet. Next: rag rate")
    _tell_redaction(manifest.get("redaction", {}))


def _tell_redaction(told: Mapping[str, Any]) -> None:
    if not told.get("rev"):
        output.say("Nothing was replaced in it.")
        return
    output.say(f"Replaced in {counted(told['rows'], 'row')}; redaction {told['rev']}.")
    if told["replaced"]:
        output.say_table(
            ("in", "kind", "values", "rows", "found by"),
            [
                (field, kind, str(one["values"]), str(one["rows"]), ", ".join(one["by"]))
                for field, kinds in told["replaced"].items()
                for kind, one in kinds.items()
            ],
        )


def _utc(moment: datetime | None) -> datetime | None:
    from datetime import UTC

    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
