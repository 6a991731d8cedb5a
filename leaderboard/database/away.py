"""Whether the database is away, by the type of an error."""

from __future__ import annotations

import sqlite3

from django.db import InterfaceError, OperationalError


def is_away(error: object) -> bool:
    """Whether the error is of the connection or the server, so that the same request may succeed later.

    SQLite raises OperationalError for a statement that is wrong, too: then with the code SQLITE_ERROR.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    return getattr(error.__cause__, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR
