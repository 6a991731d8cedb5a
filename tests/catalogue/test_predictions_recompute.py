"""How well throughput predicts metered joules: the table of `predict`, recomputed from the cells by other means."""

from __future__ import annotations

import json
import math
import statistics
from itertools import combinations
from typing import Any

import pytest

import catalogue
from catalogue.__main__ import main
from catalogue.agreement import kendall_tau, quantile
from tests.catalogue.copies import I9, RTX_3090, RTX_5000, table, throughputs


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: lines.append(str(words[0])))
        assert main(["predict", "--json"]) == 0
    document: dict[str, Any] = json.loads("\n".join(lines))
    return document


def pairs(metered_on: str, framework: str, what: str) -> list[tuple[float, float]]:
    """Joules and throughput of each metered run."""
    hardware = RTX_3090 if metered_on == RTX_5000 else I9
    kind = "inference" if what == "inference_per_image" else "training"
    found = []
    for row in table("energies.csv"):
        if (row["hardware"], row["framework"], row["what"]) != (metered_on, framework, what):
            continue
        sizes = {
            int(t["resolution"]): float(t["images_per_s"])
            for t in throughputs()
            if (t["hardware"], t["kind"], t["architecture"]) == (hardware, kind, row["architecture"])
        }
        if sizes:
            wanted = int(row["resolution"])
            closest = min(sizes, key=lambda size: (1 - min(size, wanted) / max(size, wanted), size))
            found.append((float(row["joules"]), sizes[closest] * (closest / wanted) ** 2))
    return found


def ratio_errors(runs: list[tuple[float, float]]) -> list[float]:
    """Each run predicted by the geometric mean of joules x throughput of the others; ln of the ratio."""
    errors = []
    for left_out, (joules, throughput) in enumerate(runs):
        others = [j * t for k, (j, t) in enumerate(runs) if k != left_out]
        errors.append(math.log(statistics.geometric_mean(others) / throughput / joules))
    return errors


def test_every_comparison(told: dict[str, Any]) -> None:
    assert len(told["comparisons"]) == 8
    for compared in told["comparisons"]:
        runs = pairs(compared["metered_on"], compared["framework"], compared["what"])
        sizes = sorted(abs(error) for error in ratio_errors(runs))
        ninth = statistics.quantiles(sizes, n=10, method="inclusive")[8]
        concordant = sum(math.copysign(1, (a[0] - b[0]) * (b[1] - a[1])) for a, b in combinations(runs, 2))
        assert compared["n"] == len(runs)
        assert compared["median_ratio"] == pytest.approx(math.exp(statistics.median(sizes)), rel=1e-9)
        assert compared["ratio_90"] == pytest.approx(math.exp(ninth), rel=1e-9)
        assert compared["tau"] == pytest.approx(concordant / math.comb(len(runs), 2), abs=0.02)


def test_throughput_predicts_far_better_than_macs(told: dict[str, Any]) -> None:
    inference = [c for c in told["comparisons"] if c["evidence"] == "gpu-inference"]
    assert [c["framework"] for c in inference] == ["PyTorch", "TensorFlow"]
    for compared, tau, median, ninth in zip(inference, (0.95, 0.88), (1.16, 1.12), (1.3, 1.7), strict=True):
        assert compared["tau"] == pytest.approx(tau, abs=0.02)
        assert compared["median_ratio"] == pytest.approx(median, abs=0.05)
        assert compared["ratio_90"] == pytest.approx(ninth, abs=0.08)
        assert compared["tau"] > compared["tau_macs"]
        assert compared["ratio_90"] < compared["ratio_90_macs"]


def test_the_error_is_what_every_estimate_carries(told: dict[str, Any]) -> None:
    errors = [
        error
        for framework in ("PyTorch", "TensorFlow")
        for error in ratio_errors(pairs(RTX_5000, framework, INFERENCE))
    ]
    carried = math.sqrt(statistics.fmean(error * error for error in errors))
    assert told["spreads"]["of_evidence"]["gpu-inference"] == pytest.approx(carried, rel=1e-9)
    result = next(r for r in catalogue.published_results() if r.hardware == RTX_3090)
    assert result.inference_u95_j == pytest.approx(1.96 * carried * result.inference_energy_j, rel=1e-9)


INFERENCE = "inference_per_image"


def test_what_frameworks_differ_by_is_what_metered_figures_carry(told: dict[str, Any]) -> None:
    by_network: dict[tuple[str, str], list[float]] = {}
    for row in table("energies.csv"):
        if (row["hardware"], row["what"]) == (RTX_5000, INFERENCE):
            by_network.setdefault((row["architecture"], row["resolution"]), []).append(float(row["joules"]))
    differences = [math.log(v[0] / v[1]) for v in by_network.values() if len(v) == 2]
    one = math.sqrt(statistics.fmean(d * d for d in differences) / 2)
    assert told["spreads"]["between_frameworks"][INFERENCE] == pytest.approx(one, rel=1e-9)
    assert told["spreads"]["between_frameworks_n"][INFERENCE] == len(differences)


def test_the_power_share_lies_among_those_of_busy_cards(told: dict[str, Any]) -> None:
    medians = [share["median"] for share in told["power_shares"] if share["hardware"] != "Intel Xeon W-2155"]
    assert min(medians) < 0.85 < max(medians)
    assert min(medians) > 0.60
    assert max(medians) < 0.97


def test_the_table_for_people_says_the_same(capsys: pytest.CaptureFixture[str], told: dict[str, Any]) -> None:
    assert main(["predict"]) == 0
    text = capsys.readouterr().out
    for compared in told["comparisons"]:
        name = ", ".join(compared[key] for key in ("metered_on", "framework", "what"))
        line = next(line for line in text.splitlines() if line.startswith(name))
        assert f"{compared['median_ratio']:.2f}" in line
    assert f"carries {told['spreads']['of_evidence']['gpu-inference']:.0%}" in text


@pytest.mark.parametrize(("other", "tau"), [([1, 2, 3, 4], 1), ([4, 3, 2, 1], -1), ([2, 1, 4, 3], 1 / 3)])
def test_kendall_tau(other: list[float], tau: float) -> None:
    assert kendall_tau([1, 2, 3, 4], other) == pytest.approx(tau)


def test_quantile_lies_between_order_statistics() -> None:
    assert quantile([4, 1, 3, 2], 0.5) == 2.5
    assert quantile([1, 2, 3, 4, 5], 0.9) == pytest.approx(4.6)
