"""`manage.py thin_traces`: thin old power traces now, rather than at night."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from leaderboard import services
from leaderboard.models import Attempt


class Command(BaseCommand):
    help = "Thin power traces that are older than TRACE_FULL_DAYS. Figures stay as they are."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--days", type=int, help="another age in days than TRACE_FULL_DAYS")
        parser.add_argument("--dry-run", action="store_true", help="only say how many bytes it would save")
        parser.add_argument(
            "--remove-full", action="store_true", help="remove the full files now, rather than a week after"
        )

    def handle(self, *args: Any, days: int | None, dry_run: bool, remove_full: bool, **options: Any) -> None:
        days = settings.TRACE_FULL_DAYS if days is None else days
        if days < 1:
            raise CommandError(
                f"--days: must be at least 1 (got {days}); TRACE_FULL_DAYS is {settings.TRACE_FULL_DAYS}",
                returncode=2,
            )
        done = (
            services.would_thin(days, self._report)
            if dry_run
            else services.thin_old_traces(days, report=self._report)
        )
        saved, share = done.bytes_before - done.bytes, 1 - done.bytes / done.bytes_before if done.bytes_before else 0
        said = "would be thinned" if dry_run else "thinned"
        self.stdout.write(
            f"{done.thinned:,} traces {said}, {done.stay:,} stay full: {done.bytes_before:,} bytes before, "
            f"{done.bytes:,} after, {saved:,} saved ({100 * share:.0f} %)."
        )
        if not dry_run:
            self._remove(remove_full, done)
        if done.failed:
            raise CommandError(f"{done.failed:,} traces could not be read or written; see above, and do it again")

    def _remove(self, at_once: bool, done: services.Thinnings) -> None:
        if at_once:
            os.sync()  # the thinned files are on the disk before the full ones go
            self.stdout.write(f"{services.clear_away(keep_full=timedelta(0)):,} full files removed.")
        elif done.thinned:
            self.stdout.write("Their full files are removed in a week; with --remove-full, now.")

    def _report(self, attempt: Attempt, what: str) -> None:
        self.stdout.write(f"run {attempt.run_id}, attempt {attempt.number}: {what}")
