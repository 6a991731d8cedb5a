"""The tables of a catalogue: a class a table, and what its columns may hold. docs/catalogue.md explains them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from catalogue.cells import Column, architecture, number, one_of, optional, pixels, share, tag, text, whole
from catalogue.faults import Place
from measurement.vocabulary import Family, Phase, Scope

ONE_TIME_PHASES = (Phase.SEARCH, Phase.PRETRAIN, Phase.TRAIN, Phase.COMPRESS, Phase.FINETUNE)
KINDS = ("inference", "training")
METERED = ("inference_per_image", "training_per_epoch", "training_total")
PRECISIONS = ("fp32", "tf32", "amp", "fp16", "bf16", "int8")
UNITS = ("device_hours",)
CONFIDENCES = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Model:
    """Weights at an image size: what they reach and how large they are."""

    place: Place
    model: str
    architecture: str
    family: str
    resolution: int
    top1: float
    top5: float | None
    parameters_m: float
    gmacs: float
    source: str


@dataclass(frozen=True, slots=True)
class Training:
    """A part of how weights came about. An empty `epochs` (or `amount`, of a search) is not known: missing."""

    place: Place
    model: str
    phase: str
    dataset: str | None
    images: int | None
    epochs: float | None
    epochs_max: float | None
    passes: float | None
    passes_max: float | None
    resolution: int | None
    network: str | None
    teacher: str | None
    amount: float | None
    amount_max: float | None
    unit: str | None
    hardware: str | None
    confidence: str
    source: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Throughput:
    """Images a second of an architecture at an image size, with any weights."""

    place: Place
    architecture: str
    resolution: int
    hardware: str
    kind: str
    precision: str
    batch: int
    images_per_s: float
    source: str


@dataclass(frozen=True, slots=True)
class Energy:
    """Joules that somebody metered. Without a `model` they show how well throughput predicts joules, and no more."""

    place: Place
    model: str | None
    architecture: str
    resolution: int
    hardware: str
    what: str
    joules: float
    images: int
    duration_s: float
    mean_power_w: float | None
    utilisation: float | None
    batch: int
    framework: str
    scope: str
    source: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Power:
    """A hardware's power limit and the share of it that busy hardware draws on average."""

    place: Place
    hardware: str
    limit_w: float
    limit_source: str
    share: float | None
    share_low: float | None
    share_high: float | None
    share_source: str | None
    note: str | None


_count = whole(least=1, most=10_000_000_000, unit="images")
_epochs = number(least=0, most=100_000, unit="epochs")
_passes = number(above=0, most=100, unit="passes an image")
_hours = number(above=0, most=1e9, unit="hours")
_batch = whole(least=1, most=1_000_000, unit="images")
_watts = number(above=0, most=10_000, unit="watts")
_share_of_limit = number(above=0, most=1.5)

COLUMNS: dict[type, dict[str, Column]] = {
    Model: {
        "model": Column(tag),
        "architecture": Column(architecture),
        "family": Column(one_of(get_args(Family))),
        "resolution": Column(pixels),
        "top1": Column(share),
        "top5": optional(share),
        "parameters_m": Column(number(above=0, most=1e6, unit="millions")),
        "gmacs": Column(number(above=0, most=1e6, unit="billions of multiply-accumulates an image")),
        "source": Column(text),
    },
    Training: {
        "model": Column(tag),
        "phase": Column(one_of(ONE_TIME_PHASES)),
        "dataset": optional(text),
        "images": optional(_count),
        "epochs": optional(_epochs),
        "epochs_max": optional(_epochs),
        "passes": optional(_passes),
        "passes_max": optional(_passes),
        "resolution": optional(pixels),
        "network": optional(architecture),
        "teacher": optional(tag),
        "amount": optional(_hours),
        "amount_max": optional(_hours),
        "unit": optional(one_of(UNITS)),
        "hardware": optional(text),
        "confidence": Column(one_of(CONFIDENCES)),
        "source": Column(text),
        "note": optional(text),
    },
    Throughput: {
        "architecture": Column(architecture),
        "resolution": Column(pixels),
        "hardware": Column(text),
        "kind": Column(one_of(KINDS)),
        "precision": Column(one_of(PRECISIONS)),
        "batch": Column(_batch),
        "images_per_s": Column(number(above=0, most=1e8, unit="images a second")),
        "source": Column(text),
    },
    Energy: {
        "model": optional(tag),
        "architecture": Column(architecture),
        "resolution": Column(pixels),
        "hardware": Column(text),
        "what": Column(one_of(METERED)),
        "joules": Column(number(above=0, most=1e15, unit="joules")),
        "images": Column(_count),
        "duration_s": Column(number(above=0, most=1e9, unit="seconds")),
        "mean_power_w": optional(_watts),
        "utilisation": optional(share),
        "batch": Column(_batch),
        "framework": Column(text),
        "scope": Column(one_of(tuple(Scope))),
        "source": Column(text),
        "note": optional(text),
    },
    Power: {
        "hardware": Column(text),
        "limit_w": Column(_watts),
        "limit_source": Column(text),
        "share": optional(_share_of_limit),
        "share_low": optional(_share_of_limit),
        "share_high": optional(_share_of_limit),
        "share_source": optional(text),
        "note": optional(text),
    },
}
