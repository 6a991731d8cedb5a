"""The log: read-only, to filter, to search, and to download."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.dateparse import parse_datetime

from leaderboard import queries
from leaderboard.admin.base import ModelAdmin, ReadOnly
from leaderboard.models import LogLine


@admin.register(LogLine)
class LogLineAdmin(ReadOnly, ModelAdmin[LogLine]):
    list_display = ["at", "actor", "action", "about", "reason", "more"]
    list_display_links = ["at"]
    list_filter = ["action", "object_type", "at"]
    search_fields = ["actor", "object_name", "object_id", "reason"]
    show_full_result_count = False
    in_words = ("more",)
    list_per_page = 50
    change_list_template = "admin/log_change_list.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LogLine], search_term: str
    ) -> tuple[QuerySet[LogLine], bool]:
        """As the downloads search."""
        return (queries.search_log(queryset, search_term) if search_term else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, whose downloads have its filters."""
        return super().changelist_view(request, {"filters": _for_download(request.GET)} | (extra_context or {}))

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


def _for_download(given: QueryDict) -> str:
    """The list's filters as the API's parameters: days, since the list filters by days."""
    asked = {"action": given.get("action__exact"), "object_type": given.get("object_type"), "search": given.get("q")}
    since, before = (parse_datetime(given.get(f"at__{end}", "")) for end in ("gte", "lt"))
    asked |= {"since": f"{since:%Y-%m-%d}" if since else None}
    asked |= {"until": f"{before - timedelta(days=1):%Y-%m-%d}" if before else None}
    words = urlencode({name: value for name, value in asked.items() if value})
    return f"?{words}" if words else ""


def _words(value: object) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, dict):
        return ", ".join(
            f"{name} from {_words(before)} to {_words(after)}" for name, (before, after) in value.items()
        )
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
