"""A run's record with its trace, of a GPU machine whose power follows a course that a test gives."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from measurement.dataroot import sha256_of
from measurement.meters import EnergyMeter
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock
from measurement.recipe import Recipe
from measurement.record import Hardware, InferenceFigures, ModelFacts, PhaseRecord, Quality, Record, write_record
from measurement.run import record_parts
from measurement.vocabulary import Phase, Scenario
from tests.measurement.tiny import TRAIN, tiny_recipe


class Instrument:
    """A counter or sensor, set by hand."""

    range_mj, update_period_s, sample_period_s = None, 0.1, 0.05

    def __init__(self, name: str, kind: str, source: str) -> None:
        self.name, self.kind, self.source, self.value = name, kind, source, 0.0


class Counter(Instrument):
    def read_mj(self) -> float:
        return self.value


class Sensor(Instrument):
    def read_w(self) -> float:
        return self.value


Course = list[tuple[float, int]]
"""Seconds, and the milliwatts of the GPU in them; CPU and DRAM take a part of it."""


class Machine:
    """A GPU machine whose power follows a course, and the meter that reads it."""

    def __init__(self, cpu_source: str = "rapl") -> None:
        self.clock = ManualClock()
        self.counters = [
            Counter("gpu0", "gpu", "nvml_counter"),
            Counter("cpu0", "cpu", cpu_source),
            Counter("dram0", "dram", cpu_source),
        ]
        self.sensor = Sensor("gpu0", "gpu", "nvml_power")
        self.meter = EnergyMeter(
            self.counters, [self.sensor], MeterOptions(device="cuda:0", clock=self.clock, sampling=False)
        )

    def follow(self, course: Course) -> None:
        for seconds, power_mw in course:
            self.sensor.value = power_mw / 1000
            self.clock.sleep(seconds)
            for counter, share in zip(self.counters, (1.0, 0.4, 0.1), strict=True):
                counter.value += round(power_mw * share) * seconds
            self.meter.sample()


def record_a_run(
    folder: Path,
    train: Course,
    blocks: list[Course],
    cpu_source: str = "rapl",
    *,
    recipe: Recipe | None = None,
    hardware: str = "A test GPU",
) -> Record:
    """A run as the runner does it: idle, training, evaluation, inference in blocks with pauses."""
    machine = Machine(cpu_source)
    recipe = recipe or tiny_recipe(TRAIN, inference={"scenarios": ["offline"], "max_batch_size": 4})
    meter = machine.meter
    phases: list[PhaseRecord] = []
    with meter:
        meter.measure_idle(1.0)
        with meter.window("0-train") as window:
            machine.follow(train)
        phases.append(record_parts.metered(0, Phase.TRAIN, "supervised", window.measurement))
        with meter.window("1-evaluate") as window:
            machine.follow(train[:1])
        phases.append(record_parts.metered(1, Phase.EVALUATE, "evaluate", window.measurement))
        with meter.window("2-inference-offline") as window:
            for number, block in enumerate(blocks):
                if number:
                    machine.clock.sleep(0.05)
                    window.resume()
                machine.follow(block)
                window.pause()
                window.mark_block(4)
        figures = InferenceFigures(
            images=4 * len(blocks),
            batch_size=4,
            blocks=len(blocks),
            throughput_images_per_s=10,
            latency_p50_ms=1,
            latency_p90_ms=1,
            latency_p99_ms=1,
        )
        phases.append(record_parts.inference(2, Scenario.OFFLINE, window.measurement, figures))
    meter.write_trace(folder / "trace.parquet")
    now = datetime(2026, 1, 2, tzinfo=UTC)
    record = Record(
        recipe=recipe,
        recipe_sha256=recipe.sha256,
        track_protocol_version=1,
        mode="full",
        hardware=Hardware(name=hardware, kind="cuda"),
        software={},
        started_at=now,
        ended_at=now,
        quality=Quality(metric="top1", value=0.5, provenance="evaluated"),
        model=ModelFacts(architecture="test_resnet", resolution=16, parameters=1),
        idle_power_w=meter.idle_power_w,
        phases=tuple(phases),
        trace_sha256=sha256_of(folder / "trace.parquet"),
    )
    write_record(record, folder / "record.json")
    return record
