"""The boards hold what the site promises: hundreds of models, most of them complete, each figure with its source."""

from __future__ import annotations

import pytest

import catalogue
from catalogue import PublishedResult
from tests.catalogue.copies import I9, RTX_3090, RTX_4090, RTX_5000, RTX_5090


@pytest.fixture(scope="module")
def results() -> list[PublishedResult]:
    return catalogue.published_results()


def board(results: list[PublishedResult], hardware: str) -> list[PublishedResult]:
    return [result for result in results if result.hardware == hardware]


def test_the_rtx_3090_board_is_the_fullest(results: list[PublishedResult]) -> None:
    entries = board(results, RTX_3090)
    assert len({entry.model for entry in entries}) >= 450
    assert len({entry.model for entry in entries if entry.complete}) >= 300
    assert len({entry.family for entry in entries}) >= 6


@pytest.mark.parametrize(
    ("hardware", "scenario", "least"),
    [(RTX_3090, "offline", 450), (RTX_4090, "offline", 450), (RTX_5090, "offline", 450), (I9, "single_stream", 450)],
)
def test_boards_from_throughput(results: list[PublishedResult], hardware: str, scenario: str, least: int) -> None:
    entries = board(results, hardware)
    assert len({entry.model for entry in entries}) >= least
    assert {(e.track, e.scenario, e.scope, e.quality_metric) for e in entries} == {
        ("imagenet-1k", scenario, "accelerator", "top1")
    }
    assert {entry.inference_provenance for entry in entries} == {"estimated"}


def test_the_cpu_board_is_one_image_at_a_time(results: list[PublishedResult]) -> None:
    assert {(entry.batch, entry.precision) for entry in board(results, I9)} == {(1, "fp32")}


def test_the_quadro_board_is_of_metered_joules(results: list[PublishedResult]) -> None:
    entries = board(results, RTX_5000)
    assert len(entries) >= 15
    assert {entry.inference_provenance for entry in entries} == {"reported"}
    assert sum(any(phase.provenance == "reported" for phase in entry.phases) for entry in entries) >= 5


def test_every_figure_has_a_listed_source(results: list[PublishedResult]) -> None:
    listed = catalogue.load().sources
    for result in results:
        assert result.phases, result.model
        assert set(result.sources) <= set(listed)
        for phase in result.phases:
            assert phase.sources
            assert set(phase.sources) <= set(result.sources)
            assert phase.how.endswith(".")


def test_an_entry_is_told_by_model_size_and_board(results: list[PublishedResult]) -> None:
    keys = {(r.model, r.resolution, r.hardware, r.scenario) for r in results}
    assert len(keys) == len(results)


def test_joules_never_exceed_the_power_limit(results: list[PublishedResult]) -> None:
    limits = catalogue.load().power
    for result in results:
        assert result.inference_energy_j * result.throughput_img_s <= limits[result.hardware].limit_w


def test_champions_withstand_a_search_by_brute_force(results: list[PublishedResult]) -> None:
    """At a floor, no complete entry with fewer joules before and after the first use than the one that is found."""
    entries = [entry for entry in board(results, RTX_3090) if entry.complete and entry.quality >= 0.75]
    by_total = min(entries, key=lambda entry: (entry.one_time_energy_j or 0) + 1e6 * entry.inference_energy_j)
    assert not [
        entry
        for entry in entries
        if (entry.one_time_energy_j or 0) < (by_total.one_time_energy_j or 0)
        and entry.inference_energy_j < by_total.inference_energy_j
    ]
