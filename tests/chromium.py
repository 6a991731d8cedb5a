"""`python -m tests.chromium`: sees to it that the browser tests have a Chromium, installing Debian's where it can."""

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

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
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
    if find():
        return 0
    if not shutil.which("apt-get") or os.geteuid():
        print("The browser tests need Chromium: install the package `chromium` of your system.", file=sys.stderr)
        return 1
    print("Installing Chromium …")
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    packages = ["chromium", "fonts-dejavu-core"]
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    )
    return 0 if find() else 1


if __name__ == "__main__":
    raise SystemExit(main())
