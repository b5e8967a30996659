"""Taking the bytes of what was erased out of the database's file, not just the rows.

SQLite leaves what was deleted in its file until the place is needed again. That this is due is told
in the file's own header, by the transaction that erases: whoever is killed before the bytes are
gone leaves it to the next one.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import text
from sqlalchemy.orm import Session

from rag.errors import StorageFull, Unavailable
from rag.store.database import Database


def mark(session: Session) -> None:
    """What this transaction deletes is to leave the file, too."""
    if session.get_bind().dialect.name == "sqlite":
        due = session.scalar(text("PRAGMA user_version")) or 0
        session.execute(text(f"PRAGMA user_version = {int(due) + 1}"))


def compact(database: Database) -> None:
    """Write the file anew without what was deleted, if that is due. Writers wait meanwhile.

    On PostgreSQL it is for whoever runs that. Raises StorageFull where there is no room for a
    second copy, Unavailable; it is due as before then.
    """
    if not database.sqlite:
        return
    connection = database.engine.raw_connection()
    try:
        run = connection.cursor().execute
        due = run("PRAGMA user_version").fetchone()
        if due == (0,):
            return
        # Zeroing what is deleted would be cheaper, but misses what was moved between pages before.
        run("VACUUM")
        run("PRAGMA wal_checkpoint(TRUNCATE)")
        run("BEGIN IMMEDIATE")
        if run("PRAGMA user_version").fetchone() == due:
            run("PRAGMA user_version = 0")
        run("COMMIT")
    except sqlite3.Error as error:
        if "full" in str(error):
            raise StorageFull(
                "There is no room to write the database anew without what was erased.",
                hint="Free some space, then run: rag doctor --collect.",
            ) from error
        raise Unavailable(
            f"The database was not written anew without what was erased: {error}.",
            hint="Run: rag doctor --collect.",
        ) from error
    finally:
        connection.close()
