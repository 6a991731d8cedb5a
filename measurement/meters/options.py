"""How an energy meter is set up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from measurement.meters.base import Clock, SystemClock
from measurement.meters.device_lock import DeviceLock
from measurement.meters.observation import Observer


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterOptions:
    """synchronize: waits for the device's work, called before a window opens and closes.

    sampling: read instruments in a thread; if not, only `sample()` reads them between edges, for replays. observers:
    observe the devices once a second while a window is open. locks: keep other measurements off them. identities:
    component to UUID, by which each card's own calibration is found. notes: what every measurement is to say, such as
    an instrument that can't be read.
    """

    device: str = "cpu"
    clock: Clock = field(default_factory=SystemClock)
    synchronize: Callable[[], None] | None = None
    sampling: bool = True
    require_metered: bool = False
    observers: Sequence[Observer] = ()
    locks: Sequence[DeviceLock] = ()
    identities: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
