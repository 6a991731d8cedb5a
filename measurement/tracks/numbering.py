"""Which images make an endless row of full batches. No torch at import."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def full_batches(images: int, batch_size: int, ended: Callable[[], bool]) -> Iterator[list[int]]:
    """The numbers of each batch: 0, 1, 2 … up to `images` and from 0 again, until `ended`, asked before each."""
    start = 0
    while not ended():
        yield [(start + place) % images for place in range(batch_size)]
        start = (start + batch_size) % images
