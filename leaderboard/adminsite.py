"""The site under /admin/: each write of a model that it has, of this app or another's, leaves a line in the log."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect

from leaderboard import queries
from leaderboard.forms.person import signed_in
from leaderboard.models import Action, DeliveryState
from leaderboard.services import write_log


class Logged:
    """For every class that the site registers: a line for what is added, changed and deleted, object by object."""

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)  # type: ignore[misc]  # of the class after it
            if not change:
                write_log(Action.ADD, obj, by=signed_in(request.user))
            elif changes := _changes(form):
                write_log(Action.CHANGE, obj, by=signed_in(request.user), changes=changes)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        with transaction.atomic():
            write_log(Action.DELETE, obj, by=signed_in(request.user))
            super().delete_model(request, obj)  # type: ignore[misc]  # as above

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        with transaction.atomic():
            for obj in queryset:
                write_log(Action.DELETE, obj, by=signed_in(request.user))
            super().delete_queryset(request, queryset)  # type: ignore[misc]  # as above


def _changes(form: Any) -> dict[str, list[Any]]:
    """Before and after of each field that changed. Passwords have an act and a page of their own."""
    return {
        name: [_plain(form.initial.get(name)), _plain(form.cleaned_data.get(name))]
        for name in form.changed_data
        if "password" not in name
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, QuerySet | list | tuple):
        return [str(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


class Site(AdminSite):
    site_header = site_title = "Full-Cycle Energy Leaderboard"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """As Django does, with `Logged` before the class."""
        admin_class = admin_class or admin.ModelAdmin
        super().register(model_or_iterable, type(admin_class.__name__, (Logged, admin_class), {}), **options)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The first page, with how many notices could not be sent."""
        failed = queries.notices_by_state().get(DeliveryState.FAILED, 0)
        return super().index(request, {"failed_notices": failed, **(extra_context or {})})

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """One's own password is changed on the page that every account has."""
        return redirect("account_change_password")
