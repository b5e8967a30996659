"""The verbs. Each reads its arguments, calls the facade once and prints; heavy imports wait."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from rag.cli import (
    accounts,
    backups,
    connectors,
    conversations,
    datasets,
    declaring,
    feedback,
    gaps,
    groups,
    models,
    output,
    privacy,
    runs,
    sources,
    training,
    trying,
    tuning,
)
from rag.cli.running import Json, group, setup_quiet, through, valid
from rag.cli.target import Target
from rag.errors import ConfigError, InvalidInput, Unavailable, counted
from rag.file_kinds import FileKind

if TYPE_CHECKING:
    from rag.app import App
    from rag.remote import RemoteApp
    from rag.types import Answer, Check, Principal, SyncReport

Host = Annotated[str | None, typer.Option(help="Address to bind instead of server.host.")]
FileKinds = Annotated[
    list[FileKind] | None,
    typer.Option("--file-kind", help="Only from files of this kind; may be given several times."),
]
Port = Annotated[int | None, typer.Option(help="Port to bind instead of server.port.")]

cli = group("Ask your own documents and get cited answers.")
pack = group("Work on a domain pack.")
evaluation = group("Measure answers, or retrieval.", bare=True)
trace = group("Look at what made an answer.")
config = group("Look at the settings.")
cli.add_typer(pack, name="pack")
cli.add_typer(sources.cli, name="source")
cli.command()(connectors.connectors)
cli.command()(sources.add)
cli.command()(sources.upload)
sources.cli.command()(runs.schedule)
cli.command()(runs.runs)
cli.add_typer(runs.run, name="run")
cli.command()(runs.worker)
cli.command()(feedback.rate)
cli.command()(feedback.consent)
cli.command()(groups.groups)
cli.add_typer(groups.cli, name="group")
models.cli.add_typer(declaring.cli)
cli.add_typer(models.cli, name="models")
cli.add_typer(datasets.cli, name="dataset")
cli.command()(datasets.review)
cli.command()(gaps.gaps)
tuning.cli.command("try")(trying.trial)
tuning.cli.command()(trying.compare)
tuning.cli.command()(training.llm)
tuning.cli.command()(training.serve)
cli.add_typer(tuning.cli, name="tune")
cli.command()(tuning.promote)
cli.command()(tuning.rollback)
cli.command()(tuning.releases)
cli.command()(backups.backup)
cli.command()(backups.restore)
cli.command()(accounts.accounts)
cli.add_typer(accounts.cli, name="account")
cli.command()(accounts.keys)
cli.add_typer(accounts.key, name="key")
cli.command()(accounts.audit)
cli.add_typer(privacy.people, name="people")
cli.command("erase")(privacy.erase_document)
cli.command()(conversations.conversations)
cli.add_typer(conversations.cli, name="conversation")
cli.add_typer(evaluation, name="eval")
cli.add_typer(trace, name="trace")
cli.add_typer(config, name="config")


@cli.callback()
def target(
    ctx: typer.Context,
    data: Annotated[Path | None, typer.Option(help="The data folder (RAG_DATA).")] = None,
    domain: Annotated[str | None, typer.Option(help="The domain (RAG_DOMAIN).")] = None,
    config: Annotated[Path | None, typer.Option(help="The configuration file.")] = None,
    user: Annotated[
        str | None, typer.Option("--as", help="Ask as this person of the pack.")
    ] = None,
) -> None:
    ctx.obj = Target(data, domain, config, user)


@cli.command()
def init(
    folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    name: Annotated[str | None, typer.Option(help="The pack's name; else the folder's.")] = None,
    as_json: Json = False,
) -> None:
    """Write a small working domain pack to start from."""
    from rag.domain import init_pack

    name = name or folder.resolve().name.lower().replace(" ", "-")
    files = init_pack(folder, name)
    if as_json:
        output.say_json({"pack": folder, "files": files})
        return
    place = json.dumps(str(folder.resolve()), ensure_ascii=False)
    output.say(
        f"Wrote {counted(len(files), 'file')} to {folder}. Next: rag pack check {folder}\n"
        "A data folder answers from it once its rag.toml says:\n\n"
        f'domain = "{name}"\n[domains.{name}]\npack = {place}'
    )


@pack.command("check")
def pack_check(folder: Path, as_json: Json = False) -> None:
    """Say everything that is wrong with a pack."""
    from rag.domain import check_pack, load_pack

    problems = check_pack(folder)
    wordings: tuple[str, ...] = () if problems else load_pack(folder).wordings
    if as_json:
        output.say_json({"ok": not problems, "problems": problems, "wordings": wordings})
    else:
        output.say("\n".join(problems) or f"{folder}: all is well.")
        if len(wordings) > 1:
            output.say(f"Wordings of the answer's prompt: {', '.join(wordings)}")
    if problems:
        raise typer.Exit(ConfigError.exit_code)


@cli.command()
def start(ctx: typer.Context, host: Host = None, port: Port = None, as_json: Json = False) -> None:
    """Sync the pack's documents, show one answer the first time, and serve."""
    from rag.cli.serving import start as run

    run(ctx.obj, host, port, as_json=as_json)


@cli.command()
def serve(ctx: typer.Context, host: Host = None, port: Port = None, as_json: Json = False) -> None:
    """Serve the API and the page until interrupted."""
    from rag.cli.serving import serve as run

    run(ctx.obj, host, port, as_json=as_json)


@cli.command()
def sync(
    ctx: typer.Context,
    source: Annotated[str | None, typer.Argument(help="One source; else all.")] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build the index anew and switch to it at once.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read what changed in the sources and index it."""
    domain = ctx.obj.domain
    if rebuild and source is not None:
        raise InvalidInput("A rebuild takes all sources.", hint="Leave the source out.")
    with output.progress_bar() as progress:
        if rebuild:
            count = through(
                ctx, lambda app, who: app.rebuild(who, domain=domain, progress=progress)
            )
            output.say_json({"documents": count}) if as_json else output.say(
                f"Rebuilt the index of {counted(count, 'document')}."
            )
            return

        async def work(app: App | RemoteApp, who: Principal) -> tuple[SyncReport, int]:
            done = await app.sync(who, source=source, domain=domain, progress=progress)
            if source is not None:
                return done, (await app.source(who, source, domain)).failed
            return done, sum(one.failed for one in await app.sources(who, domain))

        report, failed = through(ctx, work)
    if as_json:
        output.say_json(report)
        return
    output.say(output.told(report))
    output.say_not_indexed(failed)
    if report.held:
        output.say("Too much vanished to believe: rag documents --held, then rag source release.")


@cli.command()
def documents(
    ctx: typer.Context,
    failed: Annotated[bool, typer.Option("--failed", help="Only those not indexed.")] = False,
    held: Annotated[
        bool, typer.Option("--held", help="Only those whose deletion waits for you.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, at most.")] = 1_000,
    after: Annotated[
        str | None, typer.Option(help="Go on after the document with this id.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the documents with their state and what to do about it."""
    found = through(
        ctx,
        lambda app, who: app.documents(
            who, domain=ctx.obj.domain, failed=failed, held=held, limit=limit, after=after
        ),
        looks=True,
    )
    if len(found) == limit:
        output.note(f"There may be more: --limit, or --after {found[-1].id}")
    if as_json:
        output.say_json({"documents": found})
    elif failed and not held:
        output.say_failed(found)
    else:
        output.say_documents(found)


@cli.command()
def search(
    ctx: typer.Context,
    query: str,
    limit: Annotated[
        int, typer.Option("--limit", "-n", "-k", min=1, max=200, help="How many, at most.")
    ] = 10,
    file_kind: FileKinds = None,
    as_json: Json = False,
) -> None:
    """Find passages, with the story of their scores."""
    from rag.types import SearchRequest, of_kinds

    request = valid(
        SearchRequest,
        query=query,
        limit=limit,
        domain=ctx.obj.domain,
        filter=of_kinds(file_kind or ()),
    )
    result = through(ctx, lambda app, who: app.search(who, request), looks=True)
    output.say_json(output.search_json(result)) if as_json else output.say_hits(result)


@cli.command()
def ask(
    ctx: typer.Context,
    question: str,
    model: Annotated[str | None, typer.Option(help="extractive, or a declared model.")] = None,
    go_on: Annotated[
        bool, typer.Option("--continue", "-c", help="In the conversation used last, or a new one.")
    ] = False,
    conversation: Annotated[
        str | None, typer.Option(metavar="ID", help="In that conversation; new begins one.")
    ] = None,
    file_kind: FileKinds = None,
    as_json: Json = False,
) -> None:
    """Answer from the documents, with citations, or say that they do not tell."""
    from rag.types import AskRequest, of_kinds

    domain, begin = ctx.obj.domain, conversation == "new"
    if go_on and conversation is not None:
        raise InvalidInput(
            "--continue is about the conversation used last.", hint="Give one of the two."
        )
    within = None if begin else conversation
    request = valid(
        AskRequest,
        question=question,
        model=model,
        domain=domain,
        conversation=within,
        filter=of_kinds(file_kind or ()),
    )

    async def work(app: App | RemoteApp, who: Principal) -> Answer:
        if not (go_on or begin):
            return await app.ask(who, request)
        last = await app.conversations.page(who, domain, limit=1) if go_on else []
        talk = last[0] if last else await app.conversations.begin(who, domain)
        return await app.ask(who, request.model_copy(update={"conversation": talk.id}))

    answer = through(ctx, work, looks=True)
    output.say_json(answer) if as_json else output.say_answer(answer)


@cli.command()
def mcp(
    ctx: typer.Context,
    user: Annotated[
        str | None, typer.Option("--as", help="Answer as this person of the pack.")
    ] = None,
) -> None:
    """Be an MCP server on standard input and output, until the client that started it leaves."""
    import signal

    from rag.mcp.stdio import serve

    # Ctrl-C would wait for the client's next line. To end at once is safe at any point.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    settings = ctx.obj.settings()
    setup_quiet(settings)
    asyncio.run(serve(settings, user or ctx.obj.user, ctx.obj.domain))


@evaluation.callback(invoke_without_command=True)
def evaluate(
    ctx: typer.Context,
    candidate: Annotated[
        str | None,
        typer.Option(metavar="CANDIDATE", help="Measure this one against what is live instead."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure answers on the pack's evals, or a candidate against what is live."""
    if ctx.invoked_subcommand is not None:
        return
    if candidate is not None:
        tuning.measure(ctx, candidate, as_json=as_json)
        return
    with output.progress_bar() as progress:
        report = through(
            ctx, lambda app, who: app.evaluate(who, domain=ctx.obj.domain, progress=progress)
        )
    output.say_json(report) if as_json else output.say_evaluation(report)


@evaluation.command("retrieval")
def evaluate_retrieval(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A BEIR folder: corpus, queries, qrels.")],
    split: Annotated[str, typer.Option(help="Which qrels.")] = "test",
    language: Annotated[str, typer.Option(help="Whose words BM25 stems, as in de.")] = "en",
    as_json: Json = False,
) -> None:
    """Measure retrieval alone on a BEIR data set, beside the data folder's own index."""
    from rag.app import evaluate_retrieval as evaluate_beir

    settings = ctx.obj.settings()
    with output.progress_bar() as progress:
        report = asyncio.run(evaluate_beir(settings, folder, split, language, progress))
    output.say_json(report) if as_json else output.say_mapping(report)


@trace.command("show")
def trace_show(ctx: typer.Context, trace_id: str, as_json: Json = False) -> None:
    """Everything that made one answer."""
    found = through(ctx, lambda app, who: app.trace(who, trace_id), looks=True)
    output.say_json(found) if as_json else output.say_mapping(found)


@cli.command()
def doctor(
    ctx: typer.Context,
    collect: Annotated[
        bool, typer.Option("--collect", help="Delete kept files that nothing needs any more.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Try every part and say what to do about those that fail."""
    from rag.config import warnings
    from rag.types import Check

    if collect:
        gone = through(ctx, lambda app, who: app.collect(who))
        output.say_json(gone) if as_json else output.say(
            f"Deleted {counted(gone.files, 'file')}, {counted(gone.bytes, 'byte')}."
        )
        return
    checks, added = through(ctx, _tried)
    found = warnings(ctx.obj.settings(), added=added)
    checks = [*checks, *(Check(name="configuration", ok=False, detail=line) for line in found)]
    good = all(check.ok for check in checks)
    if as_json:
        output.say_json({"ok": good, "checks": checks})
    else:
        output.say_checks(checks)
    if not good:
        raise typer.Exit(Unavailable.exit_code)


async def _tried(app: App | RemoteApp, who: Principal) -> tuple[list[Check], list[str]]:
    """What became of the parts; and the models that admins added, or gave a key."""
    checks = await app.doctor()
    models = await app.models(app.person(None))
    by_admins = [
        one.name
        for one in models
        if one.declared == "added" or (one.key is not None and one.key.origin == "added")
    ]
    return checks, by_admins


@config.command("show")
def config_show(ctx: typer.Context, as_json: Json = False) -> None:
    """Every setting in use and where it came from; secrets are masked."""
    from rag.config import show

    shown = show(ctx.obj.settings())
    if as_json:
        output.say_json(shown)
        return
    rows = [
        (key, value, shown["origins"].get(key, "default"))
        for key, value in _flat(shown["settings"])
    ]
    output.say_table(("setting", "value", "from"), rows)


@config.command("check")
def config_check(ctx: typer.Context, as_json: Json = False) -> None:
    """Say whether the settings are usable; what only half works is a warning."""
    from rag.backends.preflight import refuse_unusable
    from rag.config import warnings

    settings = ctx.obj.settings()
    refuse_unusable(settings)
    found = warnings(settings)
    if as_json:
        output.say_json({"ok": True, "data": settings.data, "warnings": found})
        return
    output.say("\n".join(found) or "The settings are good.")


def _flat(tree: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            rows += _flat(cast("dict[str, Any]", value), f"{above}{key}.")
            continue
        rows.append((above + key, cast("Any", value)))
    return rows
