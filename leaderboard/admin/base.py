"""What the pages of administrators share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import FieldDoesNotExist
from django.db.models import JSONField, Model
from django.http import HttpRequest

from leaderboard.services import MOST_OF_REASON, Refused

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, TabularInline
else:  # Django's own take no type arguments when they run

    class ModelAdmin(admin.ModelAdmin):
        __class_getitem__ = classmethod(GenericAlias)

    class TabularInline(admin.TabularInline):
        __class_getitem__ = classmethod(GenericAlias)


__all__ = ["ModelAdmin", "ReadOnly", "ReasonForm", "TabularInline", "each", "number_of_entries", "reason_of"]


class ReadOnly:
    """View only: measured figures are never edited. What is stored as JSON is left out: `in_words` has it as text."""

    in_words: tuple[str, ...] = ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The stored columns without those of JSON, then the words of these."""
        fields = super().get_fields(request, obj)  # type: ignore[misc]  # of the class after it
        names = [name for name in fields if not _is_json(self.model, name)]  # type: ignore[attr-defined]  # likewise
        return [*names, *(name for name in self.in_words if name not in names)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Everything, since nothing is changed here."""
        fields = super().get_readonly_fields(request, obj)  # type: ignore[misc]  # as above
        return [*fields, *self.in_words]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReasonForm(ActionForm):
    """The action's menu, with a field for the reason."""

    reason = forms.CharField(
        required=False,
        label="Reason:",
        max_length=MOST_OF_REASON,
        widget=forms.TextInput(attrs={"size": 50, "placeholder": "the submitter will read it"}),
    )


def _is_json(model: type[Model], name: str) -> bool:
    try:
        return isinstance(model._meta.get_field(name), JSONField)
    except FieldDoesNotExist:
        return False


def reason_of(request: HttpRequest) -> str:
    """What was typed as the reason of an action."""
    return request.POST.get("reason", "")


def number_of_entries(number: int) -> str:
    """In words."""
    return "1 entry" if number == 1 else f"{number} entries"


def each(page: Any, request: HttpRequest, chosen: Iterable[Any], act: Callable[[Any], str]) -> None:
    """Act on each object, and say of each what `act` says was done, or why it was refused."""
    for obj in chosen:
        try:
            page.message_user(request, f"{obj}: {act(obj)}", messages.SUCCESS)
        except Refused as refusal:
            page.message_user(request, f"{obj}: {refusal.sentence}", messages.ERROR)
