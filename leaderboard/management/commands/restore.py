"""`manage.py restore FOLDER`: put a backup in the place of a site, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from leaderboard import backup
from leaderboard.management.one_machine import only_site
from leaderboard.transfer.folder import BadFolder


class Command(BaseCommand):
    help = "Put a backup in this site's place; stop the site first. After a fault the site is as it was."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("folder", type=Path, help="that `manage.py backup` wrote")
        parser.add_argument("--replace", action="store_true", help="also if this site has data, which are lost")

    def handle(self, *args: Any, folder: Path, replace: bool, **options: Any) -> None:
        try:
            settings.DATA_ROOT.mkdir(parents=True, exist_ok=True)
            with only_site(settings.DATA_ROOT):
                done = backup.restore(folder, replace=replace)
        except BadFolder as error:
            raise CommandError(f"{error} (nothing was restored)", returncode=2) from None
        except backup.SiteInUse as error:
            raise CommandError(
                f"{error}. They would be lost: nothing was restored; name another DATA_ROOT and database, or add "
                "--replace",
                returncode=2,
            ) from None
        except (OSError, shutil.Error, backup.DatabaseFault) as error:
            raise CommandError(
                f"{folder}: nothing was restored, the site is as it was: {error}", returncode=2
            ) from None
        self.stdout.write(f"Restored the database and {done.files - 2:,} other files.")
        if done.is_older:
            self.stdout.write("It is of an earlier version: run `manage.py migrate` (`make run` does).")
        if done.has_other_key:
            self.stdout.write(
                f"SECRET_KEY: is another here, so that everybody signs in again; set it to that in "
                f"{folder}/secret_key to prevent this."
            )
