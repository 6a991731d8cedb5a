"""What is submitted: methods, claims of authorship, submissions, recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from django import forms
from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from leaderboard import services
from leaderboard.admin.base import ModelAdmin, ReadOnly, ReasonForm, each, reason_of
from leaderboard.admin.filters import NewestRun
from leaderboard.forms.person import signed_in
from leaderboard.models import Claim, Method, Recipe, Run, Submission

if TYPE_CHECKING:
    OfMethod = forms.ModelForm[Method]
else:  # Django's own takes no type argument when it runs
    OfMethod = forms.ModelForm


class AuthorsField(forms.CharField):
    """Names, one a line."""

    widget = forms.Textarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> str:
        return "\n".join(map(str, value)) if isinstance(value, list) else str(value or "")

    def to_python(self, value: Any) -> Any:
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        return [name.strip() for name in lines if name.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial) != self.to_python(data))


class MethodForm(OfMethod):
    """A method with its authors as people write them."""

    authors = AuthorsField(required=False, help_text="One a line.")

    class Meta:
        model = Method
        exclude: tuple[str, ...] = ()


@admin.register(Method)
class MethodAdmin(ModelAdmin[Method]):
    list_display = ["title", "family", "submitter", "created_at"]
    list_filter = ["family"]
    search_fields = ["title"]
    raw_id_fields = ["submitter"]
    form = MethodForm

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
    list_display = ["recipe", "hardware", "submitter", "newest_run", "created_at", "withdrawn_at"]
    list_filter = [
        NewestRun,
        "hardware",
        "recipe__track",
        "recipe__method__family",
        ("withdrawn_at", admin.EmptyFieldListFilter),
        "created_at",
    ]
    show_full_result_count = False
    raw_id_fields = ["recipe", "submitter"]
    search_fields = ["recipe__method__title", "recipe__sha256", "submitter__username"]
    list_select_related = ["recipe__method", "hardware", "submitter"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Submission]:
        newest_last = Prefetch("runs", Run.objects.order_by("pk").only("state", "submission", "held_for"))
        return super().get_queryset(request).defer("recipe__document").prefetch_related(newest_last)

    @admin.display(description="newest run")
    def newest_run(self, submission: Submission) -> str:
        runs = list(submission.runs.all())
        if not runs:
            return "—"
        return f"{runs[-1].pk}, {runs[-1].state}{', held' if runs[-1].held_for else ''}"


@admin.register(Recipe)
class RecipeAdmin(ReadOnly, ModelAdmin[Recipe]):
    list_display = ["sha256", "method", "track", "created_at"]
    list_filter = ["track"]
    list_select_related = ["method"]
    search_fields = ["method__title", "sha256"]
    raw_id_fields = ["work", "method"]
    in_words = ("as_yaml",)

    @admin.display(description="document")
    def as_yaml(self, recipe: Recipe) -> str:
        return format_html("<pre>{}</pre>", yaml.safe_dump(recipe.document, sort_keys=False, allow_unicode=True))
