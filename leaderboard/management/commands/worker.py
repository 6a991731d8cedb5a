"""`manage.py worker`: registers this machine's hardware and does its runs."""

from __future__ import annotations

from typing import Any

import structlog
from celery.signals import heartbeat_sent, worker_ready
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from leaderboard import dispatch, queries, services
from leaderboard.celery import app
from leaderboard.presentation.workers import clock_in_words
from leaderboard.routing import doable_by, queues_of, tracks_in
from leaderboard.worker.heartbeat import Heartbeat
from leaderboard.worker.machine import Machine, MachineError, inspect_machine
from leaderboard.worker.reference import reference
from leaderboard.worker.service import service

log = structlog.get_logger()


class Command(BaseCommand):
    help = "Run the Celery worker of this machine's hardware: one run at a time."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.REDIS_URL:
            raise CommandError("REDIS_URL: a worker needs the site's broker, e.g. REDIS_URL=redis://host:6379/0")
        try:
            machine = inspect_machine(settings.WORKER_DEVICE)
        except MachineError as error:
            raise CommandError(f"WORKER_DEVICE: {error}") from None
        settings.WORKER_DEVICE = machine.device  # `auto` is decided once, so that no run lands on another device
        service.fitness.started_as = machine
        hardware = services.register_hardware(machine.name, machine.kind)
        dispatch.ANSWERS_WITHIN_S = dispatch.WORKER_WAITS_S
        heartbeat = Heartbeat(machine.worker_name)
        worker_ready.connect(lambda **_: _register(machine), weak=False)
        heartbeat_sent.connect(heartbeat, weak=False)
        # One process without a pool: it runs one child at a time, and must take little memory itself.
        app.worker_main(
            [
                "--quiet",
                "worker",
                "--pool=solo",
                f"--queues={','.join(queues_of(hardware, tracks_in(machine.diagnosis)))}",
                f"--hostname={machine.worker_name}",
                "--without-gossip",
                "--without-mingle",
            ]
        )


def _register(machine: Machine) -> None:
    hardware = services.register_hardware(machine.name, machine.kind)
    worker = services.register_worker(
        machine.worker_name, hardware=hardware, device=machine.device, diagnosis=machine.diagnosis
    )
    reference.start()
    log.info("worker registered", worker=worker.name, clock=clock_in_words(worker.clock_offset_s))
    # What was queued while no worker was live need not wait for the next sweep.
    waiting = queries.every_run().queued().filter(doable_by(worker.diagnosis), hardware=hardware)
    services.dispatch(waiting.with_routing()[:10])
