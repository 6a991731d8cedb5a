"""Reads an address: the reader's query and view, with each invalid parameter named and replaced by its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

from django.http import QueryDict

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.forms.board import LeaderboardForm, unknown_parameters
from leaderboard.forms.table_view import View, ViewForm

PAGE_PARAMETERS = frozenset({"page", "revision", *ViewForm.base_fields})


@dataclass(slots=True)
class PageQuery:
    """A reader's query and view, with the default for every invalid parameter.

    faults: (parameter, message) of each invalid one. notices: for a page, the faults and what else was ignored.
    """

    query: LeaderboardQuery
    view: View = field(default_factory=View)
    faults: list[tuple[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def parameters(self) -> str:
        """The address of query and view, without defaults."""
        return urlencode(self.query.parameters() | self.view.parameters(), doseq=True)


def read_query(given: QueryDict) -> PageQuery:
    """Read a board's parameters. A page shows the notices and goes on; the API refuses if there are faults."""
    faults: list[tuple[str, str]] = []
    board_form, view_form = _readable(LeaderboardForm, given, faults), _readable(ViewForm, given, faults)
    query = board_form.query()
    if (usage_intensity := view_form.usage_intensity()) is not None:
        query = query.on(usage_intensity=usage_intensity)
    ignored = [
        f"“{shown(name)}” is not a parameter of this page and was ignored."
        for name in unknown_parameters(given, PAGE_PARAMETERS)
        if not name.startswith("utm_")
    ]
    messages: dict[str, list[str]] = {}
    for name, message in faults:
        messages.setdefault(name, []).append(message)
    at_default = [f"“{name}” was reset to its default: {' '.join(texts)}" for name, texts in messages.items()]
    return PageQuery(query, view_form.view(), faults, ignored + at_default)


FormT = TypeVar("FormT", LeaderboardForm, ViewForm)


def _readable(form_class: type[FormT], given: QueryDict, faults: list[tuple[str, str]]) -> FormT:
    """The form with the valid parameters; the others are added to the faults."""
    form = form_class(given)
    if not form.is_valid():
        kept = given.copy()
        for name, errors in form.errors.items():
            kept.pop(name, None)
            faults.extend((name, str(error)) for error in errors)
        form = form_class(kept)
        form.is_valid()
    return form


def shown(text: str) -> str:
    """A stranger's text, cut to a length that fits a notice."""
    return text if len(text) <= 40 else text[:40] + "…"
