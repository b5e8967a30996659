"""A configuration that is looked over before anybody starts with it."""

from __future__ import annotations

from collections.abc import Collection

from rag.backends.preflight import refuse_unusable
from rag.config import Change, Settings, changes, draft, unusable
from rag.errors import RagError
from rag.types import Data


class Drafted(Data):
    """What is to be said of a configuration before anybody starts with it."""

    problems: tuple[str, ...]
    """Each of them keeps the server from starting."""
    warnings: tuple[str, ...]
    """What will not work though the rest will."""
    changes: tuple[Change, ...]
    """What would be another value than now, after a restart."""


def drafted(text: str, now: Settings, added: Collection[str] = ()) -> Drafted:
    """Look over a text that is to be the configuration file, as the next start would.

    Nothing is written, opened or asked; `added` are the models that admins added.
    """
    made, problems = draft(text, now)
    if made is None:
        return Drafted(problems=tuple(problems), warnings=(), changes=())
    try:
        refuse_unusable(made)
    except RagError as error:
        problems = [str(error)]
    return Drafted(
        problems=tuple(problems),
        warnings=tuple(unusable(made, added)),
        changes=tuple(changes(now, made)),
    )
