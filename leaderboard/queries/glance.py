"""What a board's page depends on, in one query: asked for each page, so that none is shown that has changed."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Count, Subquery, Value
from django.db.models.fields.json import KeyTextTransform

from leaderboard import routing
from leaderboard.domain.runstate import RunState
from leaderboard.models import Board
from leaderboard.queries.runs import every_run

Glance = tuple[tuple[Any, ...], ...]


def glance() -> Glance:
    """Of each public board that has entries its revision; how many runs are active, and what the running one does.

    Equal if no board and no such run has changed in between.
    """
    sql, parameters = _statement(connection.vendor)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            return _prepared(sql, parameters)
        cursor.execute(sql, parameters)
        return tuple(cursor.fetchall())


def _prepared(sql: str, parameters: tuple[Any, ...]) -> Glance:
    """PostgreSQL plans it once for each connection: planning takes six times as long as answering."""
    from psycopg import Connection, Cursor  # PostgreSQL alone needs it

    own: Connection[Any] = connection.connection
    if connection.queries_logged:  # as Django's own cursor would
        connection.queries_log.append({"sql": sql, "time": "0.000"})
    with connection.wrap_database_errors, Cursor(own) as cursor:
        return tuple(cursor.execute(sql, parameters, prepare=True).fetchall())


@cache
def _statement(vendor: str) -> tuple[str, tuple[Any, ...]]:
    """Django writes it once for each kind of database: writing takes longer than asking."""
    active = every_run().active().order_by().annotate(all=Value(1)).values("all").annotate(number=Count("pk"))
    running = every_run().filter(state=RunState.RUNNING).order_by(*routing.LINE)
    phase = running.annotate(now=KeyTextTransform("phase", "progress")).values("now")
    found = Board.objects.filter(size__gt=0, private_to=None).order_by("pk")
    asked = found.values_list(
        *("pk", "revision", "changed_at", "size", "verified_size", "hardware__name"),
        Subquery(active.values("number")),
        Subquery(running.values("recipe__method__title")[:1]),
        Subquery(phase[:1]),
    )
    sql, parameters = asked.query.sql_with_params()
    return sql, tuple(parameters)
