"""All results of a catalogue: each board's inference, and the one-time phases of every model on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from catalogue.arithmetic import busy_power_w, energy_per_image_j, with_relative
from catalogue.check import load
from catalogue.evidence import spreads
from catalogue.phases import METER_GAIN, Phases
from catalogue.reading import Catalogue
from catalogue.results import PublishedPhase, PublishedResult
from catalogue.rows import Energy, Model, Throughput
from catalogue.schedule import schedule_of
from catalogue.settings import Board
from catalogue.wording import count, joules
from measurement.vocabulary import Provenance


def published_results(folder: Path | None = None) -> list[PublishedResult]:
    """Every result of the catalogue in `folder` (ours if none is given), board by board.

    Raises CatalogueError with every fault if the catalogue has any: nothing of a faulty one is published.
    """
    return results_of(load(folder))


def results_of(catalogue: Catalogue) -> list[PublishedResult]:
    """Every result of a catalogue that has been checked."""
    phases = Phases(catalogue, spreads(catalogue))
    return [result for board in catalogue.boards.boards for result in _of_board(board, phases)]


def _of_board(board: Board, phases: Phases) -> Iterator[PublishedResult]:
    for model in phases.catalogue.models:
        if board.inference == "reported":
            metered = phases.catalogue.metered.get((board.hardware, "inference_per_image"), ())
            energies = [e for e in metered if (e.model, e.resolution) == (model.model, model.resolution)]
            yield from (_reported(board, phases, model, energy) for energy in energies[:1])
        else:
            key = board.hardware, "inference", model.architecture
            throughput = phases.catalogue.throughputs_of.get(key, {}).get(model.resolution)
            if throughput is not None:
                yield _estimated(board, phases, model, throughput)


def _estimated(board: Board, phases: Phases, model: Model, throughput: Throughput) -> PublishedResult:
    power = phases.catalogue.power[board.hardware]
    share = power.share or 0.0
    power_w = busy_power_w(power.limit_w, share)
    energy_j = energy_per_image_j(power_w, throughput.images_per_s)
    figure = with_relative(energy_j, phases.spreads.of_evidence[board.evidence])
    return _result(
        board,
        phases,
        model,
        batch=throughput.batch,
        precision=throughput.precision,
        throughput_img_s=throughput.images_per_s,
        provenance=Provenance.ESTIMATED,
        energy_j=energy_j,
        u95_j=figure.u95_j,
        low_j=energy_j * (power.share_low or share) / share,
        high_j=energy_j * (power.share_high or share) / share,
        how=f"{count(power_w)} W / {count(throughput.images_per_s)} images/s = {joules(energy_j)}.",
        sources=(model.source, throughput.source, power.limit_source, power.share_source or ""),
        one_time=phases.of(model.model),
    )


def _reported(board: Board, phases: Phases, model: Model, energy: Energy) -> PublishedResult:
    busy = "" if energy.utilisation is None else f", the GPU busy {energy.utilisation:.0%} of the time"
    how = f"Metered over {count(energy.images)} images ({energy.framework}, batch {energy.batch}{busy})."
    return _result(
        board,
        phases,
        model,
        batch=energy.batch,
        precision=board.precision,
        throughput_img_s=energy.images / energy.duration_s,
        provenance=Provenance.REPORTED,
        energy_j=energy.joules,
        u95_j=with_relative(energy.joules, *phases.metered_relative(energy)).u95_j,
        low_j=energy.joules * (1 - METER_GAIN),
        high_j=energy.joules * (1 + METER_GAIN),
        how=how,
        sources=(model.source, energy.source),
        one_time=phases.of(model.model, board.hardware),
    )


def _result(
    board: Board,
    phases: Phases,
    model: Model,
    *,
    batch: int,
    precision: str,
    throughput_img_s: float,
    provenance: Provenance,
    energy_j: float,
    u95_j: float,
    low_j: float,
    high_j: float,
    how: str,
    sources: tuple[str, ...],
    one_time: tuple[PublishedPhase, ...],
) -> PublishedResult:
    settings = phases.catalogue.boards
    trainings = phases.catalogue.trainings_of[model.model]
    quality_source, *inference_sources = sources
    cited = [*sources, *(source for phase in one_time for source in phase.sources)]
    return PublishedResult(
        track=settings.track,
        model=model.model,
        architecture=model.architecture,
        title=f"{model.architecture} ({model.model.partition('.')[2]}) at {model.resolution} px",
        family=model.family,
        resolution=model.resolution,
        quality=model.top1,
        quality_metric=settings.quality_metric,
        parameters=round(model.parameters_m * 1e6),
        macs=round(model.gmacs * 1e9),
        hardware=board.hardware,
        scenario=board.scenario,
        scope=board.scope,
        batch=batch,
        precision=precision,
        throughput_img_s=throughput_img_s,
        inference_energy_j=energy_j,
        inference_provenance=provenance,
        inference_u95_j=u95_j,
        inference_absolute_low_j=low_j,
        inference_absolute_high_j=high_j,
        inference_how=how,
        inference_sources=tuple(source for source in inference_sources if source),
        quality_source=quality_source,
        phases=one_time,
        sources=tuple(dict.fromkeys(source for source in cited if source)),
        teacher=next((row.teacher for row in trainings if row.teacher), None),
        schedule=schedule_of(trainings),
        notes=tuple(dict.fromkeys(row.note for row in trainings if row.note)),
    )
