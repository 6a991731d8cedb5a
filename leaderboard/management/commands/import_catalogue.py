"""`manage.py import_catalogue`: put the published figures of `catalogue/` on their boards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

import catalogue
from leaderboard import services


class Command(BaseCommand):
    help = "Put the catalogue's published figures on their boards. Importing again changes only what has changed."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("folder", nargs="?", type=Path, help="a catalogue's folder (default: the one shipped)")

    def handle(self, *args: Any, folder: Path | None, **options: Any) -> None:
        try:
            sources = catalogue.load(folder).sources
            results = catalogue.published_results(folder)
        except catalogue.CatalogueError as error:
            for fault in error.faults:
                self.stderr.write(str(fault))
            raise CommandError("nothing was imported: correct the catalogue first", returncode=2) from None
        count = services.import_published(results, sources)
        self.stdout.write(
            f"Published results: {count.added:,} added, {count.changed:,} changed, {count.removed:,} removed, "
            f"{count.unchanged:,} unchanged."
        )
