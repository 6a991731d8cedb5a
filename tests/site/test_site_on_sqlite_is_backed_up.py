"""One command copies a running site on SQLite into a folder that can be served; nothing half-made is left."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.factories import make_board

pytestmark = pytest.mark.django_db(transaction=True)
sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has pg_dump")


@sqlite
def test_backup_is_complete_while_another_writes(tmp_path, settings):
    settings.MEDIA_ROOT, settings.DATA_ROOT = tmp_path / "media", tmp_path
    (tmp_path / "media" / "traces").mkdir(parents=True)
    (tmp_path / "media" / "traces" / "1.parquet").write_bytes(b"trace")
    (tmp_path / "secret_key").write_text("key")
    make_board(3)
    name = str(settings.DATABASES["default"]["NAME"])
    with closing(sqlite3.connect(name)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE leaderboard_entry SET quality = 0")
        call_command("backup", tmp_path / "copy", stdout=StringIO())
        writer.rollback()
    with closing(sqlite3.connect(tmp_path / "copy" / "leaderboard.sqlite3")) as copy:
        assert copy.execute("SELECT count(*), min(quality) > 0 FROM leaderboard_entry").fetchone() == (3, 1)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (tmp_path / "copy" / "files" / "traces" / "1.parquet").read_bytes() == b"trace"
    assert (tmp_path / "copy" / "secret_key").read_text() == "key"
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0


@sqlite
def test_a_folder_in_use_is_refused_and_a_fault_leaves_nothing(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(CommandError, match="is not empty"):
        call_command("backup", tmp_path / "full")
    settings.MEDIA_ROOT.mkdir()
    (settings.MEDIA_ROOT / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CommandError, match="nothing was left"):
        call_command("backup", tmp_path / "new")
    assert {path.name for path in tmp_path.iterdir()} == {"full", "media"}


@pytest.mark.skipif(connection.vendor == "sqlite", reason="of SQLite the other tests tell")
def test_another_database_is_led_to_its_own_tool(tmp_path):
    with pytest.raises(CommandError, match="pg_dump"):
        call_command("backup", tmp_path / "copy")
