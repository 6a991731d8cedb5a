"""Which board answers a question, and which boards there are."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Case, F, Q, QuerySet, When

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.readers import reader_now
from leaderboard.models import Board, Hardware, Scenario, Scope
from leaderboard.queries.privacy import visible
from leaderboard.queries.store import MOST_ENTRIES_KEPT
from measurement.tracks import private_to

# What a reader may ask for -> where it is stored.
_ASKED = {"track": "track", "hardware": "hardware__slug", "scenario": "scenario", "scope": "scope"}
# In the model's order.
_HARDWARE = ("id", "slug", "name", "kind", "paused_for")
_IN_PLACE_OF = "a reader's "


def boards() -> QuerySet[Board]:
    """Boards that have entries, and that who reads now may see."""
    return Board.objects.select_related("hardware").filter(visible(), size__gt=0)


def find_board(query: LeaderboardQuery) -> Board | None:
    """The board that answers `query`. Defaults: offline, accelerator, and the board with the most entries.

    Another scenario or scope if these have no results. A private board is found by its track alone, by who may see
    it. One query, none for a private track of others.
    """
    owner = private_to(query.track)
    if not reader_now().may_see(owner):
        return None
    asked = {name: value for name in _ASKED if (value := getattr(query, name))}
    sql, parameters = _statement(connection.vendor, tuple(asked), is_public=owner is None)
    given = {f"{_IN_PLACE_OF}{name}": value for name, value in asked.items()}
    found = next(iter(Board.objects.raw(sql, [given.get(value, value) for value in parameters])), None)
    if found is not None:
        of_hardware = [getattr(found, f"hardware_{name}") for name in _HARDWARE]
        found.hardware = Hardware.from_db(found._state.db, _HARDWARE, of_hardware)
    return found


@cache
def _statement(vendor: str, asked: tuple[str, ...], *, is_public: bool) -> tuple[str, tuple[Any, ...]]:
    """Django writes it once for what is asked: writing takes longer than asking."""
    found = Board.objects.filter(size__gt=0, private_to__isnull=is_public)
    found = found.filter(**{_ASKED[name]: f"{_IN_PLACE_OF}{name}" for name in asked})
    found = found.annotate(**{f"hardware_{name}": F(f"hardware__{name}") for name in _HARDWARE if name != "id"})
    offline, accelerator = Q(scenario=Scenario.OFFLINE), Q(scope=Scope.ACCELERATOR)
    found = found.order_by(last(~offline), last(~accelerator), "-size", "pk")[:1]
    sql, parameters = found.query.sql_with_params()
    return sql, tuple(parameters)


def last(condition: Q) -> Case:
    """For order_by: rows that meet `condition` come last."""
    return Case(When(condition, then=1), default=0)


def fullest_boards() -> list[Board]:
    """As many as a process keeps in memory, the fullest first. One query."""
    found: list[Board] = []
    entries = 0
    for board in boards().order_by("-size", "pk"):
        entries += board.size
        if found and entries > MOST_ENTRIES_KEPT:
            break
        found.append(board)
    return found
