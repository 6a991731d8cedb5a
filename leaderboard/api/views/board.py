"""The leaderboard: ranked, as a snapshot, as champions, as a download."""

from __future__ import annotations

import gzip
from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import re_accepts_gzip
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import queries
from leaderboard.api.base import PublicView, paginate, version_of
from leaderboard.api.documentation import (
    BOARD_PARAMETERS,
    FILTER_PARAMETERS,
    PAGE_PARAMETERS,
    RANGE_PARAMETERS,
    errors,
)
from leaderboard.api.parameters import BOARD, FILTER, PAGE, RANGE, board_query, range_query
from leaderboard.api.rows import group, row
from leaderboard.api.schemas.board import (
    ChampionsSerializer,
    LeaderboardSerializer,
    RangeSerializer,
    SnapshotSerializer,
)
from leaderboard.api.snapshots import snapshot
from leaderboard.domain.usage_range import Choice
from leaderboard.models import Board
from leaderboard.presentation.kept_answers import same_for_all

# Raised when the snapshot's columns change, so that no reader keeps an old one.
SNAPSHOT_SHAPE = 4


class LeaderboardView(PublicView):
    """Entries of one comparability group, ranked by full-cycle energy at the usage intensity given."""

    parameters = FILTER | PAGE

    @extend_schema(
        operation_id="leaderboard",
        tags=["leaderboard"],
        parameters=[*FILTER_PARAMETERS, *PAGE_PARAMETERS],
        responses={200: LeaderboardSerializer, **errors(400)},
    )
    def get(self, request: Request) -> Response:
        """One page of the ranked board."""
        with queries.RANKING:
            return self._page(request)

    def _page(self, request: Request) -> Response:
        ranked = queries.ranked_board(board_query(request.query_params))
        query = ranked.query
        page = paginate(request, len(ranked.rows))
        return Response(
            page.envelope(
                [row(line, query) for line in ranked.shared_lines(range(len(ranked.rows))[page.start : page.stop])],
                usage_intensity=query.usage_intensity,
                shared_by=query.shared_by,
                accuracy_weight=query.accuracy_weight,
                min_quality=query.floor,
                revision=ranked.revision,
                **group(ranked.board, query),
                power_limits_w=ranked.board.power_limits_w if ranked.board else [],
                below_floor=ranked.below_floor,
                constraints=_constraints(ranked),
            )
        )


def _constraints(ranked: queries.RankedBoard) -> list[dict[str, Any]]:
    found = queries.effects(ranked)
    return [
        {"parameter": constraint.parameter, "limit": limit, **asdict(found[constraint.parameter])}
        for constraint, limit in ranked.query.limits
        if constraint.parameter in found
    ]


class SnapshotView(PublicView):
    """A whole group, columnar, so that a program can rank it at any usage intensity."""

    parameters = BOARD

    @extend_schema(
        operation_id="leaderboard_snapshot",
        tags=["leaderboard"],
        parameters=BOARD_PARAMETERS,
        responses={200: SnapshotSerializer, 304: None, **errors(400)},
    )
    def get(self, request: Request) -> HttpResponseBase:
        """The snapshot; 304 if the reader's ETag is current, before any entry is loaded."""
        query = board_query(request.query_params)
        same_for_all(request._request)
        board = queries.find_board(query)
        headers = {"ETag": _etag(board), "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        unchanged = get_conditional_response(request, etag=headers["ETag"], response=HttpResponse(headers=headers))
        if unchanged is not None and unchanged.status_code != 200:
            return unchanged
        columns = queries.columns_of(board) if board else None
        if columns is not None:
            headers["ETag"] = _etag(columns.board)
        body = snapshot(columns, group(board, query))
        if re_accepts_gzip.search(request.headers.get("Accept-Encoding", "")):
            return HttpResponse(body, "application/json", headers=headers | {"Content-Encoding": "gzip"})
        return HttpResponse(gzip.decompress(body), "application/json", headers=headers)


class ChampionsView(PublicView):
    """The entry of least energy for each interval of usage intensity: the lower envelope of F + N·e.

    With order_by=greenness, the greenest entry: the lower envelope of (F + N·e)/quality^τ.
    """

    parameters = FILTER

    @extend_schema(
        operation_id="leaderboard_champions",
        tags=["leaderboard"],
        parameters=FILTER_PARAMETERS,
        responses={200: ChampionsSerializer, **errors(400)},
    )
    def get(self, request: Request) -> Response:
        """Adjoining intervals of usage intensity, from 0 to no end (null)."""
        ranked = queries.ranked_board(board_query(request.query_params))
        query = ranked.query
        lines = ranked.champion_rows
        results = [
            {
                "entry": champion.key,
                "method": lines[int(champion.key)].entry.method.title,
                "from_usage_intensity": champion.from_usage_intensity,
                "to_usage_intensity": champion.to_usage_intensity,
                "one_time_energy_j": lines[int(champion.key)].one_time_energy_j,
                "inference_energy_j": lines[int(champion.key)].entry.inference_energy_j,
            }
            for champion in ranked.champions
        ]
        asked = {"order_by": query.order_by, "accuracy_weight": query.accuracy_weight, "min_quality": query.floor}
        return Response({"revision": ranked.revision, **group(ranked.board, query), **asked, "results": results})


class RangeView(PublicView):
    """What to choose if all that is known of the usage intensity is a range."""

    parameters = FILTER - {"usage_intensity"} | RANGE

    @extend_schema(
        operation_id="leaderboard_range",
        tags=["leaderboard"],
        parameters=[*(given for given in FILTER_PARAMETERS if given.name != "usage_intensity"), *RANGE_PARAMETERS],
        responses={200: RangeSerializer, **errors(400)},
    )
    def get(self, request: Request) -> Response:
        """The entry of least worst-case regret, that of least mean regret, and what not knowing N costs at most."""
        asked, (n_from, n_to) = range_query(request.query_params)
        ranked = queries.ranked_board(asked)
        query, answer = ranked.query, ranked.over_range(n_from, n_to)
        choices = {name: answer and _choice(getattr(answer, name), ranked) for name in ("safest", "best_on_average")}
        return Response(
            {
                "revision": ranked.revision,
                **group(ranked.board, query),
                "order_by": query.order_by,
                "accuracy_weight": query.accuracy_weight,
                "min_quality": query.floor,
                "shared_by": query.shared_by,
                "n_from": n_from,
                "n_to": n_to,
                "winners": answer.winners if answer else 0,
                **choices,
            }
        )


def _choice(choice: Choice, ranked: queries.RankedBoard) -> dict[str, Any]:
    key = int(choice.key)
    return {
        "entry": key,
        "method": ranked.find([key])[key].entry.method.title,
        "worst_ratio": choice.worst_ratio,
        "worst_at_usage_intensity": choice.worst_at,
        "mean_ratio": choice.mean_ratio,
        "extra_energy_j": choice.extra_energy_j,
        "extra_at_usage_intensity": choice.extra_at,
    }


def _etag(board: Board | None) -> str:
    """Weak, for the body comes with and without compression."""
    return f'W/"{SNAPSHOT_SHAPE}-{version_of(board) if board else "none"}"'
