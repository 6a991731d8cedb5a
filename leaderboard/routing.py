"""Which worker can do which run. A run on a track's data needs a worker that has the data.

Any worker can do a run on data that is bundled with a package or that was uploaded, which it fetches, and a sampled
run on a track of known image shape.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from leaderboard.models import Hardware, Run, Worker
from measurement.tracks import TRACKS, UPLOADED, Track

LINE = ("priority", "turn", "queued_at", "pk")
"""The order in which queued runs of one hardware are done."""
_KNOWN = [track for track in TRACKS.values() if isinstance(track, Track)]
BUNDLED = frozenset(track.slug for track in _KNOWN if track.is_bundled)
SAMPLED_WITHOUT_DATA = frozenset(track.slug for track in _KNOWN)


def tracks_in(diagnosis: dict[str, Any]) -> frozenset[str] | None:
    """Keys of the tracks that a worker's doctor says it can do; None if it reported none, as older versions do."""
    reported = diagnosis.get("tracks")
    if not reported or any("lacks" not in track for track in reported):
        return None
    return frozenset(track["slug"] for track in reported if not track["lacks"] and not track["missing_packages"])


def revision_in(diagnosis: dict[str, Any]) -> int | None:
    """The newest revision of recipes that a worker can run; None if it reported none, as older versions do."""
    return diagnosis.get("recipe_revision")


def doable_by_worker(name: str) -> Q:
    """The runs that a worker can do, by its name; all for one that never reported itself."""
    diagnosis = Worker.objects.filter(name=name).values_list("diagnosis", flat=True).first()
    return doable_by(diagnosis or {})


def doable_by(diagnosis: dict[str, Any]) -> Q:
    """The runs that a worker of this diagnosis can do; what it never reported, revision or tracks, excludes none."""
    revision, tracks = revision_in(diagnosis), tracks_in(diagnosis)
    able = Q() if revision is None else Q(recipe__revision__lte=revision)
    if tracks is None:
        return able
    any_worker = Q(recipe__track__in=BUNDLED) | Q(recipe__track__contains=UPLOADED)
    any_worker |= Q(mode="sampled", recipe__track__in=SAMPLED_WITHOUT_DATA)
    return able & (any_worker | Q(recipe__track__in=tracks))


def needs_data(track: str, mode: str) -> bool:
    """Whether a run on a track, in full or sampled, needs a worker that has the track's data."""
    if UPLOADED in track:
        return False
    return track not in BUNDLED and not (mode == "sampled" and track in SAMPLED_WITHOUT_DATA)


def queue_of(run: Run) -> str:
    """The Celery queue of the run: only workers that can do the run listen to it."""
    track = run.recipe.track
    return _of_track(run.hardware, track) if needs_data(track, run.mode) else run.hardware.queue


def queues_of(hardware: Hardware, tracks: frozenset[str] | None) -> list[str]:
    """The Celery queues that a worker listens to."""
    return [hardware.queue, *(_of_track(hardware, track) for track in sorted((tracks or frozenset()) - BUNDLED))]


def _of_track(hardware: Hardware, track: str) -> str:
    return f"{hardware.queue}.{track}"
