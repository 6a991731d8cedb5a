"""Which worker can do which run: one of a track's data needs a worker that has them.

Runs of data that come with the packages, and samples of a track whose shape is known without its data, are anybody's.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from leaderboard.models import Hardware, Run, Worker
from measurement.tracks import TRACKS, Track

_KNOWN = [track for track in TRACKS.values() if isinstance(track, Track)]
BUNDLED = frozenset(track.slug for track in _KNOWN if track.is_bundled)
SAMPLED_WITHOUT_DATA = frozenset(track.slug for track in _KNOWN)


def tracks_in(diagnosis: dict[str, Any]) -> frozenset[str] | None:
    """Keys of the tracks that a worker's doctor found it can do; None where it told of none, as an older one does."""
    told = diagnosis.get("tracks")
    if not told or any("lacks" not in track for track in told):
        return None
    return frozenset(track["slug"] for track in told if not track["lacks"] and not track["missing_packages"])


def tracks_of_worker(name: str) -> frozenset[str] | None:
    """The same for a worker by its name; None for one that never reported itself."""
    diagnosis = Worker.objects.filter(name=name).values_list("diagnosis", flat=True).first()
    return tracks_in(diagnosis or {})


def doable_with(tracks: frozenset[str] | None) -> Q:
    """The runs that a worker with these tracks can do; all where it never told."""
    if tracks is None:
        return Q()
    anybodys = Q(recipe__track__in=BUNDLED) | Q(mode="sampled", recipe__track__in=SAMPLED_WITHOUT_DATA)
    return anybodys | Q(recipe__track__in=tracks)


def needs_data(run: Run) -> bool:
    """Whether only some workers of its hardware may be able to do it."""
    track = run.recipe.track
    return track not in BUNDLED and not (run.mode == "sampled" and track in SAMPLED_WITHOUT_DATA)


def queue_of(run: Run) -> str:
    """The Celery queue of the run: only workers that can do the run listen to it."""
    return _of_track(run.hardware, run.recipe.track) if needs_data(run) else run.hardware.queue


def queues_of(hardware: Hardware, tracks: frozenset[str] | None) -> list[str]:
    """The Celery queues that a worker listens to."""
    return [hardware.queue, *(_of_track(hardware, track) for track in sorted((tracks or frozenset()) - BUNDLED))]


def _of_track(hardware: Hardware, track: str) -> str:
    return f"{hardware.queue}.{track}"
