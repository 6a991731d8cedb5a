"""The energy meter: named windows over every instrument of a machine, sampled in a thread of its own."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from measurement.errors import MeterFailure
from measurement.meters.accumulators import Accumulator, CounterAccumulator, PowerAccumulator
from measurement.meters.base import (
    Clock,
    EnergyCounter,
    Kind,
    PowerSensor,
    SystemClock,
    kinds_in_scope,
)
from measurement.meters.calibration import gain_relative_u
from measurement.meters.components import Component, group_components, preferred
from measurement.meters.observation import OBSERVATION_PERIOD_S, WindowObservations
from measurement.meters.options import MeterOptions
from measurement.meters.phase import MeasurementBuilder, PhaseMeasurement
from measurement.meters.sampler import Sampler
from measurement.meters.window import Window
from measurement.traces.trace import TraceComponent, WindowMark, write_trace
from measurement.vocabulary import Provenance, Scope, Source

IDLE_SLICES = 5


class EnergyMeter:
    """Measures the joules of named windows. Use it as a context manager; windows follow one another.

        with EnergyMeter.for_device("cuda:0", synchronize=torch.cuda.synchronize) as meter:
            meter.measure_idle()
            with meter.window("train") as window:
                train()
        window.measurement.to_energy(Scope.ACCELERATOR)

    The sampling thread only reads instruments; it never imports torch and never touches CUDA. `remedies` says, for
    each kind of component without a meter, what would give it one.
    """

    def __init__(
        self,
        counters: Sequence[EnergyCounter] = (),
        sensors: Sequence[PowerSensor] = (),
        options: MeterOptions | None = None,
    ) -> None:
        options = options or MeterOptions()
        self.device = options.device
        self.clock = options.clock
        self.idle_power_w: dict[Scope, float | None] = dict.fromkeys(Scope)
        self.idle_deviation_w: dict[Scope, float | None] = dict.fromkeys(Scope)
        self.remedies: dict[Kind, str] = {}
        self._synchronize = options.synchronize
        self._sampling = options.sampling
        self._require_metered = options.require_metered
        self._observers = tuple(options.observers)
        self._notes = tuple(options.notes)
        self._observations: WindowObservations | None = None
        self._locks = tuple(options.locks)
        self._held = ExitStack()
        # Quick instruments first, so that they are read nearest to the time that a closing edge is stamped with.
        accumulators: list[Accumulator] = [
            *(CounterAccumulator(item) for item in counters),
            *(PowerAccumulator(item) for item in sensors),
        ]
        accumulators.sort(key=lambda accumulator: accumulator.instrument.sample_period_s)
        self._sampler = Sampler(accumulators, self.clock)
        self._accumulators = self._sampler.accumulators
        self._components = group_components(self._accumulators)
        self._gains_relative_u = {
            part.name: gain_relative_u(options.identities.get(part.name, part.kind)) for part in self._components
        }
        self._marks: list[WindowMark] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._started = False
        self._window: Window | None = None

    @classmethod
    def for_device(
        cls,
        device: str | Sequence[str],
        *,
        require_metered: bool = False,
        clock: Clock | None = None,
        synchronize: Callable[[], None] | None = None,
    ) -> EnergyMeter:
        """A meter of everything that this machine can read for a model on `device`: `cpu`, `cuda:0` or several GPUs.

        Raises BadOption for a device that doesn't exist, MeterMissing if `require_metered` and the accelerator scope
        has no energy counter or power sensor, or if the GPU is in MIG mode.
        """
        from measurement.meters.discovery import discover

        clock = clock if clock is not None else SystemClock()
        found = discover(device, clock)
        if require_metered:
            found.require_metered()
        meter = cls(
            found.counters,
            found.sensors,
            MeterOptions(
                device=found.device,
                clock=clock,
                synchronize=synchronize,
                require_metered=require_metered,
                observers=found.observers,
                locks=found.locks,
                identities=found.identities,
                notes=found.notes,
            ),
        )
        meter.remedies = dict(found.remedies)
        return meter

    def __enter__(self) -> Self:
        if self._started:
            raise RuntimeError("this meter was started already; create another")
        self._held.enter_context(self.exclusive())
        self._started = True
        self._sampler.calibrate()
        self._sampler.close(aligned=False)
        if self._sampling and self._accumulators:
            self._thread = threading.Thread(target=self._run, name="energy-meter", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._held:
            self._stop.set()
            if self._thread is not None:
                self._thread.join(timeout=10)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other measurements off the device while open; entering the meter does this itself.

        Raises NotTrustworthy if another process measures on it.
        """
        with ExitStack() as held:
            for lock in self._locks:
                held.enter_context(lock)
            yield

    @contextmanager
    def window(self, name: str) -> Iterator[Window]:
        """Measure the body under `name`. Afterwards the window's `measurement` holds the result.

        Work on the GPU is waited for before the window opens and before it closes. Raises RuntimeError inside another
        window or outside the meter, MeterFailure if a required meter stopped answering. A window whose body raises is
        closed without waiting for the GPU, and the error propagates.
        """
        if not self._started or self._stop.is_set():
            raise RuntimeError("open windows inside `with meter:`")
        if self._window is not None:
            raise RuntimeError(f"window {self._window.name!r} is open: windows follow one another, they don't nest")
        observations = WindowObservations(self._observers)
        observations.begin()
        self._wait_for_device()
        window = self._window = Window(name, self._sampler, self._wait_for_device, self.clock, self._live)
        self._observations = observations
        try:
            yield window
        except BaseException:
            window.end(synchronize=False)
            window.close(self._builder(observations))
            raise
        else:
            window.end()
            observations.end()
            window.close(self._builder(observations))
            self._check(window.measurement)
        finally:
            self._window = self._observations = None
            if window.is_closed:
                self._marks.append(_mark(window.measurement, self._builder(observations)))

    def discard(self, name: str) -> None:
        """Rename the last window of this name in the trace: another one of the same name takes its place."""
        discarded = sum(mark.name.startswith(f"{name}-discarded-") for mark in self._marks)
        position = max(at for at, mark in enumerate(self._marks) if mark.name == name)
        self._marks[position] = replace(self._marks[position], name=f"{name}-discarded-{discarded + 1}")

    def measure_idle(self, seconds: float | None = None) -> dict[Scope, float | None]:
        """Mean watts per scope with nothing running, remembered in `idle_power_w`; None if a scope is missing.

        Load the model's device first (a CUDA context draws power of its own). By default 30 s on a GPU, whose power
        settles slowly, and 10 s with RAPL. If all instruments are estimates 1 s is enough: the estimate counts this
        process's own CPU time, which is zero while it sleeps.
        """
        if seconds is None:
            seconds = self._idle_seconds()
        with self.window("idle") as window:
            for _ in range(IDLE_SLICES):
                self.clock.sleep(seconds / IDLE_SLICES)
                window.mark_block()
        measured = window.measurement
        for scope in Scope:
            energy_j = measured.energies[scope].energy_j
            self.idle_power_w[scope] = None if energy_j is None else energy_j / measured.duration_s
            powers = [(block.energies_j[scope], block.duration_s) for block in measured.blocks]
            known = [joules / slice_s for joules, slice_s in powers if joules is not None and slice_s > 0]
            self.idle_deviation_w[scope] = statistics.stdev(known) if len(known) > 1 else None
        return dict(self.idle_power_w)

    def sample(self) -> None:
        """Read the instruments that are due. The sampling thread does this; call it if there is no thread."""
        self._sampler.sample()

    def observe(self) -> None:
        """Observe the devices of an open window once. The sampling thread does this once a second."""
        if (observations := self._observations) is not None:
            observations.observe()

    def sources(self, scope: Scope) -> tuple[Source, ...]:
        """The instruments of a scope; none if a part of it has no meter."""
        return tuple(dict.fromkeys(accumulator.instrument.source for _, accumulator in self._live(scope) or ()))

    def write_trace(self, path: Path | str, earlier: Path | None = None) -> None:
        """Write all readings and window marks as Parquet (`measurement.traces.trace`), after those of `earlier`."""
        with self._sampler.lock:
            write_trace(
                Path(path),
                self._sampler.readings,
                [self._trace_component(component) for component in self._components],
                self._marks,
                {
                    "device": self.device,
                    "wall_at_zero": self.clock.wall_at_zero.isoformat(),
                    "idle_power_w": dict(self.idle_power_w),
                    "idle_deviation_w": dict(self.idle_deviation_w),
                },
                earlier=earlier,
            )

    def _run(self) -> None:
        period_s = min(accumulator.instrument.sample_period_s for accumulator in self._accumulators)
        observed_s = 0.0
        while not self._stop.wait(period_s):
            self.sample()
            now_s = self.clock.monotonic_s()
            if now_s - observed_s >= OBSERVATION_PERIOD_S:
                observed_s = now_s
                self.observe()

    def _wait_for_device(self) -> None:
        if self._synchronize is not None:
            self._synchronize()

    def _live(self, scope: Scope) -> list[tuple[int, Accumulator]] | None:
        """The accumulators that the scope's live figures are sums of; None if one is missing."""
        kinds = kinds_in_scope(scope, self.device)
        chosen = [component for component in self._components if component.kind in kinds]
        if {component.kind for component in chosen} != kinds:
            return None
        return [(component.positions[0], preferred(self._accumulators, component)) for component in chosen]

    def _builder(self, observations: WindowObservations) -> MeasurementBuilder:
        return MeasurementBuilder(
            self.device,
            self._components,
            self._accumulators,
            self._gains_relative_u,
            self.idle_power_w,
            observations,
            self._notes,
        )

    def _check(self, measured: PhaseMeasurement) -> None:
        if self._thread is not None and not self._thread.is_alive():
            raise MeterFailure("the sampling thread died, so counters may have wrapped unnoticed; run again")
        if self._require_metered and measured.energies[Scope.ACCELERATOR].provenance != Provenance.METERED:
            reason = "; ".join(measured.notes) or "no reading"
            raise MeterFailure(f"the accelerator's meter stopped answering during {measured.name!r}: {reason}")

    def _idle_seconds(self) -> float:
        if any(accumulator.instrument.kind == "gpu" for accumulator in self._accumulators):
            return 30.0
        return (
            1.0
            if all(accumulator.instrument.source == Source.CPU_ESTIMATE for accumulator in self._accumulators)
            else 10.0
        )

    def _trace_component(self, component: Component) -> TraceComponent:
        columns: dict[bool, str] = {}
        for position in component.positions:
            columns[isinstance(self._accumulators[position], CounterAccumulator)] = self._sampler.columns[position]
        first = preferred(self._accumulators, component)
        return TraceComponent(
            component.name,
            component.kind,
            first.instrument.source,
            first.hold_s,
            component.kind in kinds_in_scope(Scope.ACCELERATOR, self.device),
            columns.get(True),
            columns.get(False),
        )


def _mark(measured: PhaseMeasurement, builder: MeasurementBuilder) -> WindowMark:
    columns = {}
    for component in builder.components:
        position = measured.components[component.name].position
        if position is not None:
            second = position != component.positions[0]
            columns[component.name] = f"{component.name}_sensor_w" if second else f"{component.name}_w"
    return WindowMark(
        measured.name,
        measured.started_s,
        measured.ended_s,
        measured.pauses,
        {scope: energy.energy_j for scope, energy in measured.energies.items()},
        {name: part.energy_j for name, part in measured.components.items()},
        columns,
    )
