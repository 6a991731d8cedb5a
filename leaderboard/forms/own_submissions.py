"""Filters of one's own submissions, and the form that corrects the names of one's own work."""

from __future__ import annotations

from typing import Any

from django import forms

from leaderboard import queries
from leaderboard.forms.board import TrackField
from leaderboard.models import FAMILIES, Method
from leaderboard.services import MOST_OF_REASON

_ONE_OF = "is %(value)r, but must be one of "


class OwnSubmissionsForm(forms.Form):
    """Which of one's submissions are asked for."""

    state = forms.ChoiceField(
        required=False,
        choices=list(queries.OWN_STATES.items()),
        error_messages={"invalid_choice": f"{_ONE_OF}{', '.join(queries.OWN_STATES)}"},
    )
    track = TrackField(required=False)
    hardware = forms.SlugField(required=False, max_length=100)
    search = forms.CharField(required=False, max_length=100)

    def conditions(self) -> dict[str, str]:
        """The conditions that can be read, by name; a bad one is left out."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class NamesForm(forms.Form):
    """A method's names as text fields; authors a line each. The schema of recipes checks what they may be."""

    title = forms.CharField(max_length=120, help_text="3 to 120 characters.")
    family = forms.ChoiceField(choices=list(FAMILIES.items()), help_text="Only what the recipe's phases bear out.")
    paper = forms.CharField(required=False, max_length=300, label="Address of the paper")
    authors = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 4}), help_text="One a line.")
    summary = forms.CharField(required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 4}))
    reason = forms.CharField(
        required=False, max_length=MOST_OF_REASON, label="Why", help_text="For the log. May be left empty."
    )

    @classmethod
    def of(cls, method: Method) -> NamesForm:
        """The form with a method's present names."""
        names = {name: getattr(method, name) for name in ("title", "family", "paper", "summary")}
        return cls(initial=names | {"authors": "\n".join(method.authors)})

    def given(self) -> dict[str, Any]:
        """The names as a recipe has them."""
        data = self.cleaned_data
        authors = [line.strip() for line in data["authors"].splitlines() if line.strip()]
        names = {name: data[name] for name in ("title", "family", "summary")}
        return names | {"paper": data["paper"] or None, "authors": authors}
