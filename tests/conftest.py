"""What the tests share."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from leaderboard import services
from leaderboard.models import Hardware
from tests.records import CPU


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
