"""The database of an earlier version is brought up to date with its figures as they were, and can be put back."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from leaderboard import services
from leaderboard.models import Hardware
from tests.records import make_recipe
from tests.services.verifying import verify
from tests.site.earlier_site.dumped import FOLDER, answer_of, load, rows_of
from tests.site.whole_site import find_programs_of_the_server, settle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def another_database(tmp_path, monkeypatch):
    """Empty, in the place of that of the other tests."""
    find_programs_of_the_server(monkeypatch)
    name = "earlier" if connection.vendor == "postgresql" else str(tmp_path / "earlier.sqlite3")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "NAME", name)
        yield
        connection.close()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")


def earlier_apps(migrations: list[list[str]]) -> Any:
    """Bring the empty database to that state; the models as they were in it."""
    executor = MigrationExecutor(connection)
    executor.migrate([(app, name) for app, name in migrations])
    return executor.loader.project_state([(app, name) for app, name in migrations]).apps


def differences(old: Any, new: Any, place: str = "") -> list[str]:
    """Where the new answer is not the old one; it may say more."""
    if isinstance(old, dict) and isinstance(new, dict):
        inside = (differences(value, new.get(name, "is missing"), f"{place}.{name}") for name, value in old.items())
        return [found for each in inside for found in each]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [found for n, (one, other) in pairs for found in differences(one, other, f"{place}[{n}]")]
    return [] if old == new else [f"{place}: {old!r} became {new!r}"]


def test_upgrade_and_back(another_database, settings, tmp_path):
    settle(settings, tmp_path / "data")
    earlier = json.loads((FOLDER / "database.json").read_text("utf-8"))
    answers = json.loads((FOLDER / "answers.json").read_text("utf-8"))
    apps = earlier_apps(earlier["migrations"])
    load(earlier["rows"], apps)
    call_command("backup", str(tmp_path / "before"), stdout=StringIO())

    call_command("migrate", verbosity=0)
    found = [line for address, old in answers.items() for line in differences(old, answer_of(address), address)]
    assert found == []

    alice = get_user_model().objects.get(username="alice")
    assert alice.check_password("a-long-password")
    run, _ = verify(make_recipe("After the upgrade", epochs=9), Hardware.objects.get(pk=1), submitter=alice)
    assert services.rerun(run, by=get_user_model().objects.get(username="root")).state == "queued"

    call_command("restore", str(tmp_path / "before"), "--replace", stdout=(told := StringIO()))
    assert "of an earlier version" in told.getvalue()
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        assert sorted(map(list, cursor.fetchall())) == sorted(earlier["migrations"])
    assert by_key(rows_of(apps)) == by_key(earlier["rows"])


def by_key(rows: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    return {(row["model"], str(row["pk"])): row["fields"] for row in rows}


def test_a_changed_figure_is_noticed():
    assert differences({"a": [{"b": 1.0, "c": 2}]}, {"a": [{"b": 1.5, "c": 2, "d": 3}]}) == [
        ".a[0].b: 1.0 became 1.5"
    ]
    assert differences([1], [1, 2]) == [": [1] became [1, 2]"]
