"""An archive that is no plain data set is refused with a reason and a remedy; nothing of it is unpacked."""

from __future__ import annotations

import os
import random
import stat
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from measurement.artifacts import zip_form
from measurement.artifacts.unpacking import unpack, unpacked_bytes
from measurement.errors import BadInput
from measurement.tracks.manifest import read_manifest
from measurement.tracks.uploaded import check_data_set
from tests.artifacts.archives import SMALL, entry, zipped

FUZZED = int(os.environ.get("FUZZED_ARTIFACTS", "300"))


def with_mode(name: str, mode: int) -> bytes:
    return zipped([*SMALL.items(), (entry(name, create_system=3, external_attr=mode << 16), b"/etc/passwd")])


def patched(content: bytes, mark: bytes, at: int, new: bytes, *, last: bool = False) -> bytes:
    """Bytes changed at a distance from the first (or last) place of `mark`."""
    place = (content.rindex(mark) if last else content.index(mark)) + at
    return content[:place] + new + content[place + len(new) :]


def end_patched(at: int, new: bytes) -> bytes:
    return patched(zipped(SMALL), b"PK\x05\x06", at, new, last=True)


def listed(at: int, new: bytes, content: bytes | None = None) -> bytes:
    """The first entry of the list changed."""
    return patched(content or zipped(SMALL), b"PK\x01\x02", at, new)


def overlapping() -> bytes:
    """Two names in the list for one content, as zip bombs have it."""
    content = zipped(SMALL)
    first = content.index(b"PK\x03\x04")
    second = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4)
    return content[: second + 42] + struct.pack("<L", first) + content[second + 46 :]


def bomb() -> bytes:
    return zipped({"a/0.bmp": bytes(50 * 2**20)}, compression=zipfile.ZIP_DEFLATED)


def zip64() -> bytes:
    """The end that an archive of more than 65,535 files has."""
    content = zipped(SMALL)
    end = content.rindex(b"PK\x05\x06")
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 8, 8, 10**9, 0)
    return content[:end] + record + struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1) + content[end:]


def renamed(old: bytes, new: bytes) -> bytes:
    return zipped(SMALL).replace(old, new)


BAD = {
    "no archive": (lambda: b"not a zip file at all, but longer than the end of one", "no ZIP file"),
    "empty": (lambda: zipped({}), "holds no files"),
    "cut off": (lambda: zipped(SMALL)[:-30], "cut off"),
    "a comment": (lambda: end_patched(20, b"\x05\x00") + b"hello", "comment"),
    "bytes after": (lambda: zipped(SMALL) + b"more", "bytes after its end"),
    "bytes before": (lambda: b"PK" + bytes(90) + zipped(SMALL), "does not fit a file"),
    "several disks": (lambda: end_patched(4, b"\x01\x00"), "in several files"),
    "zip64": (zip64, "ZIP64"),
    "many files said": (lambda: end_patched(8, b"\xff\xff\xff\xff"), "65,535 files; the limit is 50,000"),
    "a list too long": (lambda: end_patched(12, b"\xff\xff\xff\x0f"), "does not fit a file"),
    "climbing": (lambda: zipped({**SMALL, "../x.png": b""}), "'../x.png', which leads out"),
    "climbing inside": (lambda: zipped({**SMALL, "a/../../x.png": b""}), "leads out"),
    "absolute": (lambda: zipped({**SMALL, "/etc/x.png": b""}), "absolute path '/etc/x.png'"),
    "a drive": (lambda: zipped({**SMALL, "C:/x.png": b""}), "absolute path"),
    "backslash": (lambda: zipped({**SMALL, "..\\x.png": b""}), "backslash"),
    "a dot": (lambda: zipped({**SMALL, "a/./x.png": b""}), "a dot as a part"),
    "nothing between": (lambda: zipped({**SMALL, "a//x.png": b""}), "empty part"),
    "a control letter": (lambda: zipped({**SMALL, "a/\x1bx.png": b""}), "can't be seen"),
    "a null": (lambda: renamed(b"cat/0.png", b"cat/\x00.png"), "can't be seen"),
    "turned text": (lambda: zipped({**SMALL, "a/\u202egnp.png": b""}), "can't be seen"),
    "not UTF-8": (lambda: renamed(b"cat", b"c\xfft"), "not UTF-8"),
    "said to be UTF-8": (lambda: zipped({"\u00e9/0.png": b""}).replace(b"\xc3\xa9", b"\xc3\xff"), "not UTF-8"),
    "a long name": (lambda: zipped({**SMALL, "a" * 300 + ".png": b""}), "more than 255 bytes"),
    "a deep path": (lambda: zipped({**SMALL, "a/" * 20 + "x.png": b""}), "more than 12 parts"),
    "a link": (lambda: with_mode("train/cat/9.png", stat.S_IFLNK | 0o777), "the link 'train/cat/9.png'"),
    "a device": (lambda: with_mode("train/cat/9.png", stat.S_IFCHR | 0o666), "a device or another special"),
    "a pipe": (lambda: with_mode("train/cat/9.png", stat.S_IFIFO | 0o666), "a device or another special"),
    "twice": (lambda: zipped([*SMALL.items(), ("train/cat/0.png", b"other")]), "twice"),
    "case": (lambda: zipped({**SMALL, "train/CAT/7.png": b""}), "'train/cat' and 'train/CAT', which some systems"),
    "two ways": (lambda: zipped({"a/\u00e9.png": b"", "a/e\u0301.png": b""}), "which some systems"),
    "file and folder": (lambda: zipped({**SMALL, "train/cat/0.png/x.png": b""}), "as a folder and as a file"),
    "a zip in it": (lambda: zipped({**SMALL, "train/cat/more.zip": b""}), "holds the archive"),
    "a hidden zip": (lambda: zipped({**SMALL, "train/cat/7.png": zipped(SMALL)}), "an archive under the name"),
    "encrypted": (lambda: listed(8, b"\x01\x00"), "encrypted"),
    "another method": (lambda: zipped(SMALL, compression=zipfile.ZIP_LZMA), "compressed by method 14"),
    "a bomb": (bomb, "times its own size"),
    "petabytes said": (lambda: listed(24, b"\xfe\xff\xff\xff"), "unpacks to 4,294,967,3"),
    "in the same bytes": (overlapping, "in the same bytes|can't be unpacked"),
    "size too large": (lambda: listed(24, b"\xff\x00\x00\x00"), "missing|can't be unpacked"),
    "size too small": (lambda: listed(24, b"\x01\x00\x00\x00"), "can't be unpacked"),
    "other bytes": (lambda: renamed(b"image 1", b"image 7"), "Bad CRC-32"),
    "elsewhere": (lambda: listed(42, b"\x07\x00\x00\x00"), "no content where|in the same bytes"),
    "other name inside": (lambda: patched(zipped(SMALL), b"PK\x03\x04", 30, b"x"), "can't be unpacked"),
    "one class": (lambda: zipped({"train/a/0.png": b"", "val/a/0.png": b""}), "1 class folders"),
    "a lone part": (lambda: zipped({"train/a/0.png": b"", "train/b/0.png": b""}), "no other part"),
    "a missing mask": (
        lambda: zipped({f"{part}/{kind}.png": b"" for part in ("train", "test") for kind in ("images/0", "masks/1")}
                       | {"classes.txt": b"a\nb"}),
        "every image needs a mask",
    ),
}  # fmt: skip


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_is_refused_with_the_reason(tmp_path, name):
    make, message = BAD[name]
    (tmp_path / "bad.zip").write_bytes(make())
    with pytest.raises(BadInput, match=message):
        check_data_set(tmp_path / "bad.zip")
    assert names(tmp_path) == ["bad.zip"]


@pytest.mark.parametrize("name", ["climbing", "a link", "other bytes", "a hidden zip", "in the same bytes"])
def test_a_worker_unpacks_nothing_of_it(tmp_path, name):
    """Also where the site has checked no form."""
    archive = tmp_path / "bad.zip"
    archive.write_bytes(BAD[name][0]())
    with pytest.raises(BadInput):
        unpack(archive, tmp_path / "unpacked" / "sha" / "dataset")
    assert names(tmp_path / "unpacked") == []
    assert names(tmp_path) == ["bad.zip", "unpacked"]


def test_more_files_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_form, "MOST_FILES", 7)
    (tmp_path / "a.zip").write_bytes(zipped(SMALL))
    with pytest.raises(BadInput, match="8 files; the limit is 7"):
        check_data_set(tmp_path / "a.zip")


@pytest.mark.parametrize("below", ["", "birds/", "B\u00e4ume 2/"])
def test_what_people_zip_is_taken(tmp_path, below):
    """The folder or what is in it; with what systems add, which is left out; from macOS, whose names have no flag."""
    files = {below + name: content for name, content in SMALL.items()}
    added = {"__MACOSX/._birds": b"x", below + ".DS_Store": b"x", below + "train/cat/.hidden.png": b"x"}
    content = zipped(files | added, compression=zipfile.ZIP_DEFLATED).replace(
        b"\x00\x08\x08\x00", b"\x00\x00\x08\x00"
    )
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    found = check_data_set(archive)
    assert (found["track"], found["classes"], found["train_images"], found["test_images"]) == ("imagefolder", 2, 4, 4)
    folder = tmp_path / "unpacked" / "sha" / "dataset"
    unpack(archive, folder)
    there = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert there == SMALL
    assert read_manifest(folder).sha256 == found["manifest_sha256"]
    assert unpacked_bytes(archive) == sum(map(len, SMALL.values()))
    assert all(not path.stat().st_mode & 0o111 for path in folder.rglob("*") if path.is_file())


def test_changed_archives_stay_in_their_folder(tmp_path):
    """Refused in words or unpacked: never another error, and never a file elsewhere."""
    luck, good = random.Random(15), zipped(SMALL | {"notes.txt": b"a" * 300}, compression=zipfile.ZIP_DEFLATED)
    archive, root = tmp_path / "a.zip", tmp_path / "unpacked"
    taken = 0
    for number in range(FUZZED):
        content = bytearray(good)
        for _ in range(luck.randint(1, 4)):
            content[luck.randrange(len(content))] = luck.randrange(256)
        archive.write_bytes(content)
        with suppress(BadInput):
            unpack(archive, root / str(number) / "dataset")
            taken += 1
        assert names(tmp_path) == ["a.zip", "unpacked"]
    assert len(names(root)) == taken
