"""The explicit registry of tracks."""

from __future__ import annotations

from measurement.tracks.base import Batch, Split, Track, batch_bounds, held_back
from measurement.tracks.digits import DIGITS

TRACKS: dict[str, Track] = {track.slug: track for track in (DIGITS,)}

__all__ = ["TRACKS", "Batch", "Split", "Track", "batch_bounds", "held_back"]
