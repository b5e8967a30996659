"""The verbs of sources: what can be added, what is read, and what is to be done about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from rag.cli import output
from rag.cli.running import Json, group, through
from rag.errors import InvalidInput, TooLarge, counted

if TYPE_CHECKING:
    from rag.app import App
    from rag.remote import RemoteApp
    from rag.store.uploads import Upload
    from rag.types import Principal, SourceInfo

cli = group("Look at the sources and say what is to be done about them.")
Source = Annotated[str, typer.Argument(help="The source's name.")]


def add(
    ctx: typer.Context,
    connector: Annotated[str, typer.Argument(help="The kind of source: see rag connectors.")],
    where: Annotated[
        str | None, typer.Argument(help="What to read: its first needed setting, e.g. a path.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE; KEY=@FILE reads the value from a file."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The source's name.")] = None,
    as_json: Json = False,
) -> None:
    """Read a source from now on; sync reads it the first time."""

    async def work(app: App | RemoteApp, who: Principal) -> SourceInfo:
        forms = {one.name: one.form for one in await app.connectors(who)}
        return await app.add_source(
            who,
            connector=connector,
            config=_config(forms.get(connector, {}), where, given or []),
            name=name,
            domain=ctx.obj.domain,
        )

    source = through(ctx, work)
    if as_json:
        output.say_json(source)
        return
    output.say(
        f"Added '{source.name}' to the domain '{source.domain}'. Next: rag sync {source.name}"
    )


def upload(
    ctx: typer.Context,
    source: Source,
    files: Annotated[list[Path], typer.Argument(help="Files; each is named as its file is.")],
    readers: Annotated[
        list[str] | None,
        typer.Option(help="user:NAME, group:NAME or everyone; repeatable; else the source's."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put files into a source of uploads (rag add uploads); the same name again replaces one."""
    twice = {path.name for path in files if [one.name for one in files].count(path.name) > 1}
    if twice:
        raise InvalidInput(
            f"Two of the files are named '{min(twice)}'; one would replace the other."
        )
    limit = ctx.obj.settings().server.max_upload_bytes

    async def work(app: App | RemoteApp, who: Principal) -> list[Upload]:
        return [
            await app.upload(
                who,
                source,
                path.name,
                _contents(path, limit),
                readers=readers or (),
                domain=ctx.obj.domain,
            )
            for path in files
        ]

    kept = through(ctx, work)
    if as_json:
        output.say_json({"uploads": kept})
        return
    output.say(f"Kept {counted(len(kept), 'file')}. Next: rag sync {source}")


@cli.command("uploads")
def list_uploads(
    ctx: typer.Context,
    source: Source,
    remove: Annotated[
        str | None, typer.Option(help="Forget the upload of this name with its document.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What was uploaded to the source; see rag upload."""

    async def work(app: App | RemoteApp, who: Principal) -> list[Upload]:
        if remove is not None:
            await app.remove_upload(who, source, remove, ctx.obj.domain)
        return await app.uploads(who, source, ctx.obj.domain)

    found = through(ctx, work)
    if as_json:
        output.say_json({"uploads": found})
        return
    output.say_table(
        ("name", "bytes", "readers", "by", "at"),
        [
            (
                one.name,
                f"{one.size:,}",
                ", ".join(one.readers) or "the source's",
                one.uploaded_by,
                f"{one.uploaded_at:%Y-%m-%d %H:%M}",
            )
            for one in found
        ],
    )


@cli.command("list")
def list_sources(ctx: typer.Context, as_json: Json = False) -> None:
    """What is read, and how much came of it."""
    found = through(ctx, lambda app, who: app.sources(who, ctx.obj.domain), looks=True)
    if as_json:
        output.say_json({"sources": found})
        return
    if not found:
        output.say("No sources. Add one: rag add files PATH")
        return
    output.say_table(
        ("source", "connector", "documents", "not indexed", "held", "state", "last sync"),
        [
            (
                one.name,
                one.connector,
                one.documents,
                one.failed,
                one.held,
                "paused" if one.paused else "active",
                f"{one.last_sync:%Y-%m-%d %H:%M}" if one.last_sync else "never",
            )
            for one in found
        ],
    )


@cli.command()
def show(ctx: typer.Context, source: Source, as_json: Json = False) -> None:
    """One source with its settings; credentials are named, never shown."""
    found = through(ctx, lambda app, who: app.source(who, source, ctx.obj.domain), looks=True)
    output.say_json(found) if as_json else output.say_mapping(found.model_dump(mode="json"))


@cli.command("set")
def change(
    ctx: typer.Context,
    source: Source,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE; KEY=@FILE reads the value from a file."),
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option(help="A setting to take away; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Give the source other settings; what is not named stays, credentials too."""
    if not given and not unset:
        raise InvalidInput("Nothing is to change.", hint="Say what with --set or --unset.")

    async def work(app: App | RemoteApp, who: Principal) -> SourceInfo:
        found = await app.source(who, source, ctx.obj.domain)
        forms = {one.name: one.form for one in await app.connectors(who)}
        config = {
            **_config(forms.get(found.connector, {}), None, given or []),
            **dict.fromkeys(unset or ()),
        }
        return await app.change_source(who, found.id, config, ctx.obj.domain)

    found = through(ctx, work)
    if as_json:
        output.say_json(found)
        return
    output.say(
        f"Changed '{found.name}'. What was read obeys it after a sync. Next: rag sync {found.name}"
    )


@cli.command()
def check(ctx: typer.Context, source: Source, as_json: Json = False) -> None:
    """Say what the source would read now, or why it cannot be reached."""
    reads = through(ctx, lambda app, who: app.check_source(who, source, ctx.obj.domain))
    output.say_json({"reads": reads}) if as_json else output.say(reads)


@cli.command()
def pause(
    ctx: typer.Context,
    source: Source,
    off: Annotated[bool, typer.Option("--off", help="Let it be read again.")] = False,
    as_json: Json = False,
) -> None:
    """Let no sync read the source; its documents go on answering."""
    found = through(ctx, lambda app, who: app.pause_source(who, source, not off, ctx.obj.domain))
    if as_json:
        output.say_json(found)
        return
    output.say(f"'{found.name}' is {'paused' if found.paused else 'read again'}.")


@cli.command()
def remove(
    ctx: typer.Context,
    source: Source,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, delete its documents.")] = False,
    as_json: Json = False,
) -> None:
    """Forget the source and delete its documents."""

    async def work(app: App | RemoteApp, who: Principal) -> int:
        found = await app.source(who, source, ctx.obj.domain)
        if not yes:
            raise InvalidInput(
                f"This deletes '{found.name}' and its {counted(found.documents, 'document')}.",
                hint="Say that you mean it with --yes.",
            )
        return await app.remove_source(who, found.id, ctx.obj.domain)

    count = through(ctx, work)
    told = f"Removed '{source}'; {counted(count, 'document')} deleted."
    _say_count(count, as_json, told)


@cli.command()
def release(ctx: typer.Context, source: Source, as_json: Json = False) -> None:
    """Delete the documents whose deletion is held: rag documents --held lists them."""
    count = through(ctx, lambda app, who: app.release_hold(who, source, ctx.obj.domain))
    told = f"{counted(count, 'document')} deleted; no answer finds them any more."
    _say_count(count, as_json, told if count else f"No deletion is held for '{source}'.")


@cli.command()
def retry(
    ctx: typer.Context,
    source: Source,
    document: Annotated[str | None, typer.Option(help="One document's id; else all.")] = None,
    as_json: Json = False,
) -> None:
    """Let the next sync try again what failed, was given up or was rejected."""
    count = through(ctx, lambda app, who: app.retry(who, source, document, ctx.obj.domain))
    told = f"The next sync tries {counted(count, 'document')} again. Next: rag sync {source}"
    _say_count(count, as_json, told if count else f"Nothing of '{source}' has failed.")


@cli.command("rotate-keys")
def rotate_keys(ctx: typer.Context, as_json: Json = False) -> None:
    """Encrypt every stored credential with a new key and forget the old one."""
    rotated = through(ctx, lambda app, who: app.rotate_keys(who))
    if as_json:
        output.say_json(rotated)
        return
    told = f"{counted(rotated.sources, 'source')} and {counted(rotated.models, 'model')}"
    output.say(f"New key; credentials of {told} encrypted anew.")


def _say_count(count: int, as_json: bool, told: str) -> None:
    output.say_json({"documents": count}) if as_json else output.say(told)


def _config(form: Mapping[str, Any], where: str | None, given: Sequence[str]) -> dict[str, Any]:
    """The configuration that the words of a command line stand for, by the connector's form."""
    properties: Mapping[str, Any] = form.get("properties", {})
    needed = list(form.get("required", ()))
    config: dict[str, Any] = {}
    if where is not None:
        # Where nothing is needed by itself, the form begins with what matters most.
        key = next(iter([*needed, *properties]), "path")
        kind = properties.get(key, {})
        # The server, if one does the work, runs in a folder of its own.
        local = kind.get("format") == "path"
        config[key] = str(Path(where).expanduser().resolve()) if local else _value(kind, where)
    for word in given:
        key, equals, text = word.partition("=")
        if not equals:
            raise InvalidInput(f"--set wants KEY=VALUE, not '{word}'.")
        value = _value(properties.get(key, {}), _read(text))
        if isinstance(value, list) and isinstance(config.get(key), list):
            config[key] += value
        else:
            config[key] = value
    return config


def _read(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).expanduser().read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InvalidInput(f"{text[1:]} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{text[1:]} is not text in UTF-8.") from error


def _contents(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > limit:
        raise TooLarge(
            f"{path} is larger than {limit:,} bytes.",
            hint="Split it, or raise server.max_upload_bytes.",
        )
    return data


def _value(form: Mapping[str, Any], text: str) -> Any:
    """Text stays text where the form wants text; elsewhere it is JSON if it can be."""
    # A setting that may be left out, as many a secret, is text or nothing.
    kinds = [one.get("type") for one in form.get("anyOf", (form,))]
    if "string" in kinds and set(kinds) <= {"string", "null"}:
        return text
    try:
        value: object = json.loads(text)
    except ValueError:
        value = text
    if form.get("type") == "array" and not isinstance(value, list):
        return [value]
    return cast("Any", value)
