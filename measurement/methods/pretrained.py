"""Technique `pretrained`: weights from the store, or timm's if the worker has them. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import timm
from huggingface_hub import try_to_load_from_cache
from timm.models import get_pretrained_cfg
from torch import Tensor, nn

from measurement.dataroot import inside, sha256_of, weights_root
from measurement.errors import NOT_FOUND, BadInput, DataMissing
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.networks.segmentation import LiteSegmenter
from measurement.networks.weights import load_weights, read_safetensors
from measurement.recipe import PretrainedPhase
from measurement.training.context import PhaseContext, PhaseOutcome

HUB_FOLDER = "hub"
HUB_FILE = "model.safetensors"


def load_pretrained(context: PhaseContext) -> PhaseOutcome:
    """The network with trained weights; a classifier for other classes starts from random weights.

    Raises BadInput if the weights are not on this machine, or are not this network's.
    """
    spec = context.spec_as(PretrainedPhase)
    if spec.source == "timm":
        return _from_timm(context, spec)
    assert spec.sha256 is not None, "a store's weights have a hash"  # noqa: S101 - the schema says so
    weights = load_weights(spec.sha256, field=context.field("sha256"), uploaded=spec.source != "store")
    kept = take_weights(context.model, weights, field=context.field("sha256"))
    return PhaseOutcome(context.model, {"weights_sha256": spec.sha256, "classifier": _classifier_origin(kept)})


def take_weights(model: nn.Module, weights: Mapping[str, Tensor], *, field: str) -> bool:
    """Copy `weights` into `model`, except a classifier of another shape. True if the classifier was copied too.

    Raises BadInput for `field` if names or shapes of anything else differ.
    """
    wanted, classifier = model.state_dict(), set(_classifier_names(model))
    unlike = {name for name in wanted.keys() & weights.keys() if wanted[name].shape != weights[name].shape}
    mismatched = sorted((wanted.keys() ^ weights.keys()) | (unlike - classifier))
    if mismatched := [name for name in mismatched if name not in classifier]:
        name = mismatched[0]
        is_there, is_wanted = (_shape(tensors.get(name)) for tensors in (weights, wanted))
        raise BadInput(
            f"these are not the weights of this network: {name} is {is_there}, the network's is {is_wanted} "
            f"({len(mismatched)} of {len(wanted)} differ)",
            field=field,
        )
    taken = {name for name in wanted if name in weights and name not in unlike}
    kept = classifier <= taken
    model.load_state_dict({name: weights[name] for name in taken if kept or name not in classifier}, strict=False)
    return kept


def _shape(tensor: Tensor | None) -> str:
    return "not there" if tensor is None else " x ".join(map(str, tensor.shape)) or "one number"


def _classifier_names(model: nn.Module) -> Iterator[str]:
    """Names of the tensors of the last layer, or of several if the network has several heads."""
    get: Any = getattr(model, "get_classifier", tuple)  # a backbone alone has none
    found = get()
    parts = found if isinstance(found, tuple | list) else (found,)
    within = {id(module) for part in parts if isinstance(part, nn.Module) for module in part.modules()}
    for path, module in model.named_modules():
        if id(module) in within:
            yield from (f"{path}.{name}" for name in module.state_dict() if "." not in name)


def _from_timm(context: PhaseContext, spec: PretrainedPhase) -> PhaseOutcome:
    network = context.model
    backbone = network.backbone if isinstance(network, LiteSegmenter) else network
    architecture = getattr(backbone, "pretrained_cfg", {}).get("architecture")
    if architecture is None:
        raise BadInput(f"timm has no weights for {type(network).__name__}", field=context.field("source"))
    name = f"{architecture}.{spec.tag}" if spec.tag else architecture
    path = _timm_file(name, context)
    options = network.backbone_options if isinstance(network, LiteSegmenter) else {}
    loaded = _created(context, name, read_safetensors(path, field=context.field("tag")), options)
    take_weights(backbone, loaded.state_dict(), field=context.field("tag"))
    same_classes = not options and loaded.pretrained_cfg["num_classes"] == context.classes
    details = {
        "weights_sha256": sha256_of(path),
        "timm_weights": name,
        "classifier": _classifier_origin(same_classes),
    }
    return PhaseOutcome(network, details)


def _created(context: PhaseContext, name: str, weights: dict[str, Tensor], options: dict[str, Any]) -> Any:
    """With timm's own loading, which adapts a first convolution to other channels and positions to another
    resolution."""
    options = options | {"num_classes": context.classes, "in_chans": context.track.channels}
    overlay = {"state_dict": weights}
    create = partial(timm.create_model, name, pretrained=True, pretrained_cfg_overlay=overlay, **options)
    try:
        try:
            return create(img_size=context.train.resolution)
        except TypeError as error:
            if "img_size" not in str(error):
                raise
            return create()
    except Exception as error:  # timm's builders and filters run arbitrary code for 1,300 architectures
        if is_out_of_memory(error):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"timm can't load {name}: {reason}", field=context.field("tag")) from error


def _timm_file(name: str, context: PhaseContext) -> Path:
    try:
        config = get_pretrained_cfg(name)
    except RuntimeError:  # timm's error for an unknown tag
        config = None
    if config is None or not config.hf_hub_id:
        tags = ", ".join(sorted(timm.list_pretrained(f"{name.partition('.')[0]}.*"))[:5]) or "none"
        raise BadInput(f"timm has no weights {name!r}; choose from {tags}", field=context.field("tag"))
    hub = weights_root() / HUB_FOLDER
    found = try_to_load_from_cache(config.hf_hub_id, HUB_FILE, cache_dir=hub)
    if not isinstance(found, str):
        raise DataMissing(
            f"{NOT_FOUND} timm's weights {name}; as an operator, on a machine with internet access, run: "
            f"HF_HUB_CACHE=<data root>/weights/{HUB_FOLDER} python -c "
            f"\"import timm; timm.create_model('{name}', pretrained=True)\"",
            field=context.field("source"),
        )
    return inside(hub, str(Path(found).relative_to(hub)), field=context.field("source"))


def _classifier_origin(kept: bool) -> str:
    return "kept" if kept else "replaced"
