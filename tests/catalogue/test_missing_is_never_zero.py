"""What nobody states is None with a reason, and makes the whole unknown; nothing of it turns into 0 joules."""

from __future__ import annotations

from pathlib import Path

import pytest

import catalogue
from catalogue import PublishedResult
from tests.catalogue.copies import RTX_3090, Copy, table


@pytest.fixture(scope="module")
def results() -> list[PublishedResult]:
    return catalogue.published_results()


def test_no_figure_is_zero(results: list[PublishedResult]) -> None:
    for result in results:
        assert result.inference_energy_j > 0
        assert result.inference_u95_j > 0
        for phase in result.phases:
            assert phase.energy_j is None or phase.energy_j > 0
            assert phase.u95_j is None or phase.u95_j > 0


def test_a_missing_phase_has_no_figures_and_a_reason(results: list[PublishedResult]) -> None:
    missing = [phase for result in results for phase in result.phases if phase.provenance == "missing"]
    assert missing
    for phase in missing:
        assert (phase.energy_j, phase.u95_j, phase.absolute_low_j, phase.absolute_high_j) == (None,) * 4
        assert phase.hardware is None
        assert "Missing: " in phase.how


def test_one_missing_phase_makes_the_whole_unknown(results: list[PublishedResult]) -> None:
    for result in results:
        assert result.complete == all(phase.energy_j is not None for phase in result.phases)
        assert (result.one_time_energy_j is None) == (not result.complete)


def test_every_phase_that_the_table_declares_is_there(results: list[PublishedResult]) -> None:
    declared: dict[str, set[str]] = {}
    for row in table("trainings.csv"):
        declared.setdefault(row["model"], set()).add(row["phase"])
    for result in results:
        assert {phase.phase.value for phase in result.phases} == declared[result.model]


@pytest.mark.parametrize(
    ("model", "phase"),
    [
        ("tf_efficientnet_b0.in1k", "search"),  # found by a search whose cost is not stated
        ("tf_efficientnet_b0.ns_jft_in1k", "pretrain"),  # pseudo-labels of 300 million images
        ("resnetv2_50x1_bit.goog_in21k_ft_in1k", "finetune"),  # its length is not stated
        ("tf_efficientnet_b0.ap_in1k", "train"),  # adversarial passes that nobody counted
        ("xcit_small_12_p16_384.fb_dist_in1k", "finetune"),
        ("resnet18.fb_swsl_ig1b_ft_in1k", "pretrain"),
    ],
)
def test_known_gaps(results: list[PublishedResult], model: str, phase: str) -> None:
    result = next(r for r in results if (r.model, r.hardware) == (model, RTX_3090))
    assert next(p for p in result.phases if p.phase == phase).energy_j is None


def test_an_intermediate_fine_tuning_counts(results: list[PublishedResult]) -> None:
    def finetune_j(model: str) -> float:
        result = next(r for r in results if (r.model, r.hardware) == (model, RTX_3090))
        return next(p.energy_j for p in result.phases if p.phase == "finetune" and p.energy_j is not None)

    by_21k = finetune_j("eva02_base_patch14_448.mim_in22k_ft_in22k_in1k")
    assert by_21k > 5 * finetune_j("eva02_base_patch14_448.mim_in22k_ft_in1k")


def test_epochs_that_are_taken_out_leave_the_phase_missing(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    copy.replace("trainings.csv", "resnet50.tv_in1k,train,in1k,1281167,90,", "resnet50.tv_in1k,train,in1k,1281167,,")
    changed = [r for r in catalogue.published_results(copy.folder) if r.model == "resnet50.tv_in1k"]
    assert changed
    assert {phase.energy_j for result in changed for phase in result.phases} == {None}
