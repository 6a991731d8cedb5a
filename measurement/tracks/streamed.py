"""A split whose images are files, decoded and resized batch by batch in separate processes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from measurement.errors import BadInput, BadOption, MeasurementError
from measurement.tracks.base import Batch, batch_bounds
from measurement.tracks.numbering import full_batches

READERS_VARIABLE = "MEASUREMENT_LOADER_WORKERS"
MOST_READERS = 8
BATCHES_A_READER = 4
"""For fewer batches, starting a process is not worthwhile."""
FIRST_BATCH = 64


class Source(Protocol):
    """Images as files, with their targets."""

    def __len__(self) -> int: ...

    def read(self, index: int, resolution: int, *, augment: bool) -> tuple[Tensor, Tensor]:
        """One prepared image and its target, not batched. Raises BadInput naming the faulty file."""
        ...


@dataclass(slots=True)
class _Stopwatch:
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StreamedSplit:
    """Images of `source`: all, or those `chosen` by their numbers, int64 (n,).

    `augment`: batches in a random order are augmented, drawn from the order's generator; an image is augmented the
    same way for any number of reading processes, which is one fewer than there are cores and at most 8, or the value
    of MEASUREMENT_LOADER_WORKERS. Batches raise BadInput for a file that can't be decoded.
    """

    source: Source
    resolution: int
    augment: bool = False
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    chosen: Tensor | None = None
    _waited: _Stopwatch = field(default_factory=_Stopwatch)

    def __len__(self) -> int:
        return len(self.source) if self.chosen is None else len(self.chosen)

    @property
    def waited_s(self) -> float:
        return self._waited.seconds

    def to(self, device: torch.device) -> Self:
        return replace(self, device=device)

    def at(self, resolution: int) -> Self:
        return replace(self, resolution=resolution)

    def batches(self, batch_size: int, order: torch.Generator | None = None) -> Iterator[Batch]:
        bounds = list(batch_bounds(len(self), batch_size))
        if order is None:
            yield from self._stream(_Plan(self._images(), bounds, seed=0), augment=False)
            return
        seed = int(torch.randint(2**31, (1,), generator=order))
        shuffled = self._images()[torch.randperm(len(self), generator=order)]
        yield from self._stream(_Plan(shuffled, bounds, seed), augment=self.augment)

    def batch_count(self, batch_size: int) -> int:
        return sum(1 for _ in batch_bounds(len(self), batch_size))

    def part(self, images: Sequence[int]) -> Self:
        return replace(self, chosen=self._images()[torch.as_tensor(images, dtype=torch.int64)])

    def _images(self) -> Tensor:
        return torch.arange(len(self.source)) if self.chosen is None else self.chosen

    def first(self, count: int) -> Batch:
        """Not augmented, as in a test."""
        count = min(count, len(self))
        bounds = [(start, min(count, start + FIRST_BATCH)) for start in range(0, count, FIRST_BATCH)]
        parts = list(self._stream(_Plan(self._images(), bounds, seed=0), augment=False))
        return torch.cat([images for images, _ in parts]), torch.cat([targets for _, targets in parts])

    def loaded(self, batch_size: int, ended: Callable[[], bool]) -> Iterator[Tensor]:
        order = self._images()
        numbers = full_batches(len(order), batch_size, ended)
        batches = ([(index, 0) for index in order[chosen].tolist()] for chosen in numbers)
        for images, _ in self._arriving(batches, reader_count(sys.maxsize), augment=False):
            yield images

    def _stream(self, plan: _Plan, *, augment: bool) -> Iterator[Batch]:
        """The batches of `_arriving`. The time to start and end its processes counts as waiting too."""
        arriving = self._arriving(plan, reader_count(len(plan)), augment=augment)
        while True:
            asked_s = time.perf_counter()
            batch = next(arriving, None)
            self._waited.seconds += time.perf_counter() - asked_s
            if batch is None:
                return
            yield batch

    def _arriving(self, batches: Iterable[list[tuple[int, int]]], readers: int, *, augment: bool) -> Iterator[Batch]:
        """batches: of each image its number and the seed of its augmentation. readers: how many processes."""
        loader = DataLoader(
            _Prepared(self.source, self.resolution, augment),
            batch_sampler=batches,
            num_workers=readers,
            collate_fn=_collated,
            pin_memory=self.device.type == "cuda",
        )
        arriving = iter(loader)
        while (batch := _next_of(arriving)) is not None:
            if isinstance(batch, BadInput):
                raise batch
            images, targets = (part.to(self.device, non_blocking=True) for part in batch)
            yield images, targets


def _next_of(arriving: Iterator[Batch | BadInput]) -> Batch | BadInput | None:
    try:
        return next(arriving, None)
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise MeasurementError(
            "a process that decodes images was killed, most likely for lack of memory or of space in /dev/shm; "
            f"use a smaller batch_size, or {READERS_VARIABLE}=0 to decode without such processes"
        ) from error


def reader_count(batches: int) -> int:
    """Number of reading processes; 0 if there are few batches. Raises BadOption for a setting that is not a
    number."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get(READERS_VARIABLE) or str(min(MOST_READERS, cores - 1))
    if not asked.isdecimal():
        raise BadOption(f"must be a number of processes, 0 or more (got {asked!r})", field=READERS_VARIABLE)
    return min(int(asked), batches // BATCHES_A_READER)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The images of each batch, each with the seed of its augmentation."""

    order: Tensor
    bounds: list[tuple[int, int]]
    seed: int

    def __len__(self) -> int:
        return len(self.bounds)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for start, end in self.bounds:
            yield [(index, self.seed * len(self.order) + index) for index in self.order[start:end].tolist()]


class _Prepared(Dataset[Any]):
    def __init__(self, source: Source, resolution: int, augment: bool) -> None:
        self._source, self._resolution, self._augment = source, resolution, augment

    def __getitem__(self, item: tuple[int, int]) -> Batch | BadInput:
        index, seed = item
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            try:
                return self._source.read(index, self._resolution, augment=self._augment)
            except BadInput as error:
                return error  # raised here, torch would wrap it in a traceback of its own


def _collated(items: list[Batch | BadInput]) -> Batch | BadInput:
    images, targets = [], []
    for item in items:
        if isinstance(item, BadInput):
            return item
        images.append(item[0])
        targets.append(item[1])
    return torch.stack(images), torch.stack(targets)
