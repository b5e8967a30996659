"""`backup` and `restore`: beside the server that holds the data folder, not through it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import output
from rag.cli.running import Json, setup_quiet
from rag.errors import Unavailable, counted

if TYPE_CHECKING:
    from rag.app.backups import Restored
    from rag.cli.target import Target
    from rag.config import Settings

Folder = Annotated[Path, typer.Argument(metavar="BACKUP", help="The backup's folder.")]


def backup(
    ctx: typer.Context,
    folder: Folder,
    keys: Annotated[
        bool, typer.Option("--with-keys", help="Put the keys of stored credentials in it too.")
    ] = False,
    erasures: Annotated[
        bool,
        typer.Option(
            "--erasures", help="List in a backup made before what was deleted since, no more."
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Read back a backup made before by its digests, no more."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Back up everything kept, while it is in use, into a new folder."""
    from rag.app import back_up, read_back, refresh

    settings = _settings(ctx.obj)
    if verify:
        with output.progress_bar() as progress:
            manifest, remarks = read_back(settings, folder, progress)
        if as_json:
            output.say_json({"backup": folder, "taken_at": manifest.taken_at, "ok": True})
            return
        output.say(
            f"All of {folder} is as it was written: {counted(manifest.rows, 'row')} and "
            f"{counted(len(manifest.blobs), 'kept file')} of "
            f"{manifest.taken_at:%Y-%m-%d %H:%M} UTC."
        )
        _note(remarks)
        return
    if erasures:
        found = refresh(settings, folder)
        if as_json:
            output.say_json({"until": found.until, "erasures": len(found.erasures)})
            return
        output.say(f"{counted(len(found.erasures), 'erasure')} since {folder} was made.")
        return
    with output.progress_bar() as progress:
        manifest, remarks = back_up(settings, folder, keys=keys, progress=progress)
    if as_json:
        output.say_json(
            {
                "backup": folder,
                "taken_at": manifest.taken_at,
                "rows": manifest.rows,
                "files": len(manifest.blobs),
                "damaged": manifest.damaged,
                "warnings": remarks,
            }
        )
        return
    output.say(
        f"Backed up {counted(manifest.rows, 'row')} and "
        f"{counted(len(manifest.blobs), 'kept file')} to {folder}."
    )
    _note(remarks)


def restore(
    ctx: typer.Context,
    folder: Folder,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read back all that was restored, try every part.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Restore a backup into an empty data folder, and build its indexes anew."""
    from rag.app import restore as run

    with output.progress_bar() as progress:
        done = asyncio.run(
            run(lambda: _settings(ctx.obj), folder, verify=verify, progress=progress)
        )
    good = all(check.ok for check in done.checks)
    if as_json:
        output.say_json(
            {
                "backup": folder,
                "taken_at": done.manifest.taken_at,
                "rows": done.manifest.rows,
                "files": len(done.manifest.blobs),
                "documents": done.documents,
                "erasures": len(done.erasures.erasures) if done.erasures else 0,
                "ok": good,
                "checks": done.checks,
                "warnings": done.warnings,
            }
        )
    else:
        _say(done)
    if not good:
        raise typer.Exit(Unavailable.exit_code)


def _say(done: Restored) -> None:
    output.say(
        f"Restored {counted(done.manifest.rows, 'row')} and "
        f"{counted(len(done.manifest.blobs), 'kept file')} as of "
        f"{done.manifest.taken_at:%Y-%m-%d %H:%M} UTC."
    )
    for domain, count in done.documents.items():
        output.say(f"Built the index of '{domain}' anew: {counted(count, 'document')}.")
    if done.erasures is not None:
        output.say(f"Deleted again what was deleted since: {len(done.erasures.erasures)}.")
    if done.checks:
        output.say_checks(done.checks)
    _note(done.warnings)


def _note(remarks: list[str] | tuple[str, ...]) -> None:
    for line in remarks:
        output.note(f"rag: warning: {line}")


def _settings(target: Target) -> Settings:
    settings = target.settings()
    setup_quiet(settings)
    return settings
