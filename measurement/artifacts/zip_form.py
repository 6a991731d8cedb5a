"""Whether a file has the form of a data set's archive: a plain ZIP file, by its list of files. Nothing is unpacked.

The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT. Only what every program reads in the same way
is taken, so that what is checked here is what is unpacked later.
"""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from measurement.errors import BadInput

MOST_FILES = 50_000
MOST_UNPACKED_BYTES = 4 * 10**9
MOST_RATIO = 100
SMALL_BYTES = 10**7
"""What any archive may unpack to, whatever its ratio."""
LONGEST_NAME, LONGEST_PATH, DEEPEST = 255, 1000, 12
NESTED = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"})

NO_WRAPPER = frozenset({"train", "training"})
"""A folder of this name that holds all is a part whose counterpart was forgotten, and no data set's folder."""

_END, _END64 = b"PK\x05\x06", b"PK\x06\x07"
_END_BYTES, _LOCATOR_BYTES, _ENTRY_BYTES, _HEADER_BYTES = 22, 20, 46, 30
_MOST_LIST_BYTES = MOST_FILES * 400
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_NAMES_ARE_UTF8 = 0x800
_AGAIN = "zip the folder again"


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the archive. `path`: below the data set's folder, with slashes; `size` is that of its content."""

    path: str
    size: int
    info: zipfile.ZipInfo


def members_of(archive: zipfile.ZipFile, size: int) -> list[Member]:
    """Its files, without hidden ones and those that macOS adds; a folder that holds all the others is left out.

    size: bytes of the archive. Raises BadInput with the first fault.
    """
    infos = archive.infolist()
    if len(infos) > MOST_FILES:
        raise BadInput(f"lists {len(infos):,} files; the limit is {MOST_FILES:,}")
    _check_places(archive, infos)
    files: list[tuple[str, zipfile.ZipInfo]] = []
    names = _Names()
    for info in infos:
        path = _path(info)
        is_folder = _check_type(info, path)
        names.add(path, is_folder=is_folder)
        if not is_folder:
            _check_content(info, path)
            files.append((path, info))
    _check_total(infos, size)
    kept = [(path, info) for path, info in files if not _is_passed_over(path)]
    if not kept:
        raise BadInput("holds no files; zip the folder with the images in it")
    below = _common_folder([path for path, _ in kept])
    return [Member(path.removeprefix(below), info.file_size, info) for path, info in kept]


def open_archive(path: Path) -> zipfile.ZipFile:
    """The archive, whose end and list of files were checked. Raises BadInput."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(2) != b"PK" or size < _END_BYTES:
            raise BadInput(f"is no ZIP file; {_AGAIN}, as .zip")
        file.seek(max(0, size - _END_BYTES - _LOCATOR_BYTES))
        end = file.read()
    _check_end(end[-_END_BYTES:], end[:-_END_BYTES], size)
    try:
        return zipfile.ZipFile(path)
    except UnicodeDecodeError:
        raise BadInput(f"holds a name that is not UTF-8; rename the file, then {_AGAIN}") from None
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError) as error:
        raise BadInput(f"can't be read as a ZIP file: {_words(error)}; {_AGAIN}") from None


def _check_end(end: bytes, before: bytes, size: int) -> None:
    """The end says where the list of files is: exactly before it, and how many there are."""
    if not end.startswith(_END):
        raise BadInput(
            "does not end as a ZIP file: it is cut off, has a comment, or has bytes after its end; upload the whole "
            f"file, or {_AGAIN} without a comment"
        )
    disk, disk_of_list, here, count, list_bytes, list_at, comment = struct.unpack("<4H2LH", end[4:])
    if before.startswith(_END64):
        raise BadInput(
            f"is in the format ZIP64, which up to {MOST_FILES:,} files and 4 GB don't need; {_AGAIN} without it"
        )
    if disk or disk_of_list or here != count or comment:
        raise BadInput(f"is a part of an archive in several files, or has a comment; {_AGAIN} into one file")
    if count > MOST_FILES:
        raise BadInput(f"says that it holds {count:,} files; the limit is {MOST_FILES:,}")
    if list_at + list_bytes != size - _END_BYTES:
        raise BadInput(
            f"says that its list of files is at byte {list_at:,} and has {list_bytes:,} bytes, which does not fit a "
            f"file of {size:,}; {_AGAIN}"
        )
    if list_bytes > _MOST_LIST_BYTES or list_bytes < count * _ENTRY_BYTES:
        raise BadInput(f"has a list of {list_bytes:,} bytes for {count:,} files, which can't be; {_AGAIN}")


def _path(info: zipfile.ZipInfo) -> str:
    """Its path, in UTF-8. Raises BadInput for one that another system would read in another way."""
    name = info.orig_filename
    if not info.flag_bits & _NAMES_ARE_UTF8:
        try:
            name = name.encode("cp437").decode("utf-8")  # as zipfile has read it; macOS sets no flag
        except UnicodeDecodeError:
            raise BadInput(
                f"holds the name {_shown(name)}, which is not UTF-8; rename the file, then {_AGAIN}"
            ) from None
    shown = _shown(name)
    if any(not letter.isprintable() for letter in name):
        raise BadInput(f"holds the name {shown}, with letters that can't be seen; rename the file, then {_AGAIN}")
    if "\\" in name:
        raise BadInput(
            f"holds the name {shown}, with a backslash; folders are separated by / in a ZIP file: {_AGAIN}"
        )
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise BadInput(f"holds the absolute path {shown}; {_AGAIN} from the folder above it, with relative paths")
    parts = name.removesuffix("/").split("/")
    if ".." in parts:
        raise BadInput(f"holds the path {shown}, which leads out of its folder; {_AGAIN} without ..")
    if "" in parts or "." in parts:
        raise BadInput(f"holds the path {shown}, with an empty part or a dot as a part; {_AGAIN}")
    if len(parts) > DEEPEST or len(name.encode()) > LONGEST_PATH:
        raise BadInput(
            f"holds the path {shown}, which has more than {DEEPEST} parts or {LONGEST_PATH:,} bytes; put it less deep"
        )
    if any(len(part.encode()) > LONGEST_NAME for part in parts):
        raise BadInput(f"holds the name {shown}, which has more than {LONGEST_NAME} bytes; rename the file")
    return name


def _check_type(info: zipfile.ZipInfo, path: str) -> bool:
    """Whether it is a folder. Raises BadInput for what is neither that nor a plain file."""
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if stat.S_ISLNK(mode):
        raise BadInput(f"holds the link {_shown(path)}; put the file that it points to in its place")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadInput(f"holds {_shown(path)}, which is a device or another special file; leave it out")
    is_folder = path.endswith("/")
    if (kind == stat.S_IFDIR) > is_folder or (kind == stat.S_IFREG and is_folder) or (is_folder and info.file_size):
        raise BadInput(f"holds {_shown(path)} as a folder and as a file at once; {_AGAIN}")
    return is_folder


def _check_content(info: zipfile.ZipInfo, path: str) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise BadInput(f"holds {_shown(path)} encrypted; {_AGAIN} without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadInput(
            f"holds {_shown(path)} compressed by method {info.compress_type}; {_AGAIN} with the usual one, deflate"
        )
    if Path(path).suffix.lower() in NESTED:
        raise BadInput(f"holds the archive {_shown(path)}; unpack it, then {_AGAIN}")


class _Names:
    """The paths so far: each once, also where a system takes A and a, or two ways to write é, for one."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, bool]] = {}
        self._listed: set[str] = set()

    def add(self, path: str, *, is_folder: bool) -> None:
        """Raises BadInput if a system would take it for one of those before."""
        whole = path.removesuffix("/")
        if whole in self._listed:
            raise BadInput(f"holds {_shown(whole)} twice; leave only one of them")
        self._listed.add(whole)
        parts = whole.split("/")
        for depth in range(1, len(parts) + 1):
            name, folder = "/".join(parts[:depth]), depth < len(parts) or is_folder
            key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
            known, known_folder = self._known.setdefault(key, (name, folder))
            if known != name:
                raise BadInput(
                    f"holds {_shown(known)} and {_shown(name)}, which some systems take for one; rename one of them"
                )
            if known_folder != folder:
                raise BadInput(f"holds {_shown(name)} as a folder and as a file at once; {_AGAIN}")


def _check_places(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> None:
    """No two files share bytes: that is how a small archive unpacks to petabytes."""
    file = archive.fp
    assert file is not None  # noqa: S101 - it was just opened
    places = []
    for info in infos:
        file.seek(info.header_offset)
        header = file.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES or not header.startswith(b"PK\x03\x04"):
            raise BadInput(f"has no content where it says that {_shown(info.orig_filename)} begins; {_AGAIN}")
        lengths = sum(struct.unpack("<2H", header[26:30]))
        end = info.header_offset + _HEADER_BYTES + lengths + info.compress_size
        places.append((info.header_offset, end, info.orig_filename))
    places = [*sorted(places), (archive.start_dir, archive.start_dir, "the list of files")]
    for (_, end, first), (begin, _, second) in pairwise(places):
        if end > begin:
            raise BadInput(f"holds {_shown(first)} and {_shown(second)} in the same bytes; {_AGAIN}")


def _check_total(infos: list[zipfile.ZipInfo], size: int) -> None:
    total = sum(info.file_size for info in infos)
    if total > MOST_UNPACKED_BYTES:
        raise BadInput(f"unpacks to {total:,} bytes; the limit is {MOST_UNPACKED_BYTES:,}: leave out some images")
    if total > max(SMALL_BYTES, MOST_RATIO * size):
        raise BadInput(
            f"unpacks to {total:,} bytes, {total // size:,} times its own size; the limit is {MOST_RATIO} times: "
            "save the images compressed, as PNG or JPEG"
        )


def _is_passed_over(path: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def _common_folder(paths: list[str]) -> str:
    """`birds/` if all paths begin with it, since most programs zip the folder and not what is in it."""
    first, slash, _ = paths[0].partition("/")
    if first.casefold() in NO_WRAPPER:
        return ""
    return first + slash if slash and all(path.startswith(first + slash) for path in paths) else ""


def _shown(name: str) -> str:
    return ascii(name[:80])


def _words(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
