"""A site on SQLite is copied while others write, into a folder that can be served; nothing half-made is left."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection

from tests.factories import AttemptFactory, make_board
from tests.site.whole_site import settle

pytestmark = pytest.mark.django_db(transaction=True)
sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="its copy is a file of SQLite")


@sqlite
def test_backup_is_complete_while_another_writes(tmp_path, settings):
    settle(settings, tmp_path / "data")
    make_board(3)
    AttemptFactory().trace.save("run.parquet", ContentFile(b"trace"))
    name = str(settings.DATABASES["default"]["NAME"])
    with closing(sqlite3.connect(name)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE leaderboard_entry SET quality = 0")
        call_command("backup", tmp_path / "copy", stdout=StringIO())
        writer.rollback()
    with closing(sqlite3.connect(tmp_path / "copy" / "leaderboard.sqlite3")) as copy:
        assert copy.execute("SELECT count(*), min(quality) > 0 FROM leaderboard_entry").fetchone() == (3, 1)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (copied,) = (tmp_path / "copy" / "files").rglob("*.parquet")
    assert copied.read_bytes() == b"trace"
    assert (tmp_path / "copy" / "secret_key").read_text() == settings.SECRET_KEY
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0


@sqlite
def test_a_folder_in_use_is_refused_and_a_fault_leaves_nothing(tmp_path, settings):
    settle(settings, tmp_path / "data")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(CommandError, match="is not empty"):
        call_command("backup", tmp_path / "full")
    settings.MEDIA_ROOT.joinpath("traces").mkdir(parents=True)
    AttemptFactory(trace="traces")  # which can't be read as a file
    with pytest.raises(CommandError, match="nothing was left"):
        call_command("backup", tmp_path / "new")
    assert {path.name for path in tmp_path.iterdir()} == {"full", "data"}
