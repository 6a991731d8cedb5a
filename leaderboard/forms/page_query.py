"""Reads an address: the reader's query and view, with each invalid parameter named and replaced by its default."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlencode

from django.http import QueryDict

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.forms.board import LeaderboardForm, unknown_parameters
from leaderboard.forms.numbers import TypedField
from leaderboard.forms.table_view import View, ViewForm

# `was`: the numbers of the page that a form was sent from, as an address; they stay where a new one can't be read.
PAGE_PARAMETERS = frozenset({"page", "revision", "was", "guide", *ViewForm.base_fields})
# The numbers that a reader types.
TYPED: dict[str, TypedField] = {
    name: field
    for form in (LeaderboardForm, ViewForm)
    for name, field in form.base_fields.items()
    if isinstance(field, TypedField)
}
OF_RATE = ("rate", "per", "years")


@dataclass(slots=True)
class PageQuery:
    """A reader's query and view, with the default for every invalid parameter.

    faults: (parameter, message) of each invalid one. notices: for a page, the faults and what else was ignored.
    typed: what the reader typed into each number that can't be read.
    """

    query: LeaderboardQuery
    view: View = field(default_factory=View)
    faults: list[tuple[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    typed: dict[str, str] = field(default_factory=dict)

    def parameters(self) -> str:
        """The address of query and view, without defaults."""
        return urlencode(self.query.parameters() | self.view.parameters(), doseq=True)

    def numbers(self) -> str:
        """The numbers that a reader types, as an address, without defaults: for the next page's `was`."""
        asked = self.query.parameters() | self.view.parameters()
        if self.view.rate is not None:
            asked["usage_intensity"] = f"{self.query.usage_intensity:.15g}"
        return urlencode({name: asked[name] for name in (*TYPED, "per") if name in asked})


def read_query(given: QueryDict) -> PageQuery:
    """Read a board's parameters. A page shows the notices and goes on; the API refuses if there are faults."""
    found = _read(given.urlencode())
    return replace(found, faults=[*found.faults], notices=[*found.notices], typed={**found.typed})


@lru_cache(maxsize=500)
def _read(encoded: str) -> PageQuery:
    """Depends on nothing else: reading the forms takes longer than ranking a small board."""
    given: QueryDict = QueryDict(encoded)
    faults: list[tuple[str, str]] = []
    was = QueryDict(given.get("was", ""))
    given = _without_stale_rate(given, was)
    board_form = _readable(LeaderboardForm, given, was, faults)
    view_form = _readable(ViewForm, given, was, faults)
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
    kept = {name: f"stays {shown(was[name])}" for name in messages if name in was and name not in OF_RATE}
    stays = [
        f"“{name}” {kept.get(name, 'was reset to its default')}: {' '.join(texts)}"
        for name, texts in messages.items()
    ]
    typed = {name: given.get(name, "") for name in messages if name in TYPED}
    return PageQuery(query, view_form.view(), faults, ignored + stays, typed)


def _without_stale_rate(given: QueryDict, was: QueryDict) -> QueryDict:
    """Without the rate of the page before, if the reader has changed the usage intensity instead."""
    asked = given.copy()
    is_same_rate = all((given.get(name) or "") == (was.get(name) or "") for name in ("rate", "years"))
    if is_same_rate and "rate" in was and given.get("usage_intensity") != was.get("usage_intensity"):
        for name in OF_RATE:
            asked.pop(name, None)
    return asked


FormT = TypeVar("FormT", LeaderboardForm, ViewForm)


def _readable(form_class: type[FormT], given: QueryDict, was: QueryDict, faults: list[tuple[str, str]]) -> FormT:
    """The form with the valid parameters; the others, for which `was` may have a value, are added to the faults."""
    form = form_class(given)
    kept = given.copy()
    for stands_in in (was, QueryDict()):
        if form.is_valid():
            break
        for name, errors in form.errors.items():
            kept.pop(name, None)
            if name in TYPED and name not in OF_RATE and name in stands_in:
                kept[name] = str(stands_in[name])
            if stands_in is was:
                faults.extend((name, str(error)) for error in errors)
        form = form_class(kept)
    form.is_valid()
    return form


def shown(text: str) -> str:
    """A stranger's text, cut to a length that fits a notice."""
    return text if len(text) <= 40 else text[:40] + "…"
