"""`manage.py import_results FOLDER`: enter another site's results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from leaderboard import services
from leaderboard.management.progress import ProgressLine
from leaderboard.transfer.folder import BadFolder, checked
from leaderboard.transfer.lines import KINDS


class Command(BaseCommand):
    help = "Enter the results in a folder of export_results. The same again changes nothing; nothing is overwritten."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("folder", type=Path, help="that `manage.py export_results` wrote")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            found = checked(folder, tuple(KINDS))
            progress = ProgressLine(self.stdout, found.counts)
            try:
                arrived = services.import_results(found, progress)
            finally:
                progress.end()
        except (BadFolder, OSError) as error:
            raise CommandError(f"{error} (nothing was imported)", returncode=2) from None
        except services.Refused as error:
            raise CommandError(error.sentence, returncode=2) from None
        except IntegrityError as error:
            raise CommandError(
                f"{folder}: nothing was imported, the database refuses: {error}", returncode=2
            ) from None
        for kind in KINDS:
            self.stdout.write(
                f"{kind.replace('_', ' ')}: {arrived.added[kind]:,} added, {arrived.there[kind]:,} there already"
            )
        if arrived.replaced or arrived.stayed:
            self.stdout.write(
                f"Entries with other results of their recipe here: {arrived.replaced:,} replaced by a full result, "
                f"{arrived.stayed:,} stayed."
            )
