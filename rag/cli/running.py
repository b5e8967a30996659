"""How a verb runs: its group, its flags, and whatever process owns the data folder."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from rag.cli.target import Target
from rag.errors import InvalidInput, NotFound, plainly

if TYPE_CHECKING:
    from rag.app import App
    from rag.config import Settings
    from rag.remote import RemoteApp
    from rag.types import Principal

T = TypeVar("T")
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]


def group(about: str, *, bare: bool = False) -> typer.Typer:
    """A set of verbs; called without one it prints its help, unless `bare` is a verb itself."""
    return typer.Typer(
        help=about,
        no_args_is_help=not bare,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def setup_quiet(settings: Settings) -> None:
    """Log what went wrong only: the result is what is worth a line."""
    from rag.config import setup_logging

    level = "debug" if settings.log.level == "debug" else "warning"
    setup_logging(settings.log.model_copy(update={"level": level}))


def through(
    ctx: typer.Context,
    verb: Callable[[App | RemoteApp, Principal], Awaitable[T]],
    *,
    looks: bool = False,
) -> T:
    """Run one verb on whatever owns the data folder: this process, or the server that holds it.

    One that only `looks` makes no folder: there is nothing in one that was not there.
    """
    chosen: Target = ctx.obj
    settings = chosen.settings()
    if looks and not settings.database.url and not settings.data.exists():
        raise NotFound(
            f"There is no data folder {settings.data}.",
            hint="Name it with --data; or begin one: rag start, or rag add files PATH.",
        )

    async def work() -> T:
        from rag.remote import connect

        setup_quiet(settings)
        app = await connect(settings)
        try:
            return await verb(app, app.person(chosen.user, chosen.domain))
        finally:
            await app.aclose()

    return asyncio.run(work())


def valid(kind: type[T], **given: Any) -> T:
    """The request, or InvalidInput in the words of the command line."""
    from pydantic import ValidationError

    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{field}: {plainly(first)}.") from None
