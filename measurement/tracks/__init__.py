"""The explicit registry of tracks."""

from __future__ import annotations

import re

from measurement.errors import NOT_FOUND, BadInput
from measurement.tracks.base import (
    KEY_DIGITS,
    MOST_ACCOUNT_DIGITS,
    PRIVATE,
    UPLOADED,
    Batch,
    HiddenSplit,
    OpenTrack,
    Split,
    Track,
    batch_bounds,
    held_back,
)
from measurement.tracks.cifar10 import CIFAR10
from measurement.tracks.cifar100 import CIFAR100
from measurement.tracks.detection import DETECTION
from measurement.tracks.digits import DIGITS
from measurement.tracks.imagefolder import IMAGEFOLDER
from measurement.tracks.imagenet import IMAGENET_1K
from measurement.tracks.segmentation import SEGMENTATION

TRACKS: dict[str, Track | OpenTrack] = {
    track.slug: track for track in (DIGITS, CIFAR10, CIFAR100, IMAGENET_1K, IMAGEFOLDER, SEGMENTATION, DETECTION)
}
"""The values of a recipe's `track`."""

_CLOSED_SLUGS = [slug for slug, track in TRACKS.items() if isinstance(track, Track)]
_OPEN_SLUGS = [slug for slug, track in TRACKS.items() if isinstance(track, OpenTrack)]
_OF_ONE_ACCOUNT = f"({PRIVATE}[0-9]{{1,{MOST_ACCOUNT_DIGITS}}})?"
_OF_DATA = f"(-[0-9a-f]{{{KEY_DIGITS}}}|{UPLOADED}[0-9a-f]{{{KEY_DIGITS}}}{_OF_ONE_ACCOUNT})"
KEY_PATTERN = f"^({'|'.join(_CLOSED_SLUGS)}|({'|'.join(_OPEN_SLUGS)}){_OF_DATA})$"
"""The pattern of a board's key."""
KEYS_IN_WORDS = (
    *_CLOSED_SLUGS,
    *(
        f"{slug}{mark}<{KEY_DIGITS} hexadecimal digits>{private}"
        for slug in _OPEN_SLUGS
        for mark, private in (("-", ""), (UPLOADED, f"[{PRIVATE}<number of your account>]"))
    ),
)
"""The same as text, for people."""


def find_track(key: str) -> Track | OpenTrack | None:
    """The track of a board's key; for a data set that recipes name, its open track."""
    if not re.fullmatch(KEY_PATTERN, key):
        return None
    return TRACKS.get(key) or TRACKS[key.partition(UPLOADED)[0] if UPLOADED in key else key[: -KEY_DIGITS - 1]]


def track_title(key: str) -> str:
    """A board's title for people; the key itself if this version does not know the track."""
    track = find_track(key)
    if track is None:
        return key
    if track.slug == key:
        return track.title
    public, private, _ = key.partition(PRIVATE)
    marks = " (uploaded, private)" if private else " (uploaded)" if UPLOADED in key else ""
    return f"{track.title} {public[-KEY_DIGITS:]}{marks}"


def private_to(key: str) -> int | None:
    """The number of the account that alone sees the results of a board's key; None if everybody does."""
    _, private, number = key.partition(PRIVATE)
    return int(number) if private and find_track(key) is not None else None


def quality_floor(key: str) -> float:
    """The default quality floor of a board's track, 0 to 1; 0 if this version does not know the track."""
    track = find_track(key)
    return track.quality_floor if track else 0.0


def _why_not(track: Track) -> str:
    try:
        return track.lacks()
    except BadInput as error:  # a link out of the data root
        return f"{NOT_FOUND} {track.slug}; {error}"


def tracks_here() -> dict[str, str]:
    """Key of each track -> why this machine can't run it; empty if it can. Data sets that recipes name, by key."""
    here: dict[str, str] = {}
    for track in TRACKS.values():
        if isinstance(track, Track):
            here[track.slug] = _why_not(track)
        elif found := track.found():
            here |= dict.fromkeys(found, "")
        else:
            here[track.slug] = (
                f"{NOT_FOUND} a data set with a manifest; put one into datasets/<name>/ in the data root, "
                "then run `python -m measurement manifest` on it"
            )
    return here


__all__ = [
    "KEYS_IN_WORDS",
    "KEY_PATTERN",
    "PRIVATE",
    "TRACKS",
    "UPLOADED",
    "Batch",
    "HiddenSplit",
    "OpenTrack",
    "Split",
    "Track",
    "batch_bounds",
    "find_track",
    "held_back",
    "private_to",
    "quality_floor",
    "track_title",
    "tracks_here",
]
