"""Decodes image files as torchvision's ImageFolder does, except that no grey is cut off: 16 bits are scaled to 8."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from measurement.errors import BadInput

# Of TIFF 6.0, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, SIGNED = 0, 2


def decoded(path: Path, name: str, mode: str | None = None) -> Image.Image:
    """The whole image; in RGB if that `mode` is asked for. Raises BadInput naming it as `name`.

    As torchvision has it, an image is not turned by its EXIF orientation, its transparency and colour profile are
    ignored, and of several pictures in a file the first is taken.
    """
    try:
        with Image.open(path) as image, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that transparency is ignored
            image.load()
            return _rgb(image, name) if mode == "RGB" else image.copy()
    except BadInput:
        raise
    except Exception as error:  # Pillow's decoders fail on broken files with any exception
        reason = str(error).replace(str(path), name)
        raise BadInput(
            f"{name} can't be decoded: {reason}; replace the file, or save it again with 8 bits a channel",
            field="track",
        ) from None


def _rgb(image: Image.Image, name: str) -> Image.Image:
    """The image with 8 bits a channel, 0 black and 255 white."""
    tags = getattr(image, "tag_v2", {})
    if SIGNED in tags.get(SAMPLE_FORMAT, ()):
        raise _unknown_white(name, "signed numbers")
    if image.mode == "F":
        raise _unknown_white(name, "floating-point numbers")
    if image.mode != "I" and not image.mode.startswith("I;"):
        return image.convert("RGB")
    # Pillow has 16-bit greys of PGM, in older versions of PNG too, as 32-bit numbers from 0 to 65,535.
    if image.mode == "I" and image.format not in ("PNG", "PPM"):
        raise _unknown_white(name, "32-bit numbers")
    white = 2 ** tags.get(BITS_PER_SAMPLE, (16,))[0] - 1
    values = np.asarray(image, dtype=np.float64)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        values = white - values
    return Image.fromarray(np.rint(values * (255 / white)).astype(np.uint8)).convert("RGB")


def _unknown_white(name: str, values: str) -> BadInput:
    return BadInput(
        f"{name} holds {values}, which don't say what is black and what is white; save it again with 8 or 16 bits a "
        "channel",
        field="track",
    )
