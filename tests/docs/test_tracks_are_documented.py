"""docs/tracks.md lists every track with its figures, and none that is gone."""

import pytest

from measurement.tracks import TRACKS
from tests.docs.reading import DOCS, names, rows, sections

PAGE = DOCS / "tracks.md"
TABLE = {names(row[0])[0]: row for row in rows(sections(PAGE)["The tracks"]) if len(row) == 5}
PREPARED = {name for row in rows(sections(PAGE)["The tracks"]) if len(row) == 3 for name in names(row[0])}


@pytest.mark.parametrize("track", TRACKS.values(), ids=lambda track: track.slug)
def test_track_is_there_with_its_figures(track):
    _, data, quality, resolution, images = TABLE[track.slug]
    assert data
    assert quality.lower() == track.metric_label.lower()
    assert resolution == f"{track.min_resolution} to {track.max_resolution}"
    assert images == (f"{track.train_images:,}, {track.test_images:,}" if track.train_images else "as they are")
    assert track.slug in PREPARED


def test_no_removed_track_is_there():
    assert set(TABLE) == PREPARED == set(TRACKS)
