"""Accounts: what an administrator changes of them."""

from __future__ import annotations

from typing import Any

from allauth.account.admin import EmailAddressAdmin as AllauthEmailAddressAdmin
from allauth.account.models import EmailAddress
from allauth.mfa.admin import AuthenticatorAdmin as AllauthAuthenticatorAdmin
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from leaderboard import queries, services
from leaderboard.admin.base import ModelAdmin, ReasonForm, each, reason_of
from leaderboard.forms.person import signed_in
from leaderboard.models import Action, ApiToken, Ban
from leaderboard.services import write_log

admin.site.unregister(User)
admin.site.unregister(EmailAddress)
admin.site.unregister(Authenticator)


class ListOfAccounts(ChangeList):
    """What the accounts of one page have done is counted for these alone."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        queries.add_activity(self.result_list)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]  # which it takes none of when it runs
    list_display = [
        "username",
        "submission_list",
        "run_list",
        "why_banned",
        "waits",
        "is_staff",
        "email",
        "last_login",
    ]
    list_filter = [
        "is_staff",
        "is_active",
        ("ban", admin.EmptyFieldListFilter),
        ("approval", admin.EmptyFieldListFilter),
    ]
    action_form = ReasonForm
    actions = ["ban_alone", "ban_with_entries", "lift_ban", "approve"]

    list_select_related = ["ban", "approval"]

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return ListOfAccounts

    @admin.display(description="banned because")
    def why_banned(self, user: User) -> str:
        banned: Ban | None = getattr(user, "ban", None)
        return banned.reason if banned else "—"

    @admin.display(description="waits for approval", boolean=True)
    def waits(self, user: User) -> bool:
        return hasattr(user, "approval")

    @admin.display(description="submissions")
    def submission_list(self, user: User) -> str:
        return self._listed("submission", "submitter", user, "submissions_made")

    @admin.display(description="runs")
    def run_list(self, user: User) -> str:
        return self._listed("run", "submission__submitter", user, "runs_made")

    def _listed(self, model: str, owner: str, user: User, number: str) -> str:
        """A number that leads to the list of what it counts."""
        address = reverse(f"admin:leaderboard_{model}_changelist")
        return format_html('<a href="{}?{}__id__exact={}">{}</a>', address, owner, user.pk, getattr(user, number))

    @admin.action(description="Ban: may read and no longer write; its runs are cancelled; needs a reason")
    def ban_alone(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        self._ban(request, chosen, with_entries=False)

    @admin.action(description="Ban with entries: its results are held too; needs a reason")
    def ban_with_entries(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        self._ban(request, chosen, with_entries=True)

    def _ban(self, request: HttpRequest, chosen: QuerySet[User], *, with_entries: bool) -> None:
        def ban_one(user: User) -> str:
            by, reason = signed_in(request.user), reason_of(request)
            removed = services.ban(user, by=by, reason=reason, with_entries=with_entries)
            return f"banned; {removed} entries left the boards" if with_entries else "banned; its entries stay"

        each(self, request, chosen, ban_one)

    @admin.action(description="Lift the ban: may write again; what was held stays so until it is released")
    def lift_ban(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        def lift_one(user: User) -> str:
            services.lift_ban(user, by=signed_in(request.user), reason=reason_of(request))
            return "may write again"

        each(self, request, chosen, lift_one)

    @admin.action(description="Approve: may sign in; a mail goes to the owner")
    def approve(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        def approve_one(user: User) -> str:
            services.approve(user, by=signed_in(request.user), reason=reason_of(request))
            return "approved"

        each(self, request, chosen, approve_one)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 - as Django has it
        """Set somebody's password."""
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Called for a password that was set, too, which does not go by `save_model`."""
        if request.resolver_match and request.resolver_match.url_name == "auth_user_password_change":
            write_log(Action.SET_PASSWORD, obj, by=signed_in(request.user))
        return super().log_change(request, obj, message)


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin[ApiToken]):
    """Whose they are and when they were used; they are made by their owners, and their texts are stored nowhere."""

    list_display = ["name", "user", "token_key", "scope", "created", "expiry", "last_used_at", "revoked_at"]
    list_filter = ["scope", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["name", "token_key", "user__username"]
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    @admin.action(description="Revoke: requests with it are refused from now on")
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiToken]) -> None:
        def revoke_one(token: ApiToken) -> str:
            done = services.revoke_token(token.user, token.token_key, by=signed_in(request.user))
            return "revoked" if done else "was revoked before"

        each(self, request, chosen, revoke_one)


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


@admin.register(Authenticator)
class AuthenticatorAdmin(AllauthAuthenticatorAdmin):
    """Second factors, without their secrets: deleted for somebody who has lost theirs."""

    exclude = ["data"]
    list_select_related = ["user"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return False
