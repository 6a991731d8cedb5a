"""`manage.py doctor`: whether this machine reaches the site's services, and how the workers are."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

from leaderboard import dispatch, queries
from leaderboard.database import clock
from leaderboard.presentation.workers import IN_STEP_S, clock_in_words, worker_line
from leaderboard.worker.fitness import lacks_disk, lacks_fence
from measurement.fence import state_of_fence


class Command(BaseCommand):
    help = (
        "Say whether database, clock, broker and disk of this machine are as the site needs them; list the workers."
    )

    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        faults = [*self._database(), *self._broker(), *self._disk(), *self._fence()]
        self.stdout.write("meters     see `python -m measurement doctor`")
        if faults:
            raise CommandError("; ".join(faults), returncode=1)

    def _database(self) -> list[str]:
        try:
            offset_s = clock.offset_s()
            workers = [worker_line(worker) for worker in queries.live_workers()]
        except Error as error:
            self.stdout.write(f"database   {connection.vendor}, can't be reached: {error}")
            return ["DATABASE_URL: the database can't be reached"]
        self.stdout.write(f"database   {connection.vendor}, answers")
        words = clock_in_words(offset_s)
        hint = "" if abs(offset_s) < IN_STEP_S else "; harmless, since everything is dated by the database's clock"
        self.stdout.write(f"clock      this machine's is {words}, compared with the database's{hint}")
        if not workers:
            self.stdout.write("workers    none was seen within a minute")
        for line in workers:
            service = f"out of service: {line.worker.out_of_service}" if line.worker.out_of_service else "in service"
            self.stdout.write(f"worker     {line.worker.name}: {service}; clock {line.clock}; seen {line.seen}")
        return []

    def _broker(self) -> list[str]:
        if not settings.REDIS_URL:
            self.stdout.write("broker     REDIS_URL is not set; `make run` starts one of its own")
            return []
        if dispatch.answers():
            self.stdout.write("broker     answers")
            return []
        self.stdout.write("broker     does not answer; runs are stored, and start when it does")
        return ["REDIS_URL: the broker does not answer"]

    def _disk(self) -> list[str]:
        lacking = lacks_disk()
        self.stdout.write(f"disk       {lacking or 'can be written to'}")
        return [f"DATA_ROOT: {lacking}"] if lacking else []

    def _fence(self) -> list[str]:
        self.stdout.write(f"fence      SANDBOX={settings.SANDBOX}; {state_of_fence().in_words()}")
        return [f"SANDBOX: {lacking}"] if (lacking := lacks_fence()) else []
