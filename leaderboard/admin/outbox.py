"""Notices on their way: what waits, what failed for good, and sending it again."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from leaderboard import services
from leaderboard.admin.base import ModelAdmin, ReadOnly, each
from leaderboard.forms.person import signed_in
from leaderboard.models import Delivery, Webhook


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, ModelAdmin[Delivery]):
    list_display = ["at", "kind", "user", "channel", "state", "tries", "due", "answer"]
    list_filter = ["state", "kind", ("webhook", admin.EmptyFieldListFilter), "at"]
    search_fields = ["user__username", "answer"]
    list_select_related = ["user", "webhook"]
    show_full_result_count = False
    list_per_page = 50
    actions = ["send_again"]

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return obj is None and bool(request.user.is_staff)  # its action needs it

    @admin.display(description="by", ordering="webhook")
    def channel(self, delivery: Delivery) -> str:
        return delivery.webhook.url if delivery.webhook else "mail"

    @admin.display(description="next try", ordering="due_at")
    def due(self, delivery: Delivery) -> str:
        return f"{delivery.due_at:%Y-%m-%d %H:%M:%S}" if delivery.state == "waiting" else "—"

    @admin.action(description="Send again: from the first try on, once the fault that its answer names is mended")
    def send_again(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        def send_one(delivery: Delivery) -> str:
            services.send_again(delivery, by=signed_in(request.user))
            return "is sent again"

        each(self, request, chosen.select_related("user", "webhook"), send_one)


@admin.register(Webhook)
class WebhookAdmin(ReadOnly, ModelAdmin[Webhook]):
    list_display = ["id", "user", "url", "created_at", "off_because"]
    list_select_related = ["user"]
    search_fields = ["user__username", "url"]
    exclude = ["secret"]
