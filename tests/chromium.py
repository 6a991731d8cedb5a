"""`python -m tests.chromium`: installs Debian's Chromium for the browser tests, and bubblewrap for the fence's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.waiting import HANG_MS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

# The one without a window's own pages first: the same engine, for two thirds of the processor time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FONTS = "fonts-dejavu-core"
FENCE, FENCE_PACKAGE = "bwrap", "bubblewrap"
# Headless, and no word to anybody but the page under test.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def find() -> str | None:
    """Path of an installed Chromium."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """The system's Chromium. What a page is expected to show may take until it hangs."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=HANG_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=ARGUMENTS, timeout=HANG_MS)
        yield browser
        browser.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A context whose pages wait for their elements and addresses until that hangs; options as for Playwright's."""
    context = browser.new_context(**options)
    context.set_default_timeout(HANG_MS)
    return context


def main() -> int:
    if shutil.which(NAMES[0]) and shutil.which(FENCE):
        return 0
    if shutil.which("apt-get") and not os.geteuid():
        print("Installing Chromium and bubblewrap …")
        _install()
    if find():
        return 0
    print("The browser tests need Chromium: install the package `chromium` of your system.", file=sys.stderr)
    return 1


def _install() -> None:
    """The headless Chromium, or the whole one where a distribution has no other. What fails is seen by `find`."""
    apt = ["apt-get", "-qq", "-y", "--no-install-recommends"]
    subprocess.run([*apt, "update"], check=False)
    for packages in ([FENCE_PACKAGE], [NAMES[0], FONTS], [NAMES[1], FONTS]):
        if packages[0] == NAMES[1] and find():
            return
        subprocess.run(
            [*apt, "install", *packages],
            check=False,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        )


if __name__ == "__main__":
    raise SystemExit(main())
