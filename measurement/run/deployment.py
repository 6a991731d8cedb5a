"""The finished network as its recipe says that it is run: precision, memory format, compilation, runtime.

Making it is metered apart from inference and never charged. Importing it needs torch.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.backends.registry import lookup_backend

from measurement.errors import BadInput
from measurement.networks.onnx_network import ClassesOf, ImagesFor, OnnxNetwork, exported
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.recipe import OnnxModel, Recipe
from measurement.recipe.inference import Inference
from measurement.tracks import Track
from measurement.training.compilation import nothing_cached
from measurement.training.numerics import DTYPES, check_device_precision


@dataclass(frozen=True, slots=True)
class Deployment:
    """`network` takes images as `resident` gives them; `probed` is the network that the offline batch is chosen by.

    That is the same one unless compilation, for every size that is tried, would take many times as long as the rest.
    most: the largest batch that the network takes; None: any. detail: for the record. images_for, classes_of: of a
    model that is brought as a file, which has its own form of images and order of classes.
    """

    network: nn.Module
    probed: nn.Module
    dtype: torch.dtype = torch.float32
    memory_format: torch.memory_format = torch.preserve_format
    most: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    images_for: ImagesFor | None = None
    classes_of: ClassesOf | None = None

    def resident(self, images: Tensor) -> Tensor:
        """The track's images, as the network takes them."""
        if self.images_for is not None:
            return self.images_for(images)
        return images.to(self.dtype, memory_format=self.memory_format)

    def evaluated(self) -> nn.Module:
        """The network for the track's own images."""
        return _Evaluated(self)


@contextmanager
def deployed(recipe: Recipe, track: Track, model: nn.Module, images: Tensor) -> Iterator[Deployment]:
    """`model` as the recipe says that it is run, while open; `model` itself is not changed.

    images: a few of the track's. Raises BadInput naming the option that this machine or this network can't do.
    """
    asked = recipe.inference
    check_options(asked, images.device)
    if isinstance(model, OnnxNetwork) and isinstance(recipe.model, OnnxModel):
        brought = recipe.model
        yield Deployment(
            model,
            model,
            most=model.most,
            detail=model.details(),
            images_for=ImagesFor(brought, track),
            classes_of=ClassesOf(brought),
        )
        return
    if asked.runtime == "onnxruntime":
        graph = OnnxNetwork(exported(model, images), images.device)
        yield Deployment(graph, graph, detail=graph.details())
        return
    if asked.runtime == "torch" and not asked.compile and not asked.cuda_graphs:
        network = _converted(asked, model)
        yield Deployment(network, network, *_form(asked))
        return
    network = _converted(asked, model)
    with nothing_cached():
        yield Deployment(_Compiled(network, asked), network, *_form(asked))


def check_options(asked: Inference, device: torch.device) -> None:
    """Raise BadInput for an option that the device can't do."""
    check_device_precision(device, asked.precision, "inference.precision")
    if asked.cuda_graphs and device.type != "cuda":
        raise BadInput(
            f"needs an NVIDIA GPU, and this run is on {device.type}; leave cuda_graphs out, or ask for a GPU",
            field="inference.cuda_graphs",
        )


def rehearse_deployment(asked: Inference, model: nn.Module, images: Tensor) -> None:
    """Try the options on a few of the track's images, before anything is metered; compilation is only traced.

    Raises BadInput as `deployed` does.
    """
    check_options(asked, images.device)
    if not asked.options or isinstance(model, OnnxNetwork):
        return
    first = next(name for name in type(asked).model_fields if name in asked.options)
    try:
        network = _converted(asked, model)
        deployment = Deployment(network, network, *_form(asked))
        if asked.runtime == "onnxruntime":
            with torch.inference_mode():
                OnnxNetwork(exported(model, images), images.device)(images)
            return
        with torch.inference_mode():
            if asked.compile or asked.cuda_graphs:
                first = "compile" if asked.compile else "cuda_graphs"
                with nothing_cached():
                    torch.compile(_tiny)(images)
                    torch.compile(network, backend=lookup_backend("aot_eager"))(deployment.resident(images))
            else:
                network(deployment.resident(images))
    except BadInput:
        raise
    except Exception as error:  # any architecture's code, and a compiler's
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadInput(
            f"{getattr(asked, first)!r} doesn't work for this network on this worker ({reason[:200]}); leave "
            f"{first} out",
            field=f"inference.{first}",
        ) from error


class _Compiled(nn.Module):
    """What torch.compile makes of a network, once for each size of batch: a deployed network has one size."""

    def __init__(self, network: nn.Module, asked: Inference) -> None:
        super().__init__()
        self.network = network
        if not asked.compile:
            made = torch.compile(network, dynamic=False, backend="cudagraphs")
        else:
            made = torch.compile(network, dynamic=False, mode="reduce-overhead" if asked.cuda_graphs else None)
        self._made = (made,)  # in a tuple, so that its weights are not counted twice

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = self._made[0](images)
        return outputs


class _Evaluated(nn.Module):
    """Takes the track's images in batches of any size, and runs all in the first one's size: smaller ones are filled.

    Otherwise a network would be compiled again for the last few images, and a graph with a fixed batch could not run.
    """

    def __init__(self, deployment: Deployment) -> None:
        super().__init__()
        self.network = deployment.network
        self._deployment = deployment
        self._is_fixed = deployment.network is not deployment.probed or deployment.most is not None
        self._size = deployment.most
        self._channels_last = deployment.memory_format == torch.channels_last

    def forward(self, images: Tensor) -> Tensor:
        taken = self._deployment.resident(images)
        if self._is_fixed:
            self._size = self._size or len(taken)
            outputs = torch.cat([self._filled(part) for part in taken.split(self._size)])
        else:
            outputs = self.network(taken)
        return self._deployment.classes_of(outputs) if self._deployment.classes_of else outputs

    def _filled(self, images: Tensor) -> Tensor:
        count, size = len(images), self._size or len(images)
        if count < size:
            images = torch.cat([images, images[-1:].expand(size - count, *images.shape[1:])])
            images = images.contiguous(memory_format=torch.channels_last) if self._channels_last else images
        outputs: Tensor = self.network(images)
        return outputs[:count].clone()  # a CUDA graph writes the next batch's into the same memory


def _converted(asked: Inference, model: nn.Module) -> nn.Module:
    """A copy in the precision and memory format, or the network itself if both are as they were."""
    if not asked.options & {"precision", "channels_last"}:
        return model.eval()
    dtype, memory_format = _form(asked)
    network: nn.Module = copy.deepcopy(model).eval().to(dtype=dtype)
    if asked.channels_last:
        network = network.to(memory_format=memory_format)
    return network


def _form(asked: Inference) -> tuple[torch.dtype, torch.memory_format]:
    return DTYPES[asked.precision], torch.channels_last if asked.channels_last else torch.preserve_format


def _tiny(numbers: Tensor) -> Tensor:
    return (numbers + 1).sum()
