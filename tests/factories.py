"""Makes stored objects for tests, without a worker: users, recipes, runs, and boards full of entries."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.utils import timezone
from factory.django import DjangoModelFactory

from leaderboard import models

ENDED = {"succeeded", "failed", "cancelled"}

RECIPE = {
    "schema_version": 1,
    "method": {"title": "A plain network", "family": "compact"},
    "track": "digits",
    "model": {"architecture": "mobilenetv3_small_050", "resolution": 32},
    "phases": [{"phase": "train", "technique": "supervised", "epochs": 2}],
}


class UserFactory(DjangoModelFactory):
    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    password = factory.django.Password("correct horse battery")


class HardwareFactory(DjangoModelFactory):
    class Meta:
        model = models.Hardware
        django_get_or_create = ("slug",)

    slug = "test-cpu"
    name = factory.LazyAttribute(lambda hardware: hardware.slug.replace("-", " ").title())
    kind = "cpu"


class WorkerFactory(DjangoModelFactory):
    class Meta:
        model = models.Worker

    name = factory.Sequence(lambda n: f"worker-{n}")
    hardware = factory.SubFactory(HardwareFactory)
    device = "cpu"
    started_at = factory.LazyFunction(timezone.now)
    seen_at = factory.LazyFunction(timezone.now)


class ReferenceFactory(DjangoModelFactory):
    class Meta:
        model = models.Reference

    worker = factory.SubFactory(WorkerFactory)
    workload = "1, torch 2.0"
    images_per_s = 800.0
    energy_per_image_j = 0.0012
    provenance = "estimated"
    duration_s = 5.0


class MethodFactory(DjangoModelFactory):
    class Meta:
        model = models.Method

    title = factory.Sequence(lambda n: f"Method {n}")
    family = "compact"


class WorkFactory(DjangoModelFactory):
    class Meta:
        model = models.Work

    sha256 = factory.Sequence(lambda n: hashlib.sha256(f"work {n}".encode()).hexdigest())


class RecipeFactory(DjangoModelFactory):
    class Meta:
        model = models.Recipe

    sha256 = factory.Sequence(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
    work = factory.SubFactory(WorkFactory)
    method = factory.SubFactory(MethodFactory)
    track = "digits"
    document = factory.LazyFunction(lambda: dict(RECIPE))


class SubmissionFactory(DjangoModelFactory):
    class Meta:
        model = models.Submission

    submitter = factory.SubFactory(UserFactory)
    recipe = factory.SubFactory(RecipeFactory)
    hardware = factory.SubFactory(HardwareFactory)


class RunFactory(DjangoModelFactory):
    class Meta:
        model = models.Run

    submission = factory.SubFactory(SubmissionFactory)
    recipe = factory.SelfAttribute("submission.recipe")
    hardware = factory.SelfAttribute("submission.hardware")
    queued_at = factory.LazyFunction(timezone.now)
    finished_at = factory.LazyAttribute(lambda run: timezone.now() if run.state in ENDED else None)
    state = "queued"


class AttemptFactory(DjangoModelFactory):
    class Meta:
        model = models.Attempt

    run = factory.SubFactory(RunFactory)
    number = 1
    worker = "worker-0"
    started_at = factory.LazyFunction(timezone.now)


class PhaseEnergyFactory(DjangoModelFactory):
    class Meta:
        model = models.PhaseEnergy

    attempt = factory.SubFactory(AttemptFactory)
    position = 0
    phase = "train"
    technique = "supervised"
    scope = "accelerator"
    provenance = "estimated"
    contains_estimate = True
    energy_j = 1000.0
    repeatability_u95_j = 20.0


class BoardFactory(DjangoModelFactory):
    class Meta:
        model = models.Board
        django_get_or_create = ("track", "hardware", "scenario", "scope")

    track = "digits"
    hardware = factory.SubFactory(HardwareFactory)
    scenario = "offline"
    scope = "accelerator"
    revision = 1


class EntryFactory(DjangoModelFactory):
    """An entry whose one-time energy is all training, unless told otherwise."""

    class Meta:
        model = models.Entry
        skip_postgeneration_save = True

    board = factory.SubFactory(BoardFactory)
    recipe = factory.SubFactory(RecipeFactory)
    work = factory.LazyAttribute(lambda entry: entry.recipe.work if entry.recipe else None)
    run = factory.LazyAttribute(
        lambda entry: RunFactory(
            submission=SubmissionFactory(recipe=entry.recipe, hardware=entry.board.hardware),
            state="succeeded",
            attempt=1,
            started_at=timezone.now() - timedelta(seconds=90),
            finished_at=timezone.now(),
        )
    )
    mode = factory.SelfAttribute("run.mode")
    shared_energy_j = 0.0
    own_energy_j = 1000.0
    inference_energy_j = 0.01
    shared_u95_j = 0.0
    own_u95_j = factory.LazyAttribute(lambda entry: entry.own_energy_j * 0.02)
    inference_u95_j = factory.LazyAttribute(lambda entry: entry.inference_energy_j * 0.01)
    metered_shared_j = 0.0
    metered_own_j = 0.0
    inference_provenance = "estimated"
    provenance = "estimated"
    complete = True
    quality = 0.95
    quality_metric = "top1"
    quality_provenance = "evaluated"
    phases = factory.LazyAttribute(
        lambda entry: [
            {
                "phase": "train",
                "energy_j": entry.own_energy_j,
                "u95_j": entry.own_u95_j,
                "provenance": entry.provenance,
            }
        ]
    )
    parameters = 1_500_000
    macs = 12_000_000
    latency_p50_ms = 4.2
    throughput_images_per_s = 812.0
    batch_size = 64
    published_at = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def _counted(self, create, extracted, **kwargs) -> None:
        self.board.size += 1
        self.board.verified_size += self.source == "verified"
        self.board.save(update_fields=["size", "verified_size", "changed_at"])


def make_board(entries: int = 5, **board: Any) -> models.Board:
    """A board of entries whose lines cross: the cheaper to make, the dearer to run. Titles are "Method A", "B", …"""
    made = BoardFactory(**board)
    families = list(models.FAMILIES)
    for position in range(entries):
        EntryFactory(
            board=made,
            recipe__method__title=f"Method {chr(65 + position)}" if entries <= 26 else f"Method {position:03d}",
            recipe__method__family=families[position % len(families)],
            own_energy_j=100.0 * 3.7**position if entries <= 26 else 100.0 + 37.0 * position,
            inference_energy_j=0.5 / 2.3**position if entries <= 26 else 0.5 / (1 + position),
            quality=0.99 - 0.01 * position / entries,
        )
    return made


def make_verified_entry(board: models.Board, **entry: Any) -> models.Entry:
    """An entry whose run left an attempt with phases in both scopes."""
    made = EntryFactory(board=board, **entry)
    attempt = AttemptFactory(
        run=made.run, outcome="succeeded", ended_at=timezone.now(), record={"hardware": {"name": board.hardware.name}}
    )
    for scope in ("accelerator", "system"):
        PhaseEnergyFactory(attempt=attempt, scope=scope, energy_j=made.own_energy_j, flags=["no_repeats"])
        PhaseEnergyFactory(
            attempt=attempt,
            position=1,
            phase="inference",
            technique="inference",
            scenario=board.scenario,
            scope=scope,
            energy_j=30.0,
            energy_per_image_j=made.inference_energy_j,
            energy_per_image_u95_j=made.inference_u95_j,
        )
    return made
