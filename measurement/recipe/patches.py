"""The patches that a vision transformer cuts an image into: an image of less than one can't be read.

By timm's names, so that a recipe is checked without timm. What a name does not show is found on the worker, when the
network is built.
"""

from __future__ import annotations

import re

_IN_NAME = re.compile(r"patch(\d+)|_p(\d+)_|^(?:gmlp|mixer)_[a-z]+(\d+)_")
_BY_FAMILY = {
    "cait": 16,
    "convit": 16,
    "crossvit": 16,
    "flexivit": 16,
    "gmixer": 16,
    "pit": 14,
    "resmlp_big": 8,
    "resmlp": 16,
    "test_vit": 16,
}


def patch_size(architecture: str) -> int:
    """Height and width of a patch, pixels; 1 if the name has none."""
    if found := _IN_NAME.search(architecture):
        return int(next(filter(None, found.groups())))
    return next((size for family, size in _BY_FAMILY.items() if architecture.startswith(family)), 1)


def check_patch(field: str, architecture: str, resolution: int) -> None:
    """Raise ValueError for `field` if images of `resolution` pixels are smaller than a patch of `architecture`."""
    if resolution < (size := patch_size(architecture)):
        raise ValueError(
            f"{field}: {architecture} divides an image into patches of {size} pixels, and it is {resolution} pixels "
            f"wide; use {size} or more, best a multiple of it"
        )
