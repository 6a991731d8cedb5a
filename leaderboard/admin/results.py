"""Runs and entries: re-run, cancel, hold, release, take down. Results are append-only and can't be edited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from leaderboard import services
from leaderboard.admin.base import ModelAdmin, ReadOnly, ReasonForm, TabularInline, each, reason_of
from leaderboard.forms.person import signed_in
from leaderboard.models import (
    Attempt,
    Board,
    Claim,
    Entry,
    Method,
    PhaseEnergy,
    Recipe,
    Run,
    Submission,
)


class AttemptInline(ReadOnly, TabularInline[Attempt, Run]):
    model = Attempt
    fields = ["number", "worker", "started_at", "ended_at", "outcome", "reason", "spent_energy_j", "trace"]


class PhaseInline(ReadOnly, TabularInline[PhaseEnergy, Attempt]):
    model = PhaseEnergy
    fields = ["position", "phase", "scenario", "scope", "provenance", "energy_j", "repeatability_u95_j", "duration_s"]


@admin.register(Run)
class RunAdmin(ReadOnly, ModelAdmin[Run]):
    list_display = [
        "id",
        "title",
        "hardware",
        "mode",
        "priority",
        "state",
        "attempt",
        "queued_at",
        "finished_at",
        "held_for",
        "page",
    ]
    list_filter = ["state", "hardware", "mode"]
    search_fields = ["recipe__method__title", "recipe__sha256"]
    list_select_related = ["recipe__method", "hardware", "submission"]
    list_per_page = 50
    inlines = [AttemptInline]
    action_form = ReasonForm
    actions = ["rerun_in_full", "rerun_sampled", "cancel", "hold", "release", "compare", "move_to_front"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Actions need it; a single run opens read-only all the same.
        return obj is None and bool(request.user.is_staff)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return super().get_queryset(request).defer("recipe__document", "progress")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """The list of accounts leads to the runs of one."""
        return lookup == "submission__submitter__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description="method", ordering="recipe__method__title")
    def title(self, run: Run) -> str:
        return run.recipe.method.title

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
            return f"published as {_entries(len(published))}"

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
    list_display = ["run", "number", "worker", "outcome", "started_at", "ended_at"]
    list_filter = ["outcome", "worker"]
    inlines = [PhaseInline]


@admin.register(Entry)
class EntryAdmin(ReadOnly, ModelAdmin[Entry]):
    list_display = [
        "method",
        "source",
        "board",
        "quality",
        "own_energy_j",
        "inference_energy_j",
        "provenance",
        "published_at",
    ]
    list_filter = ["source", "board__track", "board__hardware", "board__scenario", "board__scope", "provenance"]
    search_fields = ["recipe__method__title", "recipe__sha256", "published__model"]
    list_select_related = ["recipe__method", "published__method", "board__hardware"]
    action_form = ReasonForm
    actions = ["take_down"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and bool(request.user.is_staff)

    @admin.action(
        description="Take down: remove from the board and hold the result until its run is released; needs a reason"
    )
    def take_down(self, request: HttpRequest, chosen: QuerySet[Entry]) -> None:
        entries = Entry.objects.filter(pk__in=chosen.values("pk"))
        try:
            removed = services.take_down(entries, by=signed_in(request.user), reason=reason_of(request))
        except services.Refused as refusal:
            self.message_user(request, f"Nothing was taken down: {refusal.sentence}.", messages.ERROR)
        else:
            self.message_user(request, f"{_entries(removed)} taken down.", messages.SUCCESS)


@admin.register(Method)
class MethodAdmin(ModelAdmin[Method]):
    list_display = ["title", "family", "submitter", "created_at"]
    list_filter = ["family"]
    search_fields = ["title"]
    raw_id_fields = ["submitter"]

    def save_model(self, request: HttpRequest, obj: Method, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        services.boards_changed(obj)


@admin.register(Claim)
class ClaimAdmin(ReadOnly, ModelAdmin[Claim]):
    list_display = ["title", "claimant", "against", "state", "created_at", "decided_by", "decided_at"]
    list_filter = ["state"]
    list_select_related = ["method__submitter", "work", "decided_by"]
    action_form = ReasonForm
    actions = ["accept", "refuse"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and bool(request.user.is_staff)

    @admin.display(description="claimed as")
    def title(self, claim: Claim) -> str:
        return claim.method.title

    @admin.display(description="by")
    def claimant(self, claim: Claim) -> str:
        return claim.method.submitter.get_username() if claim.method.submitter else "—"

    @admin.display(description="current names")
    def against(self, claim: Claim) -> str:
        return services.standing_method(claim.work).title

    @admin.action(description="Accept: the work gets this claim's names, and other claims of it are refused")
    def accept(self, request: HttpRequest, chosen: QuerySet[Claim]) -> None:
        self._decide(request, chosen, accept=True)

    @admin.action(description="Refuse: the current names stay, and this claim is no longer shown")
    def refuse(self, request: HttpRequest, chosen: QuerySet[Claim]) -> None:
        self._decide(request, chosen, accept=False)

    def _decide(self, request: HttpRequest, chosen: QuerySet[Claim], *, accept: bool) -> None:
        def decide_one(claim: Claim) -> str:
            services.decide(claim, accept=accept, by=signed_in(request.user), reason=reason_of(request))
            return "accepted" if accept else "refused"

        each(self, request, chosen, decide_one)


@admin.register(Submission)
class SubmissionAdmin(ReadOnly, ModelAdmin[Submission]):
    list_display = ["recipe", "hardware", "submitter", "created_at", "withdrawn_at"]
    list_filter = ["hardware", ("withdrawn_at", admin.EmptyFieldListFilter)]
    search_fields = ["recipe__method__title", "recipe__sha256", "submitter__username"]
    list_select_related = ["recipe__method", "hardware", "submitter"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Submission]:
        return super().get_queryset(request).defer("recipe__document")


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"


@admin.register(Recipe)
class RecipeAdmin(ReadOnly, ModelAdmin[Recipe]):
    list_display = ["sha256", "method", "track", "created_at"]
    list_filter = ["track"]
    list_select_related = ["method"]
    search_fields = ["method__title", "sha256"]


@admin.register(Board)
class BoardAdmin(ReadOnly, ModelAdmin[Board]):
    pass
