"""The spread of results, pooled over the works of a board; and the uncertainties that follow from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, replace
from itertools import chain
from typing import Any

from django.db import connection

from leaderboard.domain.repeats import Pool, Repeats
from leaderboard.models import Board, Entry
from leaderboard.services.means import UNCERTAINTIES, Figures, pooled

WRITTEN = (*UNCERTAINTIES.values(), "phases")


def pool_spreads(board_ids: Collection[int]) -> None:
    """Pool each board's spreads, and bring the uncertainties of its entries up to date. The boards are locked.

    Three queries, whatever the number of entries; a row is written only where it changes.
    """
    stored = Entry.objects.filter(board__in=board_ids, source="verified").exclude(repeats={}).order_by("pk")
    entries: dict[int, list[dict[str, Any]]] = {}
    for entry in stored.values("pk", "board_id", "repeats", *WRITTEN):
        entries.setdefault(entry["board_id"], []).append(entry)
    boards, rows = [], []
    for board in Board.objects.filter(pk__in=board_ids).only("pools"):
        found = pools_of(entries.get(board.pk, ()))
        as_stored = {name: asdict(pool) for name, pool in found.items()}
        if board.pools != as_stored:
            board.pools = as_stored
            boards.append(board)
        for entry in entries.get(board.pk, ()):
            now = pooled(entry, found)
            if any(entry[name] != value for name, value in now.items()):
                rows.append((*_prepared(now), entry["pk"]))
    Board.objects.bulk_update(boards, ["pools"])
    if rows:
        columns = ", ".join(f"{name} = %s" for name in WRITTEN)
        with connection.cursor() as cursor:
            # Each row has its own figures, for which the ORM would write one long statement in many pieces.
            cursor.executemany(f"UPDATE {Entry._meta.db_table} SET {columns} WHERE id = %s", rows)  # noqa: S608 - names


def pools_of(entries: Iterable[Figures]) -> dict[str, Pool]:
    """The pools of a board by name, from the `repeats` and `phases` of its entries; none that no work adds to."""
    shown: dict[str, list[list[Repeats]]] = {}
    for entry in entries:
        repeats, of_entry = entry["repeats"], dict[str, list[Repeats]]()
        parts = zip(entry["phases"], repeats["phases"], strict=True)
        for name, stored in (
            *((name, repeats[name]) for name in UNCERTAINTIES),
            *((phase["phase"], part) for phase, part in parts),
        ):
            if stored is not None and len(stored["deviations"]) > 1:
                of_entry.setdefault(name, []).append(Repeats.read(stored))
        for name, found in of_entry.items():
            shown.setdefault(name, []).append(found)
    return {name: replace(Pool.of(chain(*works)), works=len(works)) for name, works in shown.items()}


def _prepared(figures: Figures) -> list[Any]:
    """The values of WRITTEN as the database takes them."""
    fields = [Entry._meta.get_field(name) for name in WRITTEN]
    return [field.get_db_prep_save(figures[field.name], connection) for field in fields]  # type: ignore[union-attr]
