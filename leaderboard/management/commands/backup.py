"""`manage.py backup FOLDER`: copy a site, while it runs, into a folder that `manage.py restore` takes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard import backup
from leaderboard.transfer.folder import BadFolder


class Command(BaseCommand):
    help = "Copy database, power traces, uploaded files and signing key into a new folder, while the site runs."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("folder", type=Path, help="does not exist yet, or is empty")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            facts = backup.take(folder)
        except BadFolder as error:
            raise CommandError(str(error), returncode=2) from None
        except (OSError, shutil.Error, backup.DatabaseFault) as error:
            raise CommandError(
                f"{folder}: the backup failed, and nothing was left there: {error}", returncode=2
            ) from None
        for name in facts["lost"]:
            self.stderr.write(f"{name}: is named in the database, but is not in storage; it was lost before")
        for name, what in (("files", "Power traces"), ("artifacts", "Finished uploads")):
            if name not in facts["places"]:
                self.stdout.write(f"{what} are in the object store, not in this folder.")
        self.stdout.write(f"The site is in {folder}. To restore it: manage.py restore {folder}")
