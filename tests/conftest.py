"""What the tests share."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from leaderboard import services
from leaderboard.models import Hardware
from tests.records import CPU


@pytest.fixture(scope="session", autouse=True)
def _device_locks_of_this_session(tmp_path_factory: pytest.TempPathFactory):
    """Test sessions side by side on one machine don't keep each other off its devices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEASUREMENT_LOCK_FOLDER", str(tmp_path_factory.mktemp("locks")))
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
