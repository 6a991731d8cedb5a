"""The log: read-only, to filter, to search, and to download."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from leaderboard.admin.base import ModelAdmin, ReadOnly
from leaderboard.models import LogLine


@admin.register(LogLine)
class LogLineAdmin(ReadOnly, ModelAdmin[LogLine]):
    list_display = ["at", "actor", "action", "about", "reason", "more"]
    list_display_links = ["at"]
    list_filter = ["action", "object_type", "at"]
    search_fields = ["actor", "object_name", "object_id", "reason"]
    show_full_result_count = False
    list_per_page = 50
    change_list_template = "admin/log_change_list.html"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: LogLine | None = None) -> bool:
        return bool(request.user.is_staff)

    @admin.display(description="object", ordering="object_type")
    def about(self, line: LogLine) -> str:
        return f"{line.object_type} {line.object_id}: {line.object_name}"

    @admin.display(description="details")
    def more(self, line: LogLine) -> str:
        return "; ".join(f"{name.replace('_', ' ')}: {_words(value)}" for name, value in line.details.items())


def _words(value: object) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, dict):
        return ", ".join(
            f"{name} from {_words(before)} to {_words(after)}" for name, (before, after) in value.items()
        )
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
