"""Convolutions in bfloat16 whose output is one column wide, in a form that oneDNN computes right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.functional import pad
from torch.overrides import TorchFunctionMode

ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")  # of torch.conv2d


class OneColumnWithoutStride(TorchFunctionMode):
    """Within, a convolution that steps sideways but has one column of outputs is computed without the step.

    The sums are the same. With the step, oneDNN 3.12 (torch 2.14) doesn't set the gradients of weights that meet only
    padding: they are what its memory held before, often the right zero, else any number or nan. A network whose last
    stage halves 2 x 2 or 1 x 1 pixels has such layers. Its bfloat16 kernels for AMX and for AVX-512 do so; those for
    float32 and float16 don't. Of the forward pass it is known: https://github.com/pytorch/pytorch/issues/169688
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Called for every function of torch; changes convolutions only."""
        if func in (torch.conv2d, torch.ops.aten.conv2d.default):
            return func(**_without_step(dict(zip(ARGUMENTS, args, strict=False)) | (kwargs or {})))
        return func(*args, **(kwargs or {}))


def _without_step(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments that give the same with a step of 1; as they are where there are more columns, or no step."""
    padding = given.get("padding", 0)
    down, sideways = _pair(given.get("stride", 1))
    if sideways == 1 or padding == "same":  # which torch refuses with a step
        return given
    above, left = _pair(0 if padding == "valid" else padding)
    images, columns = given["input"], given["input"].shape[-1]
    reach = _pair(given.get("dilation", 1))[1] * (given["weight"].shape[-1] - 1) + 1
    if not 0 <= columns + 2 * left - reach < sideways:
        return given
    seen = pad(images, (left, reach - left - columns))
    return given | {"input": seen, "stride": (down, 1), "padding": (above, 0)}


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    """Of height and width; one number, or a sequence of one, counts for both."""
    if isinstance(size, int):
        return size, size
    return size[0], size[-1]
