"""Logs of one to eight devices, in every layout: the exact joules or a refusal, never another number.

`POWER_LOGS=20000` tries as many; the suite a few hundred. Each is made from its number, so that a fault can be looked
at alone: `make_log(1234).content`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from measurement.errors import BadInput
from measurement.traces.integrate import integrate_trace
from tests.measurement.power_logs import Log, make_log

NUMBER = int(os.environ.get("POWER_LOGS", "400"))


def joules(path: Path, gpu: str | None) -> float | None:
    try:
        return integrate_trace(path, gpu=gpu).energy_j
    except BadInput:
        return None


def answers(log: Log, path: Path) -> list[tuple[str | None, float | None, float | None]]:
    """For each way to ask: `--gpu`, the joules given, and those that are right, None if none are."""
    path.write_bytes(log.content)
    exact = {device: None if value is None else float(value) for device, value in log.exact_j.items()}
    all_j = None if None in exact.values() else sum(exact.values())
    alone_j = all_j if len(exact) == 1 else None
    asked = [(None, joules(path, None), alone_j)]
    if not log.tells_devices:
        return [*asked, ("all", joules(path, "all"), alone_j)]
    asked.append(("all", joules(path, "all"), all_j))
    labels = log.options.get("labels") or {device: str(device) for device in exact}
    device = max(exact)
    asked.append((labels[device], joules(path, labels[device]), exact[device]))
    return asked


def test_the_exact_joules_or_a_refusal(tmp_path):
    wrong, plain, given = [], 0, 0
    for seed in range(NUMBER):
        log = make_log(seed)
        if not log.exact_j:
            continue
        for gpu, got_j, right_j in answers(log, tmp_path / "log.csv"):
            if got_j is not None and (right_j is None or got_j != pytest.approx(right_j, rel=1e-9, abs=1e-9)):
                wrong.append(f"seed {seed}, {log.layout}, --gpu {gpu}: {got_j} J, right {right_j}")
            if log.is_plain and gpu is not None and right_j is not None:
                plain += 1
                given += got_j is not None
    assert not wrong, f"{len(wrong)} of {NUMBER} logs\n" + "\n".join(wrong[:20])
    # A reader that refuses everything is never wrong either: of logs with nothing amiss nearly all are read.
    assert given >= 0.95 * plain > 0
