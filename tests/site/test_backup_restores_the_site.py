"""A backup, everything dropped, and a restore: every public answer is the same byte for byte, on both databases."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from leaderboard.backup import DatabaseFault, taking
from leaderboard.backup.databases import database
from leaderboard.database import clock
from leaderboard.models import Attempt, Entry, LogLine
from leaderboard.transfer.folder import sha256_of
from tests.site.public_answers import differences, public_answers
from tests.site.whole_site import fill, find_programs_of_the_server, settle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stopped_clock(monkeypatch):
    """So that "4 s ago" is the same in each walk, however long they take."""
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)
    monkeypatch.setattr(timezone, "now", lambda: moment)


@pytest.fixture(autouse=True)
def _programs_of_the_server(monkeypatch, transactional_db):
    find_programs_of_the_server(monkeypatch)


def drop() -> None:
    """All that the database has."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.close()
    else:
        connection.close()
        for path in Path(connection.settings_dict["NAME"]).parent.glob("test.sqlite3*"):
            path.unlink()


def files_of(root: Path) -> dict[str, bytes]:
    kept = ("files", "artifacts", "uploads")
    return {
        str(path.relative_to(root)): path.read_bytes()
        for place in kept
        for path in (root / place).rglob("*")
        if path.is_file()
    }


def restore(folder: Path, *options: str) -> str:
    told = StringIO()
    call_command("restore", str(folder), *options, stdout=told)
    return told.getvalue()


@pytest.mark.usefixtures("stopped_clock")
def test_every_answer_is_the_same(settings, tmp_path, hardware, alice, bob):
    settle(settings, tmp_path / "data")
    fill(hardware, alice, bob)
    (settings.DATA_ROOT / "secret_key").write_text(settings.SECRET_KEY)
    before, files = public_answers(), files_of(settings.DATA_ROOT)
    assert [name for name, (status, *_) in before.items() if status >= 500] == []
    assert len(before) > 100
    assert len(files) == 4
    assert differences(before, public_answers()) == "", "differ without a backup"

    call_command("backup", str(tmp_path / "copy"), stdout=StringIO())
    with pytest.raises(CommandError, match="has data"):
        restore(tmp_path / "copy")
    drop()
    shutil.rmtree(settings.DATA_ROOT)
    settle(settings, tmp_path / "elsewhere")
    restore(tmp_path / "copy")

    assert differences(before, public_answers()) == ""
    assert files_of(settings.DATA_ROOT) == files
    alice.refresh_from_db()
    assert alice.check_password("a-long-password")
    with pytest.raises(DatabaseError, match="append-only"):
        LogLine.objects.all().delete()


@pytest.fixture
def backed_up(settings, tmp_path, hardware, alice, bob):
    """A small site, and a backup of it that is older than its last change."""
    settle(settings, tmp_path / "data")
    fill(hardware, alice, bob)
    folder = tmp_path / "copy"
    call_command("backup", str(folder), stdout=StringIO())
    Entry.objects.update(quality=0.5)
    (settings.MEDIA_ROOT / "later").write_text("only here")
    return folder


def state(settings) -> tuple:
    return list(Entry.objects.order_by("pk").values()), files_of(settings.DATA_ROOT)


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def listed_anew(folder: Path, change) -> None:
    """Change the manifest, as a backup of another making would have it."""
    manifest = folder / "manifest.json"
    told = json.loads(manifest.read_text())
    change(told)
    manifest.write_text(json.dumps(told))


def test_what_fails_leaves_the_old_site(backed_up, settings, monkeypatch, tmp_path):
    before = state(settings)

    def refused(match: str) -> None:
        with pytest.raises(CommandError, match=match):
            restore(backed_up, "--replace")
        assert state(settings) == before
        assert not list(settings.DATA_ROOT.rglob(".restoring-*"))

    kept = tmp_path / "kept"
    shutil.copytree(backed_up, kept)
    ours = database().file
    for name in (
        ours,
        *(path.relative_to(backed_up).as_posix() for path in (backed_up / "files").rglob("*.parquet")),
    ):
        damaged(backed_up / name)
        refused(f"{Path(name).name}: its SHA-256")
        shutil.copy(kept / name, backed_up / name)
        (backed_up / name).unlink()
        refused(f"{Path(name).name}: is missing")
        shutil.copy(kept / name, backed_up / name)
    listed_anew(backed_up, lambda told: told["database"]["migrations"].append(["leaderboard", "9999_later"]))
    refused("later version, which has leaderboard.9999_later")
    listed_anew(backed_up, lambda told: told["database"].update(kind="oracle"))
    refused("of a site on oracle")
    shutil.copy(kept / "manifest.json", backed_up / "manifest.json")

    # As listed, yet no database: the fault shows only when it is put back, or just before.
    (backed_up / ours).write_bytes((kept / ours).read_bytes()[:5000])
    listed_anew(backed_up, lambda told: told["files"].update({ours: listing(backed_up / ours)}))
    refused("the site is as it was")
    shutil.rmtree(backed_up)
    shutil.copytree(kept, backed_up)
    # At the last step, when the files have changed places.
    monkeypatch.setattr(type(database()), "put_back", lambda self, prepared: fail_late())
    refused("the site is as it was: the disk is full")
    monkeypatch.undo()


def fail_late():
    raise DatabaseFault("the disk is full")


def listing(path: Path) -> dict:
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size}


def test_replacing_takes_away_what_came_later(backed_up, settings):
    restore(backed_up, "--replace")
    assert not Entry.objects.filter(quality=0.5).exists()
    assert not (settings.MEDIA_ROOT / "later").exists()


def test_a_file_that_goes_meanwhile_begins_the_backup_again(backed_up, settings, tmp_path, monkeypatch):
    """Its row went first, so that the next copy of the database names it no more."""
    attempt = Attempt.objects.exclude(trace="").get()
    copied, taken = taking._copied, []

    def removing(made, place, names):
        if not taken:
            attempt.trace.storage.delete(attempt.trace.name)
            Attempt.objects.filter(pk=attempt.pk).update(trace="")
        taken.append(place.name)
        return copied(made, place, names)

    monkeypatch.setattr(taking, "_copied", removing)
    call_command("backup", str(tmp_path / "second"), stdout=StringIO())
    assert taken.count("files") == 2
    assert json.loads((tmp_path / "second" / "manifest.json").read_text())["lost"] == []


def test_a_file_that_was_lost_before_is_named(backed_up, settings, tmp_path):
    attempt = Attempt.objects.exclude(trace="").get()
    attempt.trace.storage.delete(attempt.trace.name)
    told = StringIO()
    call_command("backup", str(tmp_path / "second"), stdout=StringIO(), stderr=told)
    assert f"files/{attempt.trace.name}: is named in the database" in told.getvalue()


@pytest.mark.parametrize(("name", "storage"), [("files", "default"), ("artifacts", "artifacts")])
def test_what_lies_elsewhere_is_not_taken_for_lost(settings, tmp_path, name, storage):
    """A site whose files are in an object store; the memory stands for one."""
    settle(settings, tmp_path / "data")
    here, memory = settings.STORAGES, {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    told = StringIO()
    call_command("backup", str(tmp_path / "with"), stdout=told)
    assert "object store" not in told.getvalue()
    settings.STORAGES = here | {storage: memory}
    call_command("backup", str(tmp_path / "without"), stdout=told)
    assert "object store" in told.getvalue()
    with pytest.raises(CommandError, match=f"has the folder {name}; unset"):
        restore(tmp_path / "with")
    restore(tmp_path / "without")
    settings.STORAGES = here
    with pytest.raises(CommandError, match=f"lacks the folder {name}; set"):
        restore(tmp_path / "without")
