"""25 results, recomputed from the cells of the tables by arithmetic of the test's own."""

from __future__ import annotations

import math
from functools import cache

import pytest

import catalogue
from catalogue import PublishedResult
from tests.catalogue.copies import I9, RTX_3090, RTX_4090, RTX_5000, RTX_5090, table, throughputs

ENTRIES = [
    # convolutional networks, one architecture under several trainings
    ("resnet50.tv_in1k", 224, RTX_3090),
    ("resnet50.a1_in1k", 224, RTX_3090),
    ("resnet50.a1_in1k", 288, RTX_4090),
    ("resnet50.a3_in1k", 160, RTX_3090),
    ("resnet50.tv2_in1k", 224, RTX_5090),
    ("resnet50.ram_in1k", 288, RTX_3090),
    ("regnety_002.pycls_in1k", 224, RTX_3090),
    ("efficientvit_l1.r224_in1k", 224, RTX_3090),
    # transformers, some fine-tuned at another size
    ("deit_base_patch16_384.fb_in1k", 384, RTX_3090),
    ("swin_tiny_patch4_window7_224.ms_in1k", 224, RTX_4090),
    ("vit_base_patch16_224.augreg_in1k", 224, RTX_3090),
    # distilled
    ("deit_small_distilled_patch16_224.fb_in1k", 224, RTX_3090),
    ("levit_256.fb_dist_in1k", 224, RTX_5090),
    ("repvit_m1_0.dist_300e_in1k", 224, RTX_3090),
    ("tiny_vit_21m_224.dist_in22k_ft_in1k", 224, RTX_3090),
    # pre-trained
    ("convnext_base.fb_in22k_ft_in1k_384", 384, RTX_3090),
    ("convnextv2_tiny.fcmae_ft_in1k", 224, RTX_3090),
    ("eva02_base_patch14_448.mim_in22k_ft_in22k_in1k", 448, RTX_3090),
    ("swin_base_patch4_window12_384.ms_in22k_ft_in1k", 384, RTX_3090),
    # searched
    ("mnasnet_100.rmsp_in1k", 224, RTX_3090),
    # metered by others
    ("resnet50.tv_in1k", 224, RTX_5000),
    ("vgg16.tv_in1k", 224, RTX_5000),
    ("resnext50_32x4d.tv_in1k", 224, RTX_5000),
    # on a CPU
    ("resnet50.tv_in1k", 224, I9),
    ("mobilevit_s.cvnets_in1k", 256, I9),
]
SHARE, LIMIT_W = 0.85, {RTX_3090: 350, RTX_4090: 450, RTX_5090: 575, I9: 165, "Google TPU v2": 280}


@cache
def published() -> dict[tuple[str, int, str], PublishedResult]:
    return {(r.model, r.resolution, r.hardware): r for r in catalogue.published_results()}


@cache
def speeds(hardware: str, kind: str) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for row in throughputs():
        if (row["hardware"], row["kind"]) == (hardware, kind):
            found.setdefault(row["architecture"], {})[int(row["resolution"])] = float(row["images_per_s"])
    return found


@cache
def mean_ratio() -> float:
    inference, training = speeds(RTX_3090, "inference"), speeds(RTX_3090, "training")
    logs = [
        math.log(inference[name][px] / speed)
        for name, sizes in training.items()
        for px, speed in sizes.items()
        if px in inference.get(name, {})
    ]
    return math.exp(sum(logs) / len(logs))


def speed_at(sizes: dict[int, float], px: int) -> float:
    closest = min(sizes, key=lambda size: (1 - min(size, px) / max(size, px), size))
    return sizes[closest] * closest * closest / (px * px)


def training_speed(network: str, px: int) -> float:
    timed = speeds(RTX_3090, "training").get(network)
    return speed_at(timed, px) if timed else speed_at(speeds(RTX_3090, "inference")[network], px) / mean_ratio()


def mean(row: dict[str, str], column: str, otherwise: str = "") -> float:
    low = float(row[column] or otherwise)
    return (low + float(row[f"{column}_max"] or low)) / 2


def metered(hardware: str, what: str, network: str) -> dict[str, str] | None:
    rows = [
        r for r in table("energies.csv") if (r["hardware"], r["what"], r["architecture"]) == (hardware, what, network)
    ]
    return next((r for r in rows if r["framework"] == "PyTorch"), rows[0] if rows else None)


def joules_of(row: dict[str, str], hardware: str) -> float | None:
    """Of one row of trainings.csv on the board of `hardware`; None where it does not say enough."""
    if row["phase"] == "search":
        watts = SHARE * LIMIT_W[row["hardware"]] if row["hardware"] else 0
        return mean(row, "amount") * 3600 * watts if row["amount"] else None
    if not row["epochs"]:
        return None
    epochs, passes, px = mean(row, "epochs"), mean(row, "passes", "1"), int(row["resolution"])
    network = row["network"] or row["model"].split(".")[0]
    per_epoch = metered(hardware, "training_per_epoch", network)
    if per_epoch:
        return float(per_epoch["joules"]) * epochs
    watts = SHARE * LIMIT_W[RTX_3090]
    seen = epochs * float(row["images"])
    joules = watts * seen * passes / training_speed(network, px)
    if row["teacher"]:
        joules += watts * seen / speed_at(speeds(RTX_3090, "inference")[row["teacher"].split(".")[0]], px)
    return joules


def test_there_are_25() -> None:
    assert len(set(ENTRIES)) == 25


@pytest.mark.parametrize(("model", "px", "hardware"), ENTRIES)
def test_entry(model: str, px: int, hardware: str) -> None:
    result = published()[model, px, hardware]
    cells = next(r for r in table("models.csv") if (r["model"], r["resolution"]) == (model, str(px)))
    assert result.quality == float(cells["top1"])
    if hardware == RTX_5000:
        row = metered(hardware, "inference_per_image", model.split(".", maxsplit=1)[0])
        assert row is not None
        inference = float(row["joules"])
    else:
        inference = SHARE * LIMIT_W[hardware] / speeds(hardware, "inference")[model.split(".", maxsplit=1)[0]][px]
    assert result.inference_energy_j == pytest.approx(inference, rel=1e-9)

    expected: dict[str, float | None] = {}
    for row in table("trainings.csv"):
        if row["model"] == model:
            before, own = expected.get(row["phase"], 0.0), joules_of(row, hardware)
            expected[row["phase"]] = None if before is None or own is None else before + own
    assert {phase.phase.value for phase in result.phases} == set(expected)
    for phase in result.phases:
        joules = expected[phase.phase]
        if joules is None:
            assert phase.energy_j is None
        else:
            assert phase.energy_j == pytest.approx(joules, rel=1e-9)


@pytest.mark.parametrize("hardware", [RTX_3090, RTX_4090, RTX_5090])
def test_the_absolute_interval_is_that_of_the_power_share(hardware: str) -> None:
    result = published()["resnet50.a1_in1k", 224, hardware]
    for low, high, figure in (
        (result.inference_absolute_low_j, result.inference_absolute_high_j, result.inference_energy_j),
        *((p.absolute_low_j, p.absolute_high_j, p.energy_j) for p in result.phases),
    ):
        assert figure is not None
        assert (low, high) == (pytest.approx(figure * 0.60 / 0.85), pytest.approx(figure * 0.97 / 0.85))


def test_the_share_moves_no_rank_on_its_card() -> None:
    """The rank part is one share of every estimate of inference on a board, whatever the model."""
    relative = {
        round(r.inference_u95_j / r.inference_energy_j, 12) for r in published().values() if r.hardware == RTX_3090
    }
    assert len(relative) == 1


def test_a_training_that_nobody_timed_is_less_certain() -> None:
    def relative(model: str) -> float:
        (phase,) = published()[model, 224, RTX_3090].phases
        assert phase.energy_j is not None
        assert phase.u95_j is not None
        return phase.u95_j / phase.energy_j

    assert "the mean ratio" in published()["tiny_vit_21m_224.in1k", 224, RTX_3090].phases[0].how
    assert relative("tiny_vit_21m_224.in1k") > relative("resnet50.tv_in1k")


def test_phases_name_the_hardware_that_they_ran_on() -> None:
    on_cpu = published()["resnet50.tv_in1k", 224, I9]
    assert {phase.hardware for phase in on_cpu.phases} == {RTX_3090}
    metered_there = published()["resnet50.tv_in1k", 224, RTX_5000]
    assert {phase.hardware for phase in metered_there.phases} == {RTX_5000}
    assert {phase.provenance.value for phase in metered_there.phases} == {"reported"}
    searched = published()["mnasnet_100.rmsp_in1k", 224, RTX_3090].phases[0]
    assert (searched.phase.value, searched.hardware) == ("search", "Google TPU v2")


def test_a_teacher_is_charged_and_named() -> None:
    distilled = published()["deit_small_distilled_patch16_224.fb_in1k", 224, RTX_3090]
    alone = published()["deit_small_patch16_224.fb_in1k", 224, RTX_3090]
    assert distilled.teacher == "regnety_160.deit_in1k"
    assert alone.teacher is None
    assert distilled.one_time_energy_j is not None
    assert alone.one_time_energy_j is not None
    assert distilled.one_time_energy_j > 1.5 * alone.one_time_energy_j
    assert "Its teacher regnety_160.deit_in1k saw the same images once" in distilled.phases[0].how
    row = next(r for r in table("trainings.csv") if r["model"] == distilled.model)
    seen = float(row["epochs"]) * float(row["images"])
    speed = speed_at(speeds(RTX_3090, "inference")["regnety_160"], int(row["resolution"]))
    assert distilled.phases[0].teacher_energy_j == pytest.approx(SHARE * LIMIT_W[RTX_3090] * seen / speed, rel=1e-9)
    assert alone.phases[0].teacher_energy_j is None
