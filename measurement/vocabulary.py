"""The words that recipes, records and meters share; docs/methodology.md defines them."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

TRACE_METADATA = b"measurement.trace"
"""The key of a power trace's metadata, JSON, in its Parquet file."""


class Phase(StrEnum):
    """A part of a model's life that is metered separately."""

    SEARCH = "search"
    PRETRAIN = "pretrain"
    TRAIN = "train"
    COMPRESS = "compress"
    FINETUNE = "finetune"
    INFERENCE = "inference"
    EVALUATE = "evaluate"


class Scope(StrEnum):
    """What a figure in joules covers.

    `accelerator` is the GPU alone, or the CPU package if the model runs on the CPU; `system` is GPU + CPU package +
    DRAM.
    """

    ACCELERATOR = "accelerator"
    SYSTEM = "system"


class Scenario(StrEnum):
    """MLPerf's inference scenarios: one image at a time, or the batch of highest throughput; and with its loader.

    In the first two the images are on the device already. In `end_to_end` they are read, decoded, prepared and moved
    to it inside the window.
    """

    SINGLE_STREAM = "single_stream"
    OFFLINE = "offline"
    END_TO_END = "end_to_end"


class Provenance(StrEnum):
    """Where a figure comes from, from the most to the least trusted."""

    METERED = "metered"
    EXTRAPOLATED = "extrapolated"
    REPORTED = "reported"
    ESTIMATED = "estimated"
    MISSING = "missing"


class Source(StrEnum):
    """The instrument that a figure was read from."""

    NVML_COUNTER = "nvml_counter"
    NVML_POWER = "nvml_power"
    RAPL = "rapl"
    CPU_ESTIMATE = "cpu_estimate"
    REPLAY = "replay"


class Flag(StrEnum):
    """A doubt about a measurement. Those in `HOLDING_FLAGS` hold an entry back for review."""

    FOREIGN_PROCESS = "foreign_process"
    THROTTLED = "throttled"
    COUNTER_DISAGREES = "counter_disagrees"
    WINDOW_TOO_SHORT = "window_too_short"
    INPUT_STARVED = "input_starved"
    MIG = "mig"
    NO_REPEATS = "no_repeats"
    ABOVE_POWER_LIMIT = "above_power_limit"
    BUSY_MACHINE = "busy_machine"
    OVERLOADED_MACHINE = "overloaded_machine"
    REFERENCE_DRIFT = "reference_drift"
    KERNEL_TIME = "kernel_time"
    HIDDEN_SPLIT_DISAGREES = "hidden_split_disagrees"


HOLDING_FLAGS = frozenset(
    {
        Flag.FOREIGN_PROCESS,
        Flag.THROTTLED,
        Flag.COUNTER_DISAGREES,
        Flag.ABOVE_POWER_LIMIT,
        Flag.HIDDEN_SPLIT_DISAGREES,
    }
)
DISTURBED_FLAGS = frozenset({Flag.OVERLOADED_MACHINE, Flag.REFERENCE_DRIFT})
"""The machine's other work changed a figure on a CPU: what can be measured again is; what remains is held."""

BUSY_FLAGS = DISTURBED_FLAGS | {Flag.BUSY_MACHINE}
"""The machine did other work meanwhile, whether or not that changed a figure."""

Family = Literal[
    "compact",
    "nas",
    "pruning",
    "quantization",
    "distillation",
    "low_rank",
    "efficient_training",
    "transfer",
    "dynamic",
]

Mode = Literal["full", "sampled"]
