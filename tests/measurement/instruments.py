"""Instruments of constant power on a clock set by hand, and meters made of them."""

from __future__ import annotations

import math

from measurement.errors import MeterFailure
from measurement.meters import EnergyMeter
from measurement.meters.options import MeterOptions
from measurement.vocabulary import Source


class Steady:
    """An energy counter of constant power on a given clock, which ticks at a given interval."""

    source = Source.REPLAY
    sample_period_s = 0.05
    range_mj = None

    def __init__(self, clock, power_w, name="cpu0", kind="cpu", update_period_s=0.001):
        self.clock, self.power_w, self.name, self.kind = clock, power_w, name, kind
        self.update_period_s = update_period_s
        self.fails = False

    def read_mj(self):
        if self.fails:
            raise MeterFailure("the device is lost; reboot")
        return (
            math.floor(self.clock.monotonic_s() / self.update_period_s) * self.update_period_s * self.power_w * 1000
        )


class Gauge(Steady):
    """A power sensor of constant power."""

    def read_w(self):
        return self.power_w

    read_mj = None


def cpu_meter(clock, power_w=100.0, **options):
    counters = [Steady(clock, power_w), Steady(clock, 10.0, "dram0", "dram")]
    return EnergyMeter(counters, options=MeterOptions(device="cpu", clock=clock, sampling=False, **options))


def gpu_meter(clock, gpu, sensors=(), **options):
    counters = [*gpu, Steady(clock, 50.0), Steady(clock, 10.0, "dram0", "dram")]
    return EnergyMeter(counters, sensors, MeterOptions(device="cuda:0", clock=clock, sampling=False, **options))
