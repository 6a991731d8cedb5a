"""A published result and the verified one that repeats it, as plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from leaderboard import queries, services
from leaderboard.domain import ranking
from leaderboard.domain.comparison import phase_pairs, ratio
from leaderboard.domain.energy import one_time_energy_j
from leaderboard.models import Entry


def comparison(entry: Entry, usage_intensity: float) -> dict[str, Any] | None:
    """An entry and its counterpart on the same board, unshared; None if it has none."""
    other = queries.counterpart(entry)
    if other is None:
        return None
    published, verified = (entry, other) if entry.source == "published" else (other, entry)
    assert published.published is not None, "one of them is published"  # noqa: S101
    places = ranking.rank([queries.candidate(each) for each in (published, verified)], usage_intensity)
    energies_j = {place.key: place.energy_j for place in places}
    reason = services.why_not_in_place_of(verified, published)
    are_complete = published.complete and verified.complete
    return {
        "model": published.published.model,
        "published_entry": published.pk,
        "verified_entry": verified.pk,
        "verified_run": verified.run_id,
        "in_its_place": published.replaced_by_id == verified.pk,
        "reason": reason or None,
        "phases": [
            {
                "phase": pair.phase,
                "published": asdict(pair.published) if pair.published else None,
                "verified": asdict(pair.verified) if pair.verified else None,
                "ratio": pair.ratio,
            }
            for pair in phase_pairs(published, verified)
        ],
        "one_time": _total(one_time_energy_j(published, 1), one_time_energy_j(verified, 1), are_complete),
        "full_cycle": _total(energies_j[published.pk], energies_j[verified.pk], are_complete),
        "published_quality": published.quality,
        "verified_quality": verified.quality,
        "sources": published.published.document["sources"],
    }


def _total(published_j: float, verified_j: float, are_complete: bool) -> dict[str, float | None]:
    found = ratio(verified_j, published_j) if are_complete else None
    return {"published_j": published_j, "verified_j": verified_j, "ratio": found}
