"""Runs and their attempts: re-run, cancel, hold, release, compare, move. Results are append-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from leaderboard import queries, services
from leaderboard.admin.base import ModelAdmin, ReadOnly, ReasonForm, TabularInline, each, number_of_entries, reason_of
from leaderboard.admin.filters import ByWorker, Held, Outcome
from leaderboard.forms.person import signed_in
from leaderboard.models import Attempt, PhaseEnergy, Run
from leaderboard.presentation import run_lists
from leaderboard.presentation.entry.power import thinned_words, why_full
from leaderboard.presentation.format import joules, relative, seconds, watt_hours, words


class AttemptInline(ReadOnly, TabularInline[Attempt, Run]):
    model = Attempt
    fields = ["number", "worker", "started_at", "ended_at", "outcome", "reason", "spent", "trace"]
    readonly_fields = ["spent"]

    @admin.display(description="spent")
    def spent(self, attempt: Attempt) -> str:
        return _spent(attempt)


class PhaseInline(ReadOnly, TabularInline[PhaseEnergy, Attempt]):
    model = PhaseEnergy
    fields = ["position", "phase", "scenario", "scope", "provenance", "energy", "took", "doubts"]
    readonly_fields = ["energy", "took", "doubts"]

    @admin.display(description="energy")
    def energy(self, phase: PhaseEnergy) -> str:
        if phase.energy_j is None:
            return joules(None)
        return f"{joules(phase.energy_j)} {relative(phase.repeatability_u95_j, phase.energy_j)}"

    @admin.display(description="took")
    def took(self, phase: PhaseEnergy) -> str:
        return seconds(phase.duration_s)

    @admin.display(description="quality flags")
    def doubts(self, phase: PhaseEnergy) -> str:
        return ", ".join(map(words, phase.flags)) or "—"


def _spent(attempt: Attempt) -> str:
    model = "" if attempt.spent_energy_j is None else f", {attempt.spent_provenance}"
    return f"{watt_hours(attempt.spent_energy_j)}{model}"


class RunList(ChangeList):
    """The list of runs, which knows why those that it shows are held."""

    def get_results(self, request: HttpRequest) -> None:
        """As Django does, and one query more."""
        super().get_results(request)
        reasons = queries.hold_reasons(run.pk for run in self.result_list if run.held_for)
        for run in self.result_list:
            run.hold_reason = reasons.get(run.pk, "")


@admin.register(Run)
class RunAdmin(ReadOnly, ModelAdmin[Run]):
    list_display = [
        "id",
        "title",
        "hardware",
        "mode",
        "priority",
        "state",
        "progress_now",
        "held",
        "attempt",
        "worker",
        "duration",
        "spent",
        "queued_at",
        "finished_at",
        "page",
    ]
    list_filter = ["state", Held, "is_audit", "priority", "mode", "hardware", ByWorker]
    search_fields = ["recipe__method__title", "recipe__sha256"]
    list_select_related = ["recipe__method", "hardware", "submission"]
    list_per_page = 50
    show_full_result_count = False
    raw_id_fields = ["submission", "recipe", "requested_by"]
    in_words = ("progress_now", "held", "duration", "spent")
    inlines = [AttemptInline]
    action_form = ReasonForm
    actions = ["rerun_in_full", "rerun_sampled", "cancel", "hold", "release", "compare", "move_to_front"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Actions need it; a single run opens read-only all the same.
        return obj is None and bool(request.user.is_staff)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return queries.with_attempts(super().get_queryset(request).defer("recipe__document"))

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return RunList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """The list of accounts leads to the runs of one."""
        return lookup == "submission__submitter__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description="method", ordering="recipe__method__title")
    def title(self, run: Run) -> str:
        return run.recipe.method.title

    @admin.display(description="progress")
    def progress_now(self, run: Run) -> str:
        return run_lists.progress(run) or "—"

    @admin.display(description="held for")
    def held(self, run: Run) -> str:
        return run_lists.held_for(run, getattr(run, "hold_reason", "")) or "—"

    @admin.display(description="worker")
    def worker(self, run: Run) -> str:
        return run_lists.worker(run)

    @admin.display(description="took")
    def duration(self, run: Run) -> str:
        return run_lists.duration(run)

    @admin.display(description="spent")
    def spent(self, run: Run) -> str:
        return run_lists.spent(run)

    @admin.display(description="status page")
    def page(self, run: Run) -> str:
        if run.submission_id is None:
            return "—"
        return format_html('<a href="{}">open</a>', run.submission.get_absolute_url() if run.submission else "")

    @admin.action(description="Re-run in full: the published result stays until the new one is published")
    def rerun_in_full(self, request: HttpRequest, chosen: QuerySet[Run]) -> None:
        self._rerun(request, chosen, "full")

    @admin.action(description="Re-run sampled: never replaces a full result")
    def rerun_sampled(self, request: HttpRequest, chosen: QuerySet[Run]) -> None:
        self._rerun(request, chosen, "sampled")

    def _rerun(self, request: HttpRequest, chosen: QuerySet[Run], mode: str) -> None:
        def rerun_one(run: Run) -> str:
            by, reason = signed_in(request.user), reason_of(request)
            return f"queued as {mode} run {services.rerun(run, by=by, mode=mode, reason=reason).pk}"

        self._each(request, chosen, rerun_one)

    @admin.action(description="Cancel: remove from the queue, or stop within seconds")
    def cancel(self, request: HttpRequest, chosen: QuerySet[Run]) -> None:
        def cancel_one(run: Run) -> str:
            services.request_cancel(run, by=signed_in(request.user), reason=reason_of(request))
            return "cancelled" if run.state == "queued" else "will stop within seconds"

        self._each(request, chosen, cancel_one)

    @admin.action(description="Hold: leave the result out of its entry until it is released; needs a reason")
    def hold(self, request: HttpRequest, chosen: QuerySet[Run]) -> None:
        def hold_one(run: Run) -> str:
            services.hold(run, by=signed_in(request.user), reason=reason_of(request))
            return "held; the entry shows what its other results say"

        self._each(request, chosen, hold_one)

    @admin.action(description="Release: publish a result that was held for review or taken down")
    def release(self, request: HttpRequest, chosen: QuerySet[Run]) -> None:
        def release_one(run: Run) -> str:
            published = services.release_hold(run, by=signed_in(request.user), reason=reason_of(request))
            if not published:
                return "no longer held for review; not published, because a newer or full result is on the board"
            return f"published as {number_of_entries(len(published))}"

        self._each(request, chosen, release_one)

    @admin.action(description="Move to the front: goes before all others of its hardware")
    def move_to_front(self, request: HttpRequest, chosen: QuerySet[Run]) -> None:
        def move_one(run: Run) -> str:
            services.move_to_front(run, by=signed_in(request.user), reason=reason_of(request))
            return "is at the front of the line"

        self._each(request, chosen, move_one)

    @admin.action(description="Compare two runs of one work")
    def compare(self, request: HttpRequest, chosen: QuerySet[Run]) -> HttpResponse | None:
        numbers = list(chosen.order_by("pk").values_list("pk", flat=True))
        if len(numbers) != 2:
            self.message_user(request, f"Choose two runs to compare; {len(numbers)} are chosen.", messages.ERROR)
            return None
        return redirect(f"{reverse('runs-compare')}?run={numbers[0]}&run={numbers[1]}")

    def _each(self, request: HttpRequest, chosen: QuerySet[Run], act: Callable[[Run], str]) -> None:
        each(self, request, chosen.select_related("recipe__method", "hardware", "submission"), act)


@admin.register(Attempt)
class AttemptAdmin(ReadOnly, ModelAdmin[Attempt]):
    list_display = ["run", "number", "worker", "outcome", "spent", "started_at", "ended_at"]
    list_filter = [Outcome, ByWorker]
    list_select_related = ["run__recipe__method"]
    ordering = ["-id"]
    show_full_result_count = False
    raw_id_fields = ["run"]
    exclude = ["spent_energy_j", "spent_provenance"]
    in_words = ("spent", "its_record", "thinning")
    inlines = [PhaseInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attempt]:
        return super().get_queryset(request).defer("record", "run__recipe__document", "run__progress")

    @admin.display(description="spent")
    def spent(self, attempt: Attempt) -> str:
        return _spent(attempt)

    @admin.display(description="record")
    def its_record(self, attempt: Attempt) -> str:
        address = reverse("api-run-record", args=[attempt.run_id])
        return format_html('<a href="{}">download that of the run</a>', address)

    @admin.display(description="thinning of its trace")
    def thinning(self, attempt: Attempt) -> str:
        return thinned_words(attempt) or why_full(attempt) or "—"
