"""What differs between SQLite and PostgreSQL: a copy of the database at one moment, and putting one back at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.db import connection

from leaderboard import queries

LOCKED_S = 20.0
_WAIT_S = 0.25


class DatabaseFault(Exception):
    """The database, or the program that copies it, says that it can't; the message is its own."""


class Copied(Protocol):
    """The copy, to be asked what it names."""

    def rows(self, question: str) -> list[tuple[Any, ...]]: ...

    def tables(self) -> set[str]: ...


class Database(Protocol):
    """A kind of database. `file` is the name of its copy in a backup."""

    file: str

    def copy(self, target: Path) -> Any: ...

    def prepare(self, copied: Path, folder: Path) -> Path: ...

    def put_back(self, prepared: Path) -> None: ...


def database() -> Database:
    """That of this site."""
    return Postgresql() if connection.vendor == "postgresql" else Sqlite()


@dataclass(frozen=True)
class _Rows:
    """Answers from a cursor of SQLite's or Django's."""

    cursor: Any

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        self.cursor.execute(question)
        return list(self.cursor.fetchall())

    def tables(self) -> set[str]:
        return set(connection.introspection.table_names(self.cursor))


class Sqlite:
    """A file. Its copy is one that can be served."""

    file = "leaderboard.sqlite3"

    @contextmanager
    def copy(self, target: Path) -> Iterator[Copied]:
        """The database at one moment, into a new file; writers go on."""
        try:
            with closing(sqlite3.connect(self._place(), timeout=LOCKED_S)) as source:
                source.execute("VACUUM INTO ?", [str(target)])
            self._check(target)
        except sqlite3.Error as error:
            raise DatabaseFault(str(error)) from None
        with closing(sqlite3.connect(f"{target.as_uri()}?mode=ro", uri=True)) as copied:
            yield _Rows(copied.cursor())

    def prepare(self, copied: Path, folder: Path) -> Path:
        """Whether it can be read at all. Raises DatabaseFault."""
        try:
            self._check(copied)
        except sqlite3.Error as error:
            raise DatabaseFault(f"{copied}: {error}") from None
        return copied

    def put_back(self, prepared: Path) -> None:
        """In one transaction: who has the database open reads the old one before, the restored one afterwards."""
        connection.close()
        waited = 0.0

        def wait(status: int, remaining: int, total: int) -> None:
            nonlocal waited
            waited += _WAIT_S
            if remaining and waited > LOCKED_S:
                raise DatabaseFault("the database is in use; stop the site first")

        Path(self._place()).parent.mkdir(parents=True, exist_ok=True)
        try:
            with (
                closing(sqlite3.connect(f"{prepared.absolute().as_uri()}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(self._place())) as target,
            ):
                source.backup(target, progress=wait, sleep=_WAIT_S)
        except sqlite3.Error as error:
            raise DatabaseFault(str(error)) from None

    @staticmethod
    def _place() -> str:
        return str(connection.settings_dict["NAME"])

    @staticmethod
    def _check(path: Path) -> None:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as copied:
            (state,) = copied.execute("PRAGMA integrity_check").fetchone()
        if state != "ok":
            raise DatabaseFault(f"the copy is damaged, and so is what it was made of: {state}")


# Only what is this database's own: extensions stay, and so does the schema, whose owner may be another.
_EMPTY = """
SET LOCAL lock_timeout = '20s';
DO $$ DECLARE it record; BEGIN
  FOR it IN SELECT format('DROP TABLE %I.%I CASCADE', schemaname, tablename) AS statement
    FROM pg_tables WHERE schemaname = 'public' LOOP EXECUTE it.statement; END LOOP;
  FOR it IN SELECT format('DROP FUNCTION %s CASCADE', p.oid::regprocedure) AS statement FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP EXECUTE it.statement;
  END LOOP;
END $$;
"""


class Postgresql:
    """A server, asked by its own programs: pg_dump, pg_restore and psql, of the server's version or a later one."""

    file = "database.dump"

    @contextmanager
    def copy(self, target: Path) -> Iterator[Copied]:
        """One snapshot, which pg_dump and our own questions share."""
        with queries.snapshot(), connection.cursor() as cursor:
            (snapshot,) = _Rows(cursor).rows("SELECT pg_export_snapshot()")[0]
            self._run("pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={target}")
            yield _Rows(cursor)

    def prepare(self, copied: Path, folder: Path) -> Path:
        """The statements that put it back, all of them: a dump that ends too soon is noticed here."""
        script = folder / "restore.sql"
        made = ("--no-owner", "--no-privileges", f"--file={script}", str(copied))
        self._run("pg_restore", *made, connected=False)
        return script

    def put_back(self, prepared: Path) -> None:
        """In one transaction, which removes what was there: after a fault the old database is as it was."""
        connection.close()
        stop = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", "--single-transaction")
        self._run("psql", *stop, f"--command={_EMPTY}", f"--file={prepared}")

    @staticmethod
    def _run(program: str, *options: str, connected: bool = True) -> None:
        to, environment = _address() if connected else ([], {})
        try:
            done = subprocess.run(
                [program, *to, *options], env=os.environ | environment, capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            raise DatabaseFault(
                f"{program} is not installed; install PostgreSQL's client programs, of the server's version or later"
            ) from None
        if done.returncode:
            raise DatabaseFault(done.stderr.strip() or f"{program} ended with {done.returncode}")


def _address() -> tuple[list[str], dict[str, str]]:
    """The site's own connection, for PostgreSQL's programs; the password where other users can't see it."""
    from psycopg import conninfo, pq

    understood = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    ours = {name: value for name, value in connection.get_connection_params().items() if name in understood}
    password = ours.pop("password", "")
    return [f"--dbname={conninfo.make_conninfo(**ours)}"], {"PGPASSWORD": str(password)} if password else {}
