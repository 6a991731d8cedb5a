"""Boards and what they rank: audit and take down."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from leaderboard import services
from leaderboard.admin.base import ModelAdmin, ReadOnly, ReasonForm, each, number_of_entries, reason_of
from leaderboard.domain.repeats import Pool
from leaderboard.forms.person import signed_in
from leaderboard.models import Board, Entry
from leaderboard.presentation.entry.repeats import per_cent
from leaderboard.presentation.format import joules, percent


@admin.register(Entry)
class EntryAdmin(ReadOnly, ModelAdmin[Entry]):
    list_display = [
        "method",
        "source",
        "board",
        "share_correct",
        "one_time",
        "per_image",
        "provenance",
        "results",
        "published_at",
    ]
    exclude = ["shared_energy_j", "own_energy_j", "inference_energy_j"]
    in_words = ("one_time", "per_image", "its_phases")
    raw_id_fields = ["board", "work", "recipe", "run", "published", "replaced_by"]
    list_filter = ["source", "board__track", "board__hardware", "board__scenario", "board__scope", "provenance"]
    search_fields = ["recipe__method__title", "recipe__sha256", "published__model"]
    list_select_related = ["recipe__method", "published__method", "board__hardware"]
    action_form = ReasonForm
    actions = ["audit", "take_down"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and bool(request.user.is_staff)

    @admin.display(description="quality", ordering="quality")
    def share_correct(self, entry: Entry) -> str:
        return percent(entry.quality)

    @admin.display(description="one-time energy", ordering="own_energy_j")
    def one_time(self, entry: Entry) -> str:
        return joules(entry.shared_energy_j + entry.own_energy_j)

    @admin.display(description="energy per image", ordering="inference_energy_j")
    def per_image(self, entry: Entry) -> str:
        return joules(entry.inference_energy_j)

    @admin.display(description="phases")
    def its_phases(self, entry: Entry) -> str:
        parts = (f"{part['phase']} {joules(part['energy_j'])} {part['provenance']}" for part in entry.phases)
        return ", ".join(parts) or "—"

    @admin.action(description="Audit now: measure the work again, after all other runs; what drifted is held")
    def audit(self, request: HttpRequest, chosen: QuerySet[Entry]) -> None:
        def audit_one(entry: Entry) -> str:
            return f"queued as run {services.audit(entry, by=signed_in(request.user), reason=reason_of(request)).pk}"

        each(self, request, chosen.select_related("board__hardware", "recipe__method", "published"), audit_one)

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
            self.message_user(request, f"{number_of_entries(removed)} taken down.", messages.SUCCESS)


@admin.register(Board)
class BoardAdmin(ReadOnly, ModelAdmin[Board]):
    list_select_related = ["hardware"]
    in_words = ("spreads", "power_limits")

    @admin.display(description="spread of runs")
    def spreads(self, board: Board) -> str:
        """What is pooled over the works of the board."""
        found = ((name, Pool(**stored)) for name, stored in board.pools.items())
        words_of = (
            f"{name} {per_cent(pool.relative_deviation or 0.0)} of {pool.works} works, {pool.degrees_of_freedom} "
            "degrees of freedom"
            for name, pool in found
        )
        return "; ".join(words_of) or "—"

    @admin.display(description="power limits")
    def power_limits(self, board: Board) -> str:
        return ", ".join(f"{limit_w:g} W" for limit_w in board.power_limits_w) or "—"
