"""What the tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.postgresql.operations import DatabaseOperations as PostgresqlOperations
from hypothesis import HealthCheck, settings

from leaderboard import services
from leaderboard.database import append_only
from leaderboard.models import Hardware, LogLine
from leaderboard.queries import notices
from tests.migrated import copy_migrated
from tests.records import CPU
from tests.tiers import ON_POSTGRESQL, TIERS, may_have, other_words, tier_of

# Hypothesis fails a test whose example takes 200 ms, and one whose examples are slowly made.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    for tier, meaning in TIERS.items():
        config.addinivalue_line("markers", f"{tier}: {meaning}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Modules without a test of the tier that is asked for are not loaded."""
    if not collection_path.match("test_*.py"):
        return None
    return None if may_have(collection_path, config.option.markexpr) else True


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    if not any(item.get_closest_marker(tier) for tier in TIERS):
        item.add_marker(tier_of(item.path))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest tiers first; within each in the order that pytest-django has made."""
    if ON_POSTGRESQL:
        left_out = set(other_words(items))
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    order = list(TIERS)
    items.sort(key=lambda item: min(order.index(mark.name) for mark in item.iter_markers() if mark.name in TIERS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The times that tests have taken down (`record_property("times", …)`), whichever process ran them."""
    for report in terminalreporter.getreports("passed"):
        for times in (value for name, value in report.user_properties if name == "times"):
            terminalreporter.section(report.nodeid.rpartition("::")[2])
            terminalreporter.write_line(str(times))


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The database of SQLite is there before the tests; its folder ends with them."""
    return not ON_POSTGRESQL


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """The name is settled: put the database there, where it is a file."""
    if not ON_POSTGRESQL:
        copy_migrated(Path(connection.settings_dict["TEST"]["NAME"]))


@pytest.fixture(scope="session", autouse=True)
def _device_locks_of_this_session(tmp_path_factory: pytest.TempPathFactory):
    """Test sessions side by side on one machine don't keep each other off its devices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEASUREMENT_LOCK_FOLDER", str(tmp_path_factory.mktemp("locks")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _tests_may_empty_the_log():
    """Tests that commit empty all tables at their end; nobody else can remove lines of the log."""
    flush, table = BaseDatabaseOperations.execute_sql_flush, LogLine._meta.db_table

    def lifting_the_triggers(self, sql_list):
        append_only.release(self.connection, table)
        flush(self, sql_list)
        append_only.protect(self.connection, table)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", lifting_the_triggers)
        yield


@pytest.fixture(scope="session", autouse=True)
def _few_rows_are_deleted_one_by_one():
    """TRUNCATE makes new files for each table and index of PostgreSQL: fifty times the work of deleting ten rows."""

    def deleting(self, style, tables, *, reset_sequences=False, allow_cascade=False):
        return [f"DELETE FROM {self.quote_name(table)};" for table in tables]  # noqa: S608 - Django's names

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresqlOperations, "sql_flush", deleting)
        yield


@pytest.fixture(scope="session", autouse=True)
def _pages_ask_for_no_notice():
    """Whether a page asks depends on the time, which no test does; those of notices call `forget_notice`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notices, "KEPT_S", float("inf"))
        patch.setattr(notices._Kept, "read_at", 0.0)
        yield


@pytest.fixture
def hardware(db: None) -> Hardware:
    """The hardware that `tests.records` writes records of."""
    return services.register_hardware(CPU, "cpu")


@pytest.fixture
def alice(db: None):
    """Who submits."""
    return get_user_model().objects.create_user("alice", "alice@example.org", "a-long-password")


@pytest.fixture
def bob(db: None):
    """Another user."""
    return get_user_model().objects.create_user("bob", "bob@example.org", "a-long-password")


@pytest.fixture
def administrator(db: None):
    """Who may re-run, cancel and publish."""
    return get_user_model().objects.create_superuser("admin", "admin@example.org", "a-long-password")
