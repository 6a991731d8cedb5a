"""Instruments (NVML, RAPL, an estimate, a replay) and the meter that reads them in named windows."""

from measurement.meters.meter import EnergyMeter
from measurement.meters.phase import Block, MeasuredEnergy, PhaseMeasurement
from measurement.meters.window import Window

__all__ = ["Block", "EnergyMeter", "MeasuredEnergy", "PhaseMeasurement", "Window"]
