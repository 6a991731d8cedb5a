"""Which lines of the log are asked for."""

from __future__ import annotations

from django import forms
from django.core.validators import RegexValidator

from leaderboard.models import Action

ACTOR_PATTERN = r"^[A-Za-z0-9@.+_-]{1,150}$"
OBJECT_TYPE_PATTERN = r"^[a-z]{1,40}$"
OBJECT_ID_PATTERN = r"^[A-Za-z0-9-]{1,40}$"
_DAY = {"invalid": "must be a day such as 2026-11-30"}


def _like(pattern: str, what: str) -> RegexValidator:
    return RegexValidator(pattern.replace("$", r"\Z"), f"must be {what}")


class LogForm(forms.Form):
    """Filters of the log."""

    actor = forms.CharField(required=False, validators=[_like(ACTOR_PATTERN, "the name of an account, or system")])
    action = forms.ChoiceField(
        required=False,
        choices=Action.choices,
        error_messages={"invalid_choice": f"is %(value)r, but must be one of {', '.join(Action.values)}"},
    )
    object_type = forms.CharField(required=False, validators=[_like(OBJECT_TYPE_PATTERN, "such as run or entry")])
    object_id = forms.CharField(required=False, validators=[_like(OBJECT_ID_PATTERN, "the number of an object")])
    since = forms.DateField(required=False, input_formats=["%Y-%m-%d"], error_messages=_DAY)
    until = forms.DateField(required=False, input_formats=["%Y-%m-%d"], error_messages=_DAY)
    search = forms.CharField(required=False, max_length=100)
