"""A search scores its candidates on images that are held back from training, the same ones for the same seed."""

from __future__ import annotations

import pytest

from measurement.tracks import TRACKS, Batch, held_back

TRAIN = TRACKS["digits"].load_train(8)


def images_of(batches: list[Batch]) -> list[tuple[float, ...]]:
    return sorted(tuple(image.flatten().tolist()) for images, _ in batches for image in images)


@pytest.mark.parametrize(("share", "validation"), [(0.2, 287), (0.0, 1), (1.0, 1436)])
def test_every_image_is_on_one_side_alone(share: float, validation: int) -> None:
    kept, held = held_back(TRAIN, share, seed=3)
    assert (len(kept), len(held)) == (1437 - validation, validation)
    assert images_of([*kept.batches(500), *held.batches(500)]) == images_of([*TRAIN.batches(500)])


def test_the_seed_fixes_the_draw() -> None:
    first, again, other = (held_back(TRAIN, 0.2, seed)[1].first(5)[0] for seed in (1, 1, 2))
    assert first.equal(again)
    assert not first.equal(other)


def test_one_image_has_no_two_sides() -> None:
    with pytest.raises(ValueError, match="can't be split"):
        held_back(TRAIN.part([0]), 0.5, seed=0)


def test_another_resolution_is_what_the_track_loads_at_it() -> None:
    """Else a search would score its candidates on images that are more blurred than those of the test."""
    part, again = TRAIN.part(range(50)), TRACKS["digits"].load_train(32).at(24).at(12).part(range(50))
    assert part.at(12).first(50)[0].equal(again.first(50)[0])
    assert TRACKS["digits"].load_train(12).part(range(50)).first(50)[0].equal(again.first(50)[0])
