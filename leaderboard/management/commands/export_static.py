"""`manage.py export_static FOLDER`: write the public site as files, which any file server serves."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from leaderboard.management.one_machine import collect_static_once
from leaderboard.management.progress import ProgressLine
from leaderboard.staticcopy import Unanswered, make_copy
from leaderboard.transfer.folder import BadFolder


class Command(BaseCommand):
    help = "Write what readers without an account see into a folder, which any file server serves. Replaces its own."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("folder", type=Path, help="does not exist yet, is empty, or is an earlier export")
        parser.add_argument(
            "--site", default="", help="https://… of the living site, where forms and queries lead; else SITE_URL"
        )
        parser.add_argument(
            "--base",
            default="",
            help="https://… where the copy will be, for the pictures of links to it; links need none",
        )

    def handle(self, *args: Any, folder: Path, site: str, base: str, **options: Any) -> None:
        if not site and urlsplit(settings.SITE_URL).hostname in ("localhost", "127.0.0.1", "::1"):
            self.stderr.write(f"Forms will lead to {settings.SITE_URL}, this machine: give --site, or set SITE_URL.")
        site = _address("--site", site or settings.SITE_URL).rstrip("/")
        base = f"{_address('--base', base).rstrip('/')}/" if base else ""
        if urlsplit(site).path:
            raise CommandError(f"--site is {site}, but must be a host alone, as https://lab.example", returncode=2)
        if getattr(staticfiles_storage, "manifest_strict", False) and not getattr(
            staticfiles_storage, "hashed_files", 1
        ):
            collect_static_once(self.stdout.write)
        self._progress = ProgressLine(self.stdout, {})
        try:
            counted = make_copy(folder, site=site, base=base, on=timezone.now().date(), begin=self._begin)
        except (BadFolder, Unanswered) as error:
            raise CommandError(str(error), returncode=2) from None
        except (OSError, shutil.Error) as error:
            raise CommandError(
                f"{folder}: the export failed, and nothing was changed there: {error}", returncode=2
            ) from None
        finally:
            self._progress.end()
        self.stdout.write(f"{folder}: {counted['pages']:,} pages, {counted['files']:,} files. Serve it as files.")

    def _begin(self, number: int) -> ProgressLine:
        self._progress = ProgressLine(self.stdout, {"pages": number})
        return self._progress


def _address(option: str, given: str) -> str:
    """An absolute address. Raises CommandError, naming the option."""
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise CommandError(f"{option} is {given!r}, but must be an address as https://lab.example", returncode=2)
    return given
