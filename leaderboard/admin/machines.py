"""Hardware and workers: pause and resume, and the notice that all pages show. What runs is finished first."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from leaderboard import services
from leaderboard.admin.base import ModelAdmin, ReadOnly, ReasonForm, each, reason_of
from leaderboard.forms.person import signed_in
from leaderboard.models import Hardware, Notice, Reference, Worker
from leaderboard.presentation.workers import reference_in_words


@admin.register(Notice)
class NoticeAdmin(ModelAdmin[Notice]):
    list_display = ["text", "shown_from", "shown_until"]


class Pausable(ReadOnly):
    """Actions that pause and resume."""

    action_form = ReasonForm

    def has_change_permission(self, request: HttpRequest, obj: Hardware | Worker | None = None) -> bool:
        return obj is None and bool(request.user.is_staff)  # its actions need it

    @admin.action(description="Pause: begin no run, finish what runs; needs a reason, which the queue's page shows")
    def pause(self, request: HttpRequest, chosen: QuerySet[Hardware] | QuerySet[Worker]) -> None:
        def pause_one(one: Hardware | Worker) -> str:
            services.pause(one, by=signed_in(request.user), reason=reason_of(request))
            return "begins no run until it is resumed; what runs is finished"

        each(self, request, chosen, pause_one)

    @admin.action(description="Resume: begin runs again")
    def resume(self, request: HttpRequest, chosen: QuerySet[Hardware] | QuerySet[Worker]) -> None:
        def resume_one(one: Hardware | Worker) -> str:
            services.resume(one, by=signed_in(request.user), reason=reason_of(request))
            return "begins runs again"

        each(self, request, chosen, resume_one)


@admin.register(Worker)
class WorkerAdmin(Pausable, ModelAdmin[Worker]):
    actions = ["pause", "resume", "put_back"]
    list_display = ["name", "hardware", "device", "last_reference", "why_out", "started_at", "seen_at"]
    list_select_related = ["hardware", "reference"]
    exclude = ["diagnosis", "reference"]

    @admin.display(description="reference workload")
    def last_reference(self, worker: Worker) -> str:
        return "; ".join(reference_in_words(worker.reference)) or "—"

    @admin.display(description="takes no run because")
    def why_out(self, worker: Worker) -> str:
        paused = f"paused: {worker.paused_for}" if worker.paused_for else ""
        return paused or worker.drifted_for or worker.out_of_service or "—"

    @admin.action(description="Put back in service: what it measures from now on is what it is compared with")
    def put_back(self, request: HttpRequest, chosen: QuerySet[Worker]) -> None:
        def put_one(worker: Worker) -> str:
            services.put_back(worker, by=signed_in(request.user), reason=reason_of(request))
            return "takes runs again"

        each(self, request, chosen, put_one)


@admin.register(Reference)
class ReferenceAdmin(ReadOnly, ModelAdmin[Reference]):
    list_display = ["at", "worker", "words"]
    list_filter = ["is_adrift", "is_disturbed", "worker"]
    list_select_related = ["worker"]
    show_full_result_count = False
    exclude = ["flags"]

    @admin.display(description="what it took")
    def words(self, found: Reference) -> str:
        return "; ".join(reference_in_words(found))


@admin.register(Hardware)
class HardwareAdmin(Pausable, ModelAdmin[Hardware]):
    actions = ["pause", "resume"]
    list_display = ["name", "slug", "kind", "paused_for"]
