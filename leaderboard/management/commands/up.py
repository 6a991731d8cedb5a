"""`manage.py up`: database, static files, Redis, web, worker, notices and beat on one machine. Ctrl-C ends all."""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from honcho.environ import parse_procfile
from honcho.manager import Manager

from leaderboard import queries, services
from leaderboard.configuration import BASE_DIR
from leaderboard.management.examples import queue_examples
from leaderboard.management.one_machine import collect_static_once, embedded_redis, only_site, say_when_up
from leaderboard.worker.machine import MachineError, inspect_machine


class Command(BaseCommand):
    help = "Set everything up and serve on HOST:PORT: embedded Redis, web, worker, notices and beat. Ctrl-C ends all."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--no-examples", action="store_true", help="queue no example recipes on an empty database"
        )
        parser.add_argument(
            "--no-catalogue", action="store_true", help="import no published figures on an empty database"
        )
        parser.add_argument(
            "--all-examples",
            action="store_true",
            help="queue every recipe of recipes/digits/, not five",
        )

    def handle(self, *args: Any, no_examples: bool, no_catalogue: bool, all_examples: bool, **options: Any) -> None:
        _check_port_is_free()
        with ExitStack() as stack:
            stack.enter_context(only_site(settings.DATA_ROOT))
            call_command("migrate", verbosity=0, interactive=False)
            collect_static_once(self.stdout.write)
            environment = dict(os.environ, DATA_ROOT=str(settings.DATA_ROOT))
            environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
            manager = Manager()
            for name in ("DATA_ROOT", "REDIS_URL"):
                environment.pop(f"{name}_FILE", None)  # read already
            environment["REDIS_URL"] = settings.REDIS_URL or stack.enter_context(embedded_redis())
            if not queries.has_published() and not no_catalogue:
                call_command("import_catalogue", stdout=self.stdout)
            if queries.is_empty() and not no_examples:
                self._queue_examples(every=all_examples)
            for name, command in parse_procfile((BASE_DIR / "Procfile").read_text()).processes.items():
                manager.add_process(name, command, env=environment, cwd=str(BASE_DIR))
            threading.Thread(target=say_when_up, args=[self.stdout.write], daemon=True).start()
            manager.loop()
        sys.exit(_exit_code(manager.returncode))

    def _queue_examples(self, *, every: bool) -> None:
        try:
            machine = inspect_machine(settings.WORKER_DEVICE)
        except MachineError as error:
            raise CommandError(f"WORKER_DEVICE: {error}") from None
        hardware = services.register_hardware(machine.name, machine.kind)
        count = queue_examples(hardware, every=every)
        self.stdout.write(f"The board is empty: {count} example recipes are queued for {hardware.name}.")


def _check_port_is_free() -> None:
    with socket.socket(socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            raise CommandError(
                f"PORT: can't listen on {settings.HOST}:{settings.PORT} ({error.strerror}); "
                f"choose another, e.g. PORT={settings.PORT + 1} make run"
            ) from None


def _exit_code(code: int | None) -> int:
    # honcho answers 130 or -2 to a Ctrl-C, which is how this command is meant to end.
    return 0 if code in (None, 0, 130, 143) or (code or 0) < 0 else int(code or 0)
