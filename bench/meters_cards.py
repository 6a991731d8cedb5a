"""The cards whose energy the meters are compared on: what each draws, and the order of its windows."""

from __future__ import annotations

import random

from tests.simulated.gpu import SimulatedGpu, h100
from tests.simulated.profiles import Profile

IDLE = Profile.constant(70.0)
SQUARE_PERIODS_S = {"square 0.3 s": 0.3, "square 0.7 s": 0.7, "square 1 s": 1.0, "square 3 s": 3.0}
KINDS = ("constant", *SQUARE_PERIODS_S, "bursts", "training")

WINDOWS = {0.5: 6, 1.0: 5, 2.0: 5, 5.0: 5, 10.0: 2}
LONG_WINDOWS = {30.0: 2, 60.0: 2}
"""Seconds of a window: number of such windows."""

GAP_S = 0.9
"""Between the end of one window and the beginning of the next: time for a meter that waits for ticks."""


def card(kind: str, seed: int, *, follows_work: bool, name: str = "") -> SimulatedGpu:
    """A card with phases, jitter, noise and latency of `seed`, and no gain error.

    Its power is independent of the windows, or idles at 70 W and follows the work that a window brackets. Same kind
    and seed, same power; `name` makes its UUID differ, so that no two processes meter one device. A square wave's
    period is up to 3 % off its name: no work stays in step with a sensor for long, and no meter could measure work
    that does.
    """
    random_ = random.Random(f"{kind} {seed}")
    if kind == "constant":
        profile = Profile.constant(random_.uniform(100, 400))
    elif kind in SQUARE_PERIODS_S:
        period_s = SQUARE_PERIODS_S[kind] * random_.uniform(0.97, 1.03)
        profile = Profile.square(90, 380, period_s, random_.uniform(0.3, 0.7), random_.random())
    elif kind == "bursts":
        profile = Profile.bursts(seed)
    else:
        profile = Profile.training(seed)
    base = h100(IDLE, work=profile, work_decay_s=0.05) if follows_work else h100(profile)
    marks = f"{abs(random_.getrandbits(32)):08x}-{sum(map(ord, name)):04x}"
    return base.realistic(seed + 1, uuid=f"GPU-{marks}-4000-8000-{seed:012x}")


def schedule(windows: dict[float, int], seed: int) -> list[tuple[float, float, float]]:
    """(begin, nominal length, length) in seconds from the first window's begin on, in a random order of `seed`.

    Begin and length lie anywhere between two ticks of the counter. Were lengths whole ticks, the counter's error at
    the begin would cancel that at the end, and its plain difference would look better than it is.
    """
    random_ = random.Random(seed)
    lengths = [nominal_s for nominal_s, count in windows.items() for _ in range(count)]
    random_.shuffle(lengths)
    planned, at_s = [], 0.0
    for nominal_s in lengths:
        length_s = nominal_s + random_.uniform(0, 0.1)
        planned.append((at_s, nominal_s, length_s))
        at_s += length_s + GAP_S + random_.uniform(0, 0.1)
    return planned
