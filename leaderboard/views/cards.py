"""Pictures for link previews."""

from __future__ import annotations

import hashlib
import math
from http import HTTPStatus
from threading import BoundedSemaphore

from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from leaderboard import queries
from leaderboard.domain import ranking
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.forms.page_query import read_query
from leaderboard.forms.throttles import CardThrottle
from leaderboard.models import Entry
from leaderboard.presentation import rows, summary
from leaderboard.presentation.format import images, joules, percent, provenance_words, relative, watt_hours, weight
from leaderboard.presentation.link_card import Card, draw_card
from leaderboard.views.compare import champion_of, read_entries
from leaderboard.views.entries import query_of
from leaderboard.views.private import with_own

KEPT_S = 24 * 3600
# So many threads of a process may draw; the others go on serving pages.
_drawing = BoundedSemaphore(2)

NO_WINNER = Card(
    kicker="Efficient vision models, ranked by full-cycle energy",
    title="The energy of a model's whole life",
    fallback="",
    figure="",
    detail="",
    bar=(),
    provenance="metered",
    foot="Search, pre-training, training, compression and inference: metered by the site's own workers",
)


@with_own
@require_safe
def board_card(request: HttpRequest) -> HttpResponseBase:
    """The winner of a view of the leaderboard."""
    ranked = queries.ranked_board(read_query(request.GET).query)
    first = next(iter(ranked.rows[:1]), None)
    if first is None or first.place.rank is None:
        return _answer(request, NO_WINNER)
    return _answer(request, card_of(first.entry, first.place, ranked.query, _claim(ranked.query)))


def _claim(query: LeaderboardQuery) -> str:
    """What the first entry is best at: filters and quality floor included."""
    best = f"Greenest, τ = {weight(query.accuracy_weight)}," if query.order_by == "greenness" else "Least energy"
    among = f"{best}{summary.among(query)}{summary.floor(query)}"
    return among if query.floor or not query.default_floor else f"{among},"


@with_own
@require_safe
def entry_card(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One entry."""
    entry = queries.find_entry(pk)
    if entry is None:
        raise Http404
    query = query_of(entry.board, read_query(request.GET).query)
    ranked = queries.ranked_board(query)
    row = ranked.find_any(pk) or queries.off_board(entry, query)
    place = (
        f"Rank {rows.rank_text(row.place)} of its group"
        if row.place.rank
        else f"Not ranked, {rows.why_not_ranked(row, ranked.query)},"
    )
    return _answer(request, card_of(entry, row.place, query, place))


@with_own
@require_safe
def compare_card(request: HttpRequest) -> HttpResponseBase:
    """The winner among compared entries, if they are of one group."""
    wanted, _ = read_entries(request.GET)
    query = read_query(_without_entries(request.GET)).query
    chosen = list(queries.entries().filter(pk__in=wanted).defer("recipe__document"))
    winner = champion_of(chosen, query) if len({entry.board_id for entry in chosen}) == 1 else None
    if winner is None:
        return _answer(request, NO_WINNER)
    return _answer(request, card_of(*winner, query, f"Least energy of {len(chosen)} compared,"))


def _without_entries(given: QueryDict) -> QueryDict:
    kept = given.copy()
    kept.pop("entry", None)
    return kept


def card_of(entry: Entry, place: ranking.Ranked, query: LeaderboardQuery, claim: str) -> Card:
    """The card of an entry at the reader's usage intensity: N, joules, provenance and date."""
    segments = rows.bar(entry, query.usage_intensity, query.shared_by)
    known_j = sum(segment.energy_j or 0.0 for segment in segments)
    uncertainty = relative(place.u95_j, place.energy_j)
    return Card(
        kicker=f"{claim} for {images(query.usage_intensity)} on {entry.board.hardware.name}:",
        title=entry.method.title,
        fallback=f"Entry {entry.pk}",
        figure=rows.at_least(entry) + joules(place.energy_j),
        detail=f"for {images(query.usage_intensity)}, {uncertainty}, {watt_hours(place.energy_j)}",
        quality=percent(entry.quality),
        quality_detail=f"quality: {rows.quality_words(entry)}",
        bar=tuple(
            (segment.phase, (segment.energy_j or 0.0) / known_j if known_j > 0 else 0.0, segment.label)
            for segment in segments
        ),
        provenance=entry.provenance,
        foot=f"{provenance_words(entry)}, {entry.published_at:%Y-%m-%d}",
    )


def _answer(request: HttpRequest, card: Card) -> HttpResponseBase:
    """The picture, from the cache of all processes if it was drawn before."""
    tag = f'"{hashlib.sha256(repr(card).encode("utf-8", "backslashreplace")).hexdigest()[:32]}"'
    headers = {"Cache-Control": "public, max-age=300", "ETag": tag}
    known = get_conditional_response(request, etag=tag, response=HttpResponse(headers=headers))
    if known is not None and known.status_code == HTTPStatus.NOT_MODIFIED:
        return known
    kept = f"card-{tag}"
    picture = cache.get(kept)
    if picture is None:
        throttle = CardThrottle()
        if not throttle.allow_request(request, None):
            return _later(HTTPStatus.TOO_MANY_REQUESTS, throttle.wait() or 1)
        if not _drawing.acquire(blocking=False):
            return _later(HTTPStatus.SERVICE_UNAVAILABLE, 1)
        try:
            picture = draw_card(card)
        finally:
            _drawing.release()
        cache.set(kept, picture, KEPT_S)
    return HttpResponse(picture, "image/png", headers=headers)


def _later(status: HTTPStatus, wait_s: float) -> HttpResponse:
    seconds = math.ceil(wait_s)
    words = f"Too many new pictures; try again in {seconds} s.\n"
    return HttpResponse(
        words, "text/plain", status, headers={"Retry-After": str(seconds), "Cache-Control": "no-store"}
    )
