"""`python -m tests.chromium`: sees to it that the browser tests have a Chromium, installing Debian's where it can."""

import os
import shutil
import subprocess
import sys

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
