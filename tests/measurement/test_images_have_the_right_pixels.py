"""What a file holds is what the network sees: no grey is cut off, and what has no known white is refused by name."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets.folder import pil_loader

from measurement.errors import BadInput
from measurement.tracks import TRACKS
from measurement.tracks.decoding import decoded
from measurement.tracks.manifest import read_manifest
from measurement.tracks.photographs import MEAN, STD

GREYS = np.array([[0, 6000], [50_000, 65_535]])
AS_BYTES = [0, 23, 195, 255]


def tiff(path: Path, values: np.ndarray, *, samples: int = 1, photometric: int = 1, bits: int | None = None) -> Path:
    """An uncompressed grey TIFF; samples: 1 unsigned, 2 signed, 3 floating point."""
    height, width = values.shape
    data = values.tobytes()
    bits = bits or 8 * values.dtype.itemsize
    order = ">" if values.dtype.byteorder == ">" else "<"
    entries = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 0), (277, 1)]
    entries += [(278, height), (279, len(data)), (339, samples)]
    start = 8 + 2 + 12 * len(entries) + 4
    written = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    for tag, value in entries:
        written += struct.pack(f"{order}HHII", tag, 4, 1, start if tag == 273 else value)
    path.write_bytes(written + struct.pack(f"{order}I", 0) + data)
    return path


def png(path: Path, bits: int, colour_type: int, row: bytes, width: int) -> Path:
    """A PNG of one row, with any depth that the format has."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, 1, bits, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def greys(path: Path) -> list[int]:
    """The red channel, which must equal the others."""
    image = decoded(path, path.name, "RGB")
    assert image.mode == "RGB"
    pixels = np.array(image).reshape(-1, 3)
    assert (pixels == pixels[:, :1]).all()
    return pixels[:, 0].tolist()


def test_16_bit_greys_are_scaled(tmp_path):
    big, little = GREYS.astype(">u2"), GREYS.astype("<u2")
    assert greys(png(tmp_path / "grey.png", 16, 0, big.tobytes(), 4)) == AS_BYTES
    with_alpha = np.stack([big.ravel(), np.full(4, 65_535)], axis=1).astype(">u2")
    assert greys(png(tmp_path / "alpha.png", 16, 4, with_alpha.tobytes(), 4)) == AS_BYTES
    assert greys(tiff(tmp_path / "little.tif", little)) == AS_BYTES
    assert greys(tiff(tmp_path / "big.tif", big)) == AS_BYTES
    assert greys(tiff(tmp_path / "white-is-zero.tif", little, photometric=0)) == [255, 232, 60, 0]
    Image.fromarray(little).save(tmp_path / "packed.tif", compression="tiff_lzw")
    assert greys(tmp_path / "packed.tif") == AS_BYTES
    (tmp_path / "grey.pgm").write_bytes(b"P5 2 2 65535\n" + big.tobytes())
    assert greys(tmp_path / "grey.pgm") == AS_BYTES
    (tmp_path / "ten.pgm").write_bytes(b"P5 2 1 1023\n" + np.array([512, 1023], dtype=">u2").tobytes())
    assert greys(tmp_path / "ten.pgm") == [128, 255]


def test_12_bits_are_scaled_by_their_own_white(tmp_path):
    twelve = np.array([[0xFF, 0xF8, 0x00]], dtype="u1")  # 4095 and 2048
    path = tiff(tmp_path / "twelve.tif", twelve, bits=12)
    path.write_bytes(
        path.read_bytes().replace(struct.pack("<HHII", 256, 4, 1, 3), struct.pack("<HHII", 256, 4, 1, 2))
    )
    assert greys(path) == [255, 128]


def test_16_bit_colours_are_scaled(tmp_path):
    colours = np.array([6000, 50_000, 65_535], dtype=">u2")
    path = png(tmp_path / "colours.png", 16, 2, colours.tobytes(), 1)
    assert np.array(decoded(path, path.name, "RGB")).ravel().tolist() == [23, 195, 255]


@pytest.mark.parametrize(
    ("values", "samples", "reason"),
    [
        (GREYS.astype("<u4"), 1, "holds 32-bit numbers"),
        (GREYS.astype("<i4"), 2, "holds signed numbers"),
        ((GREYS - 32_768).astype(">i2"), 2, "holds signed numbers"),
        ((GREYS // 1000 - 32).astype("i1"), 2, "holds signed numbers"),
        ((GREYS / 65_535).astype("<f4"), 3, "holds floating-point numbers"),
        ((GREYS / 65_535).astype(">f4"), 3, "holds floating-point numbers"),
        ((GREYS / 65_535).astype("<f8"), 3, "can't be decoded"),
        ((GREYS / 65_535).astype("<f2"), 3, "can't be decoded"),
    ],
)
def test_numbers_without_a_known_white_are_refused_by_name(tmp_path, values, samples, reason):
    path = tiff(tmp_path / "scan.tif", values, samples=samples)
    with pytest.raises(BadInput, match=rf"^train/bright/scan\.tif {reason}.*save it again with 8"):
        decoded(path, "train/bright/scan.tif", "RGB")


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.arange(96, dtype=np.uint8).reshape(4, 8, 3)).save(path, exif=exif, quality=100)


def with_palette(path: Path) -> None:
    image = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4)).convert("P")
    image.save(path, transparency=bytes(range(0, 256, 16)))


MODES = {
    "turned.jpg": turned,
    "palette.png": with_palette,
    "one-bit.png": lambda path: Image.fromarray(np.eye(4, dtype=bool)).save(path),
    "grey-alpha.png": lambda path: Image.new("LA", (4, 4), (80, 10)).save(path),
    "colour-alpha.png": lambda path: Image.new("RGBA", (4, 4), (80, 10, 200, 7)).save(path),
    "cmyk.jpg": lambda path: Image.new("CMYK", (4, 4), (80, 10, 200, 7)).save(path),
}


@pytest.mark.parametrize("name", MODES)
def test_orientation_palettes_and_transparency_are_as_torchvision_has_them(tmp_path, name):
    path = tmp_path / name
    MODES[name](path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = decoded(path, name, "RGB")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pil_loader(path)
    assert found.size == expected.size
    assert found.tobytes() == expected.tobytes()


def test_a_data_set_of_16_bit_greys_keeps_its_contrast(tmp_path, monkeypatch):
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path))
    folder = tmp_path / "datasets/scans"
    for part in ("train", "val"):
        for name, grey in (("bright", 50_000), ("dark", 6000)):
            (folder / part / name).mkdir(parents=True)
            Image.fromarray(np.full((20, 20), grey, dtype=np.uint16)).save(folder / part / name / "0.png")
    track = TRACKS["imagefolder"].load("scans", read_manifest(folder).sha256)
    images, labels = track.load_test(16).first(2)
    assert labels.tolist() == [0, 1]
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    means = 255 * (images * std + mean).mean(dim=(1, 2, 3))
    assert means.tolist() == pytest.approx([195, 23], abs=1)
