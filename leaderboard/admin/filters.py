"""Filters of lists whose choices are known without a look at every row."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from leaderboard.domain.runstate import RunState
from leaderboard.models import Attempt, Run, Worker
from leaderboard.presentation.format import words
from leaderboard.services.drift import AUDIT_DRIFTED
from leaderboard.services.publication import TAKEN_DOWN
from leaderboard.services.review import QUALITY_TOO_HIGH, REPORTED_TOO_LOW, SUBMITTERS_WEIGHTS, UNKNOWN_EVIDENCE
from measurement.vocabulary import DISTURBED_FLAGS, HOLDING_FLAGS, Flag

ANY = "any"
OUTCOMES = ("succeeded", "failed", "cancelled", "stopped", "lost", "machine fault")
HOLDING = sorted(
    {AUDIT_DRIFTED, TAKEN_DOWN, QUALITY_TOO_HIGH, REPORTED_TOO_LOW, SUBMITTERS_WEIGHTS, UNKNOWN_EVIDENCE}
    | {str(flag) for flag in HOLDING_FLAGS | DISTURBED_FLAGS | {Flag.BUSY_MACHINE}}
)


class Held(admin.SimpleListFilter):
    """Runs that are held: for anything, or for one flag."""

    title, parameter_name = "held for", "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(ANY, "anything"), *((flag, words(flag)) for flag in HOLDING)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        chosen = self.value()
        if not chosen:
            return queryset
        held = queryset.filter(is_held=True)
        # A list's text has each flag in quotation marks, on either database.
        return held if chosen == ANY else held.filter(held_for__icontains=f'"{chosen}"')


class ByWorker(admin.SimpleListFilter):
    """Runs that a worker had an attempt at."""

    title, parameter_name = "worker", "worker"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in Worker.objects.values_list("name", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (name := self.value()):
            return queryset
        if queryset.model is Attempt:
            return queryset.filter(worker=name)
        return queryset.filter(Exists(Attempt.objects.filter(run=OuterRef("pk"), worker=name)))


class Outcome(admin.SimpleListFilter):
    """Attempts that ended so."""

    title, parameter_name = "outcome", "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(outcome, outcome.capitalize()) for outcome in OUTCOMES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Attempt]) -> QuerySet[Attempt]:
        return queryset.filter(outcome=self.value()) if self.value() else queryset


class NewestRun(admin.SimpleListFilter):
    """Submissions whose newest run is in a state."""

    title, parameter_name = "state of its newest run", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, state.value.capitalize()) for state in RunState]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (state := self.value()):
            return queryset
        of = Run.objects.filter(submission=OuterRef("pk"), state=state)
        newer = Run.objects.filter(submission=OuterRef("submission"), pk__gt=OuterRef("pk"))
        return queryset.filter(Exists(of.filter(~Exists(newer))))
