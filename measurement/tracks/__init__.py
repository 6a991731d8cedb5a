"""The explicit registry of tracks."""

from __future__ import annotations

from measurement.tracks.base import Split, Track
from measurement.tracks.digits import DIGITS

TRACKS: dict[str, Track] = {track.slug: track for track in (DIGITS,)}

__all__ = ["TRACKS", "Split", "Track"]
