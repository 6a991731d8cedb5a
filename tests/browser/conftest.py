"""A site in this process and one Chromium, shared by all tests that look at the site as its readers do.

Every test may use the database (`live_server` asks for it), so none is marked `django_db`: that mark chooses what
runs a second time on PostgreSQL, and a browser sees no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page

from tests.browser.reader import Reader
from tests.chromium import launched


@pytest.fixture(scope="package", autouse=True)
def _orm_beside_playwright() -> Iterator[None]:
    """Playwright keeps an event loop in this thread, where Django would refuse to touch the database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files() -> None:
    """Where the site looks for them; before it starts, which is once a session."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="package")
def chromium(_orm_beside_playwright: None) -> Iterator[Browser]:
    """The system's Chromium."""
    with launched() as browser:
        yield browser


@pytest.fixture
def open_reader(live_server, chromium: Browser) -> Iterator[Callable[..., Reader]]:
    """Opens a browser of its own for a reader; options as for a Playwright context.

    At the end no reader may have met an error, a breach of the content security policy, or another host.
    """
    readers: list[Reader] = []

    def open_one(**options) -> Reader:
        readers.append(Reader(chromium, live_server.url, **options))
        return readers[-1]

    yield open_one
    for reader in readers:
        reader.context.close()
    faults = [fault for reader in readers for fault in reader.faults]
    assert faults == []


@pytest.fixture
def reader(open_reader) -> Reader:
    """Somebody at a desk."""
    return open_reader()


@pytest.fixture
def page(reader: Reader) -> Page:
    """The page of somebody at a desk."""
    return reader.page


@pytest.fixture
def plain(open_reader) -> Reader:
    """Somebody whose browser runs no JavaScript."""
    return open_reader(java_script_enabled=False)
