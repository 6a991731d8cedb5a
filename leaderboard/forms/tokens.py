"""What a new API token is to be: its name, what it may do, and until when."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User

from leaderboard.models import TokenScope
from leaderboard.services import MOST_OF_NAME

LIFETIMES = {"30": "30 days", "90": "90 days", "365": "1 year", "": "no expiry"}
SCOPES = {
    TokenScope.SUBMIT: "submit: send recipes, and withdraw one's own submissions",
    TokenScope.WORKER: "worker: fetch anybody's uploaded files for runs, and nothing else",
    TokenScope.ADMINISTER: "administer: that, and all that an administrator does through the API",
}


class TokenForm(forms.Form):
    """A new token. Unless something else is chosen, it may only submit, and ends after 90 days."""

    name = forms.CharField(
        max_length=MOST_OF_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "CI of my model"}),
    )
    scope = forms.ChoiceField(label="It may", initial=TokenScope.SUBMIT)
    days = forms.TypedChoiceField(
        label="It ends after", choices=LIFETIMES, initial="90", required=False, coerce=int, empty_value=None
    )

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes = SCOPES if owner.is_staff else {TokenScope.SUBMIT: SCOPES[TokenScope.SUBMIT]}
        self.fields["scope"].choices = [(str(scope), text) for scope, text in scopes.items()]  # type: ignore[attr-defined]  # of a ChoiceField
