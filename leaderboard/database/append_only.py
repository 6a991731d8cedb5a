"""Tables whose rows are never changed and never removed: the database itself refuses it."""

from __future__ import annotations

from typing import Any

_SQLITE = {
    "update": "BEFORE UPDATE ON {table}",
    "delete": "BEFORE DELETE ON {table}",
    # INSERT OR REPLACE would remove the row of the same number without asking the trigger above.
    "replace": "BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)",
}
_POSTGRESQL = {
    "change": "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
    "truncate": "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
}
_FUNCTION = """
CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'integrity_constraint_violation'; END$$
"""


def protect(connection: Any, table: str) -> None:
    """Make the database refuse to change or remove rows of `table`; with an IntegrityError."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_FUNCTION.format(table=table))
            for name, when in _POSTGRESQL.items():
                on = when.format(table=table)
                cursor.execute(f"CREATE TRIGGER {table}_{name} {on} EXECUTE FUNCTION {table}_refuse()")
        else:
            for name, when in _SQLITE.items():
                on = when.format(table=table)
                cursor.execute(
                    f"CREATE TRIGGER {table}_{name} {on} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )


def release(connection: Any, table: str) -> None:
    """Undo `protect`, for a migration that is reversed."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP FUNCTION IF EXISTS {table}_refuse() CASCADE")
        else:
            for name in _SQLITE:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_{name}")
