"""The joules of the one-time phases of a model: metered by others, or estimated, or missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from catalogue.arithmetic import (
    Figure,
    busy_power_w,
    device_hours_energy_j,
    middle,
    throughput_at,
    total,
    training_energy_j,
    window_edges,
    with_relative,
)
from catalogue.evidence import Spreads
from catalogue.reading import Catalogue, nearest
from catalogue.results import PublishedPhase
from catalogue.rows import ONE_TIME_PHASES, Energy, Power, Training
from catalogue.wording import between, count, joules
from measurement.vocabulary import Phase, Provenance

METERED_EPOCHS_OF = "in1k"
"""The data set of `training_per_epoch` in energies.csv."""

METER_GAIN = 0.05
"""Half the interval of a card's own gain error, relative, if joules were metered (docs/methodology.md)."""


@dataclass(frozen=True)
class Part:
    """What one row of trainings.csv took; `figure` is None if it is missing."""

    figure: Figure | None
    provenance: Provenance
    hardware: str | None
    low: float
    high: float
    sources: tuple[str, ...]
    how: str
    teacher_energy_j: float | None = None


@dataclass(frozen=True)
class Speed:
    """Images a second of a network at an image size, how it was come by and what that adds to the uncertainty."""

    images_per_s: float
    how: str
    relative: tuple[float, ...]
    source: str


class Phases:
    """Computes the phases of models of one catalogue. `metered_on` names a board whose joules others metered."""

    def __init__(self, catalogue: Catalogue, spreads: Spreads) -> None:
        self.catalogue = catalogue
        self.spreads = spreads
        self.one_time = catalogue.boards.one_time
        self.power = catalogue.power[self.one_time.hardware]
        self.of = cache(self._of)
        self._estimated_part = cache(self._estimate)

    def _of(self, model: str, metered_on: str | None = None) -> tuple[PublishedPhase, ...]:
        """The phases of a model in their order; on a board with metered joules, those first."""
        found = []
        for phase in ONE_TIME_PHASES:
            rows = [row for row in self.catalogue.trainings_of.get(model, ()) if row.phase == phase]
            if rows:
                found.append(_joined(phase, self._parts(model, phase, rows, metered_on)))
        return tuple(found)

    def _parts(self, model: str, phase: Phase, rows: list[Training], metered_on: str | None) -> list[Part]:
        whole = self._metered_whole(model, metered_on) if metered_on and phase == Phase.TRAIN else None
        if whole is not None:
            return [whole]
        return [self._metered(row, metered_on) or self._estimated_part(row) for row in rows]

    def _metered_whole(self, model: str, hardware: str) -> Part | None:
        rows = self.catalogue.metered.get((hardware, "training_total"), ())
        row = next((row for row in rows if row.model == model), None)
        if row is None:
            return None
        return self._reported(
            row, with_relative(row.joules, *self.metered_relative(row)), f"{_metered(row)}, all of it.", ()
        )

    def _metered(self, row: Training, hardware: str | None) -> Part | None:
        """Metered joules an epoch x the epochs of the schedule: same network, size and data set."""
        if hardware is None or row.epochs is None or row.dataset != METERED_EPOCHS_OF or row.teacher:
            return None
        network, px = row.network or row.model.partition(".")[0], row.resolution
        rows = self.catalogue.metered.get((hardware, "training_per_epoch"), ())
        alike = [energy for energy in rows if (energy.architecture, energy.resolution) == (network, px)]
        if not alike:
            return None
        inference = self.catalogue.metered.get((hardware, "inference_per_image"), ())
        own = {energy.framework for energy in inference if energy.model == row.model}
        energy = min(alike, key=lambda energy: energy.framework not in own)
        (epochs, of_epochs), (passes, of_passes) = _epochs(row), _passes(row)
        figure = with_relative(energy.joules * epochs * passes, *self.metered_relative(energy), of_epochs, of_passes)
        how = (
            f"{_metered(energy)} an epoch x {between(row.epochs, row.epochs_max)} epochs = {joules(figure.energy_j)}."
        )
        return self._reported(energy, figure, how, (row.source,))

    def metered_relative(self, row: Energy) -> tuple[float, float]:
        """Of metered joules: the edges of the window, and how far another framework's joules would be."""
        edges = window_edges(self.catalogue.sources[row.source].update_period_s or 0.0, row.duration_s)
        return edges, self.spreads.between_frameworks.get(row.what, 0.0)

    def _reported(self, row: Energy, figure: Figure, how: str, sources: tuple[str, ...]) -> Part:
        cited = (row.source, *sources)
        return Part(figure, Provenance.REPORTED, row.hardware, 1 - METER_GAIN, 1 + METER_GAIN, cited, how)

    def _estimate(self, row: Training) -> Part:
        if row.phase == Phase.SEARCH:
            return self._search(row)
        if row.epochs is None or row.images is None or row.resolution is None:
            return _missing(row)
        (epochs, of_epochs), (passes, of_passes) = _epochs(row), _passes(row)
        seen = row.images * epochs
        student = self._speed(row.network or row.model.partition(".")[0], row.resolution)
        if student is None:
            return _missing(row, f"nobody timed {row.network or row.model} on {self.power.hardware}")
        power_w = busy_power_w(self.power.limit_w, self.power.share or 0.0)
        own = with_relative(
            training_energy_j(seen * passes, power_w, student.images_per_s),
            self.spreads.of_evidence[self.one_time.training_evidence],
            of_epochs,
            of_passes,
            *student.relative,
        )
        in_words = "" if row.passes is None else f" x {between(row.passes, row.passes_max)} passes"
        data = row.dataset or "the data set"
        how = (
            f"{between(row.epochs, row.epochs_max)} epochs x {count(row.images)} images of {data}{in_words} at "
            f"{row.resolution} px, {student.how}, at {count(power_w)} W: {joules(own.energy_j)}."
        )
        sources, parts, teacher_energy_j = (row.source, student.source), [own], None
        if row.teacher:
            taught = self._teacher(row.teacher, row.resolution, seen, power_w, of_epochs)
            if taught is None:
                return _missing(row, f"nobody timed its teacher {row.teacher} on {self.power.hardware}")
            parts.append(taught[0])
            teacher_energy_j = taught[0].energy_j
            how = f"{how} {taught[1]}"
        return replace(self._estimated(self.power, total(parts), how, sources), teacher_energy_j=teacher_energy_j)

    def _teacher(self, tag: str, px: int, seen: float, power_w: float, spread: float) -> tuple[Figure, str] | None:
        speed = self._inference_speed(tag.partition(".")[0], px)
        if speed is None:
            return None
        relative = self.spreads.of_evidence[self.one_time.inference_evidence]
        figure = with_relative(
            training_energy_j(seen, power_w, speed.images_per_s), relative, spread, *speed.relative
        )
        return figure, f"Its teacher {tag} saw the same images once, {speed.how}: {joules(figure.energy_j)}."

    def _speed(self, network: str, px: int) -> Speed | None:
        """Training throughput: timed at this size or scaled from another, else inference's over the mean ratio."""
        timed = self._timed("training", network, px)
        if timed is not None:
            return timed
        inference = self._inference_speed(network, px)
        if inference is None:
            return None
        ratio = self.spreads.training_slower_by
        images_per_s = inference.images_per_s / ratio
        how = f"{count(images_per_s)} images/s (inference's {inference.how} / {ratio:.3g}, the mean ratio)"
        return Speed(images_per_s, how, (*inference.relative, self.spreads.training_ratio), inference.source)

    def _inference_speed(self, network: str, px: int) -> Speed | None:
        return self._timed("inference", network, px)

    def _timed(self, kind: str, network: str, px: int) -> Speed | None:
        sizes = self.catalogue.throughputs_of.get((self.one_time.hardware, kind, network))
        if not sizes:
            return None
        measured = nearest(sizes, px)
        row = sizes[measured]
        if measured == px:
            return Speed(row.images_per_s, f"{count(row.images_per_s)} images/s", (), row.source)
        images_per_s = throughput_at(row.images_per_s, measured, px)
        how = f"{count(images_per_s)} images/s (scaled by area from {count(row.images_per_s)} at {measured} px)"
        return Speed(images_per_s, how, (self.spreads.by_area,), row.source)

    def _search(self, row: Training) -> Part:
        power = self.catalogue.power.get(row.hardware or "")
        if row.amount is None or power is None or power.share is None:
            return _missing(row)
        hours, relative = (row.amount, 0.0) if row.amount_max is None else middle(row.amount, row.amount_max)
        power_w = busy_power_w(power.limit_w, power.share)
        own_share = middle(power.share_low or power.share, power.share_high or power.share)[1]
        figure = with_relative(device_hours_energy_j(hours, power_w), relative, own_share)
        hours_in_words = between(row.amount, row.amount_max)
        how = f"{hours_in_words} hours of a {power.hardware} at {count(power_w)} W: {joules(figure.energy_j)}."
        return self._estimated(power, figure, how, (row.source,))

    def _estimated(self, power: Power, figure: Figure, how: str, sources: tuple[str, ...]) -> Part:
        share = power.share or 1.0
        low, high = (power.share_low or share) / share, (power.share_high or share) / share
        cited = (*sources, power.limit_source, power.share_source or "")
        return Part(figure, Provenance.ESTIMATED, power.hardware, low, high, cited, how)


def _epochs(row: Training) -> tuple[float, float]:
    """Epochs, and the relative standard uncertainty if only a range is known."""
    epochs = row.epochs or 0.0
    return (epochs, 0.0) if row.epochs_max is None else middle(epochs, row.epochs_max)


def _passes(row: Training) -> tuple[float, float]:
    """Ordinary forward and backward passes of an image in an epoch: 1 unless the row says otherwise."""
    passes = 1.0 if row.passes is None else row.passes
    return (passes, 0.0) if row.passes_max is None else middle(passes, row.passes_max)


def _missing(row: Training, why: str = "") -> Part:
    reason = why or row.note or "nobody states it"
    return Part(None, Provenance.MISSING, None, 0, 0, (row.source,), f"Missing: {reason}.")


def _metered(row: Energy) -> str:
    return f"Metered on a {row.hardware} ({row.framework}, batch {row.batch}): {joules(row.joules)}"


def _joined(phase: Phase, parts: list[Part]) -> PublishedPhase:
    """One phase out of its rows: their sum, or missing if one is."""
    how = " ".join(part.how for part in parts)
    sources = tuple(dict.fromkeys(source for part in parts for source in part.sources if source))
    figures = [part.figure for part in parts if part.figure is not None]
    if len(figures) < len(parts):
        return PublishedPhase(phase, Provenance.MISSING, None, None, None, None, None, sources, how)
    figure = total(figures)
    taught = [part.teacher_energy_j for part in parts if part.teacher_energy_j is not None]
    estimated = any(part.provenance == Provenance.ESTIMATED for part in parts)
    return PublishedPhase(
        phase=phase,
        provenance=Provenance.ESTIMATED if estimated else Provenance.REPORTED,
        hardware=" and ".join(dict.fromkeys(part.hardware for part in parts if part.hardware)),
        energy_j=figure.energy_j,
        u95_j=figure.u95_j,
        absolute_low_j=sum(part.figure.energy_j * part.low for part in parts if part.figure is not None),
        absolute_high_j=sum(part.figure.energy_j * part.high for part in parts if part.figure is not None),
        sources=sources,
        how=how,
        teacher_energy_j=sum(taught) if taught else None,
    )
