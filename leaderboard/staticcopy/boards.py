"""The boards of a copy: each has a folder, where the site has parameters of one address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from leaderboard import queries
from leaderboard.models import Board, Scenario, Scope

GROUP = ("track", "hardware", "scenario", "scope")
"""Parameters that choose a board."""


def group_of(board: Board) -> dict[str, str]:
    """A board's group as parameters."""
    values = (board.track, board.hardware.slug, board.scenario, board.scope)
    return dict(zip(GROUP, values, strict=True))


class Boards:
    """Every public board, what the site prefers first: of the boards that a question fits, it answers with that."""

    def __init__(self) -> None:
        known = queries.boards().order_by("-size", "pk")
        self.every = sorted(
            known, key=lambda board: (board.scenario != Scenario.OFFLINE, board.scope != Scope.ACCELERATOR)
        )

    @cached_property
    def folders(self) -> dict[int, str]:
        """Where the files of a board are, by its key: `digits/cpu/offline/accelerator`."""
        found: dict[int, str] = {}
        for board in sorted(self.every, key=lambda board: board.pk):
            folder = "/".join(map(as_name, group_of(board).values()))
            found[board.pk] = f"{folder}-{board.pk}" if folder in found.values() else folder
        return found

    def find(self, asked: Mapping[str, str]) -> Board | None:
        """The board that the site answers parameters of a group with."""
        fitting = (board for board in self.every if asked.items() <= group_of(board).items())
        return next(fitting, None)


def as_name(text: str) -> str:
    """A part of a path that every file system takes, whatever a track or a device is called."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-") or "other"
