"""Empty databases brought up to date by doing again what the migrations did to the first one.

To find out what they do takes far longer than to do it, and nearly every test needs a database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event

from rag.store.database import revision

Statements = list[tuple[str, Any]]
upgrade: Callable[[Config, str], None] = command.upgrade
"""What it really is."""
_READS = ("SELECT ", "PRAGMA ")
_done: dict[str, Statements] = {}
"""What was done to the first empty database of each dialect in this process."""


def upgraded(config: Config, target: str) -> None:
    """As alembic's own, which does the first of each dialect, and all that are not empty."""
    connection: Connection = config.attributes["connection"]
    dialect = connection.dialect.name
    if target != "head" or revision(connection) is not None:
        upgrade(config, target)
    elif dialect in _done:
        for statement, parameters in _done[dialect]:
            connection.exec_driver_sql(statement, parameters)
    else:
        _done[dialect] = _watched(connection, lambda: upgrade(config, target))


def _watched(connection: Connection, work: Callable[[], None]) -> Statements:
    """What is written on a connection meanwhile, as the driver is given it."""
    said: Statements = []

    def told(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.lstrip().upper().startswith(_READS):
            said.append((statement, parameters or None))

    event.listen(connection, "before_cursor_execute", told)
    try:
        work()
    finally:
        event.remove(connection, "before_cursor_execute", told)
    return said
