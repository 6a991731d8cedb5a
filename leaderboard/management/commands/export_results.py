"""`manage.py export_results FOLDER`: write a site's results into a folder that another site imports."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard import queries
from leaderboard.management.progress import ProgressLine
from leaderboard.models import Attempt
from leaderboard.transfer.folder import MANIFEST, BadFolder, Writing, sha256_of, writing
from leaderboard.transfer.lines import KINDS
from leaderboard.transfer.table import table
from measurement import __version__


class Command(BaseCommand):
    help = "Write all public results into a new folder with checksums. No passwords, no e-mail addresses."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("folder", type=Path, help="does not exist yet, or is empty")
        parser.add_argument("--without-traces", action="store_true", help="leave the power traces out")

    def handle(self, *args: Any, folder: Path, without_traces: bool, **options: Any) -> None:
        try:
            with writing(folder, f"full-cycle-energy-leaderboard {__version__}") as made, queries.snapshot():
                self._write(made, traces=not without_traces)
        except BadFolder as error:
            raise CommandError(str(error), returncode=2) from None
        except OSError as error:
            raise CommandError(f"{folder}: can't be written: {error}", returncode=2) from None
        self._tell(folder, made)

    def _write(self, made: Writing, *, traces: bool) -> None:
        left_out = queries.active_runs()
        made.facts |= {"traces": traces, "left_out": {"queued_or_running_runs": left_out}}
        progress = ProgressLine(self.stdout, {kind: queries.moved(kind).count() for kind in KINDS})
        for kind in KINDS:
            with ExitStack() as stack:
                write = stack.enter_context(made.lines(kind))
                entries = (
                    stack.enter_context(table(stack.enter_context(made.file("entries.parquet"))))
                    if kind == "entries"
                    else None
                )
                for stored, line in queries.lines(kind):
                    if entries is not None:
                        entries.add(stored)
                    if kind == "attempts":
                        line["trace"] = self._copied(made, stored) if traces else None
                    write(line)
                    progress(kind)
        progress.end()

    def _copied(self, made: Writing, attempt: Attempt) -> str | None:
        """The name of an attempt's trace in the folder, None if it has none."""
        name = attempt.trace.name
        if not name:
            return None
        try:
            with attempt.trace.storage.open(name) as source, made.file(name) as copy:
                shutil.copyfileobj(source, copy)
        except FileNotFoundError:
            self.stderr.write(f"{name}: the trace of run {attempt.run_id} is not in storage; it is left out")
            return None
        return name

    def _tell(self, folder: Path, made: Writing) -> None:
        left_out = made.facts["left_out"]["queued_or_running_runs"]
        self.stdout.write(
            f"{folder}: " + ", ".join(f"{number:,} {kind.replace('_', ' ')}" for kind, number in made.counts.items())
        )
        if left_out:
            self.stdout.write(f"Left out: {left_out:,} queued or running runs. Export again when they have ended.")
        self.stdout.write(f"SHA-256 of {MANIFEST}, which lists all other files: {sha256_of(folder / MANIFEST)}")
