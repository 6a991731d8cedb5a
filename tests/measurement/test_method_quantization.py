"""8 bits: what is rounded, what computes it, how it is recorded and kept, and when it is refused."""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from measurement.documents import DocumentError
from measurement.errors import BadInput, MeasurementError
from measurement.methods import TECHNIQUES, PhaseOutcome
from measurement.methods.eight_bit.linear import executed_as, linear_layers
from measurement.methods.eight_bit.program import prepared_for_training
from measurement.networks.build import count_macs, count_parameters
from measurement.networks.weights import save_weights, weight_bytes
from measurement.recipe import TECHNIQUES as DECLARABLE
from measurement.training import evaluating
from tests.measurement.compressing import (
    CPU,
    DIGITS,
    FINETUNE,
    TAUGHT,
    TRANSFORMER,
    accuracy,
    after,
    compress,
    untrained,
)
from tests.measurement.running import PRUNE, tiny_recipe

IMAGE = DIGITS.load_test(16).first(1)[0]


@cache
def static() -> PhaseOutcome:
    """A convolutional network, pruned, fine-tuned and then quantized."""
    return after(PRUNE | {"ratio": 0.2}, FINETUNE, compress("quantization", scheme="int8_static"))


def transformer(scheme: str) -> PhaseOutcome:
    return after(compress("quantization", scheme=scheme), model=TRANSFORMER)


def test_a_pruned_and_fine_tuned_network_runs_by_int8_kernels_and_stays_good() -> None:
    before, outcome = after(PRUNE | {"ratio": 0.2}, FINETUNE), static()
    assert accuracy(outcome.model) == pytest.approx(accuracy(before.model), abs=0.03)
    assert count_macs(outcome.model, IMAGE) == count_macs(before.model, IMAGE)
    assert count_parameters(outcome.model) == count_parameters(before.model)
    detail = outcome.detail
    assert detail["layers"] == detail["quantized_layers"] == 16
    assert detail["executed_as"] == "int8 kernels of oneDNN for 16 of 16 layers"
    assert detail["quantized_parameters"] > 0.98 * detail["parameters"]
    assert detail["weight_bytes_after"] < 0.3 * detail["weight_bytes_before"]


@pytest.mark.parametrize("batch", [1, 2, 7, 360])
def test_the_int8_network_takes_a_batch_of_any_size(batch: int) -> None:
    """Sums of int8 products are exact in any order; two scales and a bias are three operations in float32.

    A CPU with AMX multiplies many rows by other kernels than few: each may round its three results the other way.
    """
    images, network = DIGITS.load_test(16).first(360)[0], static().model
    with torch.inference_mode():
        some, all_of_them = network(images[:batch]), network(images)[:batch]
    rounding = torch.finfo(torch.float32).eps / 2
    assert torch.allclose(some, all_of_them, rtol=0, atol=2 * 3 * rounding * float(all_of_them.abs().max()))
    assert torch.equal(some.argmax(dim=1), all_of_them.argmax(dim=1))


@pytest.mark.parametrize("scheme", ["int8_weight_only", "int8_dynamic"])
def test_linear_layers_of_a_transformer_hold_int8(scheme: str) -> None:
    before, outcome = after(model=TRANSFORMER), transformer(scheme)
    assert accuracy(outcome.model) == pytest.approx(accuracy(before.model), abs=0.03)
    assert count_macs(outcome.model, IMAGE) == count_macs(before.model, IMAGE)
    assert count_parameters(outcome.model) == count_parameters(before.model) == outcome.detail["parameters"]
    assert outcome.detail["quantized_layers"] == outcome.detail["layers"] - 1  # the convolution that cuts patches
    assert outcome.detail["weight_bytes_after"] < 0.4 * outcome.detail["weight_bytes_before"]


@pytest.mark.parametrize("kind", ["program", "linear", "plain"])
def test_weights_are_kept_whole(kind: str, tmp_path: Path) -> None:
    """In the file as in the network: as many bytes, int8 where int8 was recorded, and nothing but numbers."""
    model = {"program": static, "linear": lambda: transformer("int8_dynamic"), "plain": lambda: after(PRUNE)}[
        kind
    ]().model
    save_weights(model, tmp_path / "model.safetensors")
    tensors = load_file(tmp_path / "model.safetensors")
    assert sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) == weight_bytes(model)
    rounded = sum(tensor.numel() for tensor in tensors.values() if tensor.dtype == torch.int8)
    expected = {"program": static().detail["quantized_parameters"], "plain": 0}
    if kind in expected:
        assert rounded == expected[kind]
    else:
        assert torch.equal(tensors["head.weight.qdata"], model.head.weight.qdata)  # type: ignore[union-attr]


def test_a_network_with_a_parameter_called_weights_is_kept_too(tmp_path: Path) -> None:
    network = nn.Linear(2, 3)
    network.weights = nn.Parameter(torch.ones(4))  # as timm's EfficientViM has
    save_weights(network, tmp_path / "model.safetensors")
    assert set(load_file(tmp_path / "model.safetensors")) == {"weight", "bias", "weights"}
    assert weight_bytes(network) == 4 * (6 + 3 + 4)


@pytest.mark.parametrize("kind", ["program", "linear"])
def test_a_run_that_goes_on_finds_the_same_network(kind: str) -> None:
    model = static().model if kind == "program" else transformer("int8_weight_only").model
    again = pickle.loads(pickle.dumps(model))  # noqa: S301
    images = DIGITS.load_test(16).first(32)[0]
    with torch.inference_mode():
        assert torch.equal(again(images), model.eval()(images))
    assert count_parameters(again) == count_parameters(model)


@pytest.mark.parametrize(("scheme", "model"), [("int8_static", {}), ("int8_dynamic", TRANSFORMER)])
def test_training_that_knows_of_the_rounding_ends_in_the_same_form(scheme: str, model: dict[str, Any]) -> None:
    """Some of what the trained network knows is lost by noise on its weights, and found again."""
    changes = {"model": model} if model else {}
    phase = compress("quantization_aware", scheme=scheme, epochs=1, batch_size=128, optimizer={"learning_rate": 2e-3})
    recipe = tiny_recipe(TAUGHT, phase, **changes)
    noisy = after(**changes).model
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in noisy.parameters():
            weight.add_(weight.std().nan_to_num() * torch.randn(weight.shape, generator=generator))
    before = accuracy(noisy)
    outcome = TECHNIQUES["quantization_aware"].run(replace(untrained(recipe, 1), model=noisy))
    assert accuracy(outcome.model) > before
    assert outcome.detail["steps"] == 12
    assert outcome.detail["quantized_layers"] >= 16
    assert outcome.detail["weight_bytes_after"] < 0.4 * outcome.detail["weight_bytes_before"]
    if model:
        assert {type(layer).__name__ for layer in outcome.model.modules()}.isdisjoint({"FakeQuantizedLinear"})


def test_a_validation_leaves_dropout_and_ranges_of_an_exported_network_as_they_were() -> None:
    """Dropout is written into the graph: no module's mode shows it."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 64), torch.nn.Dropout(0.5))
    phase = compress("quantization_aware", scheme="int8_static", epochs=1)
    context = untrained(tiny_recipe(TAUGHT, phase), 1)
    trainable = prepared_for_training(replace(context, model=network)).train()
    images, _ = context.train.first(8)

    def dropped() -> float:
        return float((trainable(images) == 0).float().mean())

    assert dropped() > 0.3
    ranges = {name: value.clone() for name, value in trainable.state_dict().items() if "scale" in name}
    with evaluating(trainable):
        assert dropped() < 0.1
        trainable(100 * images)
    assert all(torch.equal(trainable.state_dict()[name], value) for name, value in ranges.items())
    assert dropped() > 0.3
    trainable(100 * images)
    assert not all(torch.equal(trainable.state_dict()[name], value) for name, value in ranges.items())
    trainable.eval()
    with evaluating(trainable):
        pass
    assert dropped() < 0.1


def test_a_card_gets_no_layer_that_torchao_would_multiply_on_the_cpu() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(64, 24), torch.nn.Linear(24, 10), torch.nn.Linear(10, 32))
    first, *_ = layers = list(network)
    card = torch.device("cuda")
    assert linear_layers(network, "int8_dynamic", card) == {first}
    assert linear_layers(network, "int8_dynamic", CPU) == set(layers)
    assert linear_layers(network, "int8_weight_only", card) == set(layers)
    assert linear_layers(network, "float8", card) == set()


def test_products_that_a_card_widens_are_recorded() -> None:
    assert "float32 those of 16 rows" in executed_as("int8_dynamic", torch.device("cuda"))
    for scheme, device in (("int8_dynamic", "cpu"), ("int8_weight_only", "cuda"), ("float8", "cuda")):
        assert "rows or fewer" not in executed_as(scheme, torch.device(device))


def test_a_training_that_comes_apart_names_its_learning_rate() -> None:
    wild = {"epochs": 1, "batch_size": 64, "optimizer": {"name": "sgd", "learning_rate": 100.0}}
    context = untrained(tiny_recipe(TAUGHT, compress("quantization_aware", scheme="int8_static", **wild)), 1)
    with pytest.raises(MeasurementError, match="smaller learning_rate") as raised:
        TECHNIQUES["quantization_aware"].run(replace(context, model=after().model))
    assert raised.value.field == "phases.1.optimizer.learning_rate"


class Unexportable(torch.nn.Module):
    """What it computes depends on the values that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.head = torch.nn.Linear(256, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(images.flatten(1) * (2 if float(images.sum()) > 0 else 1))


class Rootless(torch.nn.Module):
    """Nothing in it is a layer that could be quantized."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(10))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :10] * self.scale


@pytest.mark.parametrize("technique", ["quantization", "quantization_aware"])
@pytest.mark.parametrize(
    ("scheme", "network", "message"),
    [
        ("int8_static", Unexportable, "can't be exported and quantized"),
        ("int8_static", Rootless, "no layer"),
        ("int8_dynamic", Rootless, "has none"),
    ],
)
def test_a_network_beyond_the_scheme_is_refused(
    technique: str, scheme: str, network: type[torch.nn.Module], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    training = {"epochs": 1} if technique == "quantization_aware" else {}
    context = untrained(tiny_recipe(TAUGHT, compress(technique, scheme=scheme, **training)), 1)
    with pytest.raises(BadInput, match=message) as raised:
        TECHNIQUES[technique].rehearse(replace(context, model=network()))
    assert "def forward" not in capfd.readouterr().err
    assert raised.value.field == "phases.1.scheme"


@pytest.mark.parametrize("technique", ["quantization", "quantization_aware"])
def test_a_scheme_that_the_device_does_not_support_is_refused(technique: str) -> None:
    assert technique in DECLARABLE
    scheme, training = ("float8", {}) if technique == "quantization" else ("int8_static", {"epochs": 1})
    context = untrained(tiny_recipe(TAUGHT, compress(technique, scheme=scheme, **training)), 1)
    device = CPU if scheme == "float8" else torch.device("meta")
    with pytest.raises(BadInput, match="for this device") as raised:
        TECHNIQUES[technique].rehearse(replace(context, device=device))
    assert raised.value.field == "phases.1.scheme"


@pytest.mark.parametrize("later", [FINETUNE, PRUNE, compress("quantization", scheme="int8_dynamic")])
@pytest.mark.parametrize(
    "first",
    [compress("quantization", scheme="int8_static"), compress("quantization_aware", scheme="int8_static", epochs=1)],
)
def test_what_is_quantized_is_only_run(first: dict[str, Any], later: dict[str, Any]) -> None:
    with pytest.raises(
        DocumentError, match=rf"phases.2.phase: .* can't follow {first['technique']} \(phases.1\).*before"
    ):
        tiny_recipe(TAUGHT, first, later)


@pytest.mark.parametrize(
    ("technique", "fields", "message"),
    [
        ("quantization", {"scheme": "int8_dynamic", "calibration_batches": 2}, "belong to the scheme int8_static"),
        ("quantization_aware", {"scheme": "int8_static", "epochs": 2, "ema_decay": 0.9}, "leave out"),
    ],
)
def test_fields_that_mean_nothing_together_are_refused(technique: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        tiny_recipe(TAUGHT, compress(technique, **fields))
