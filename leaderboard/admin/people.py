"""Accounts: what an administrator changes of them."""

from __future__ import annotations

from typing import Any

from allauth.account.admin import EmailAddressAdmin as AllauthEmailAddressAdmin
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from leaderboard.forms.person import signed_in
from leaderboard.models import Action
from leaderboard.services import write_log

admin.site.unregister(User)
admin.site.unregister(EmailAddress)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]  # which it takes none of when it runs
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 - as Django has it
        """Set somebody's password."""
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Called for a password that was set, too, which does not go by `save_model`."""
        if request.resolver_match and request.resolver_match.url_name == "auth_user_password_change":
            write_log(Action.SET_PASSWORD, obj, by=signed_in(request.user))
        return super().log_change(request, obj, message)


@admin.register(EmailAddress)
class EmailAddressAdmin(AllauthEmailAddressAdmin):
    def make_verified(self, request: HttpRequest, chosen: QuerySet[EmailAddress]) -> None:
        """As allauth does, with a line in the log for each."""
        with transaction.atomic():
            unverified = list(chosen.filter(verified=False))
            super().make_verified(request, chosen)
            for address in EmailAddress.objects.filter(pk__in=[one.pk for one in unverified], verified=True):
                by = signed_in(request.user)
                write_log(Action.CHANGE, address, by=by, changes={"verified": [False, True]})

    make_verified.short_description = AllauthEmailAddressAdmin.make_verified.short_description  # type: ignore[attr-defined]  # as Django has it
