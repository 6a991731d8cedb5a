"""Collecting the static files gives every module a hashed name, and every import the name of what it imports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from leaderboard.staticstorage import HashedStaticFilesStorage, imported_modules

SOURCE = Path(settings.BASE_DIR) / "static"
MODULES = [path.relative_to(SOURCE).as_posix() for path in sorted(SOURCE.glob("leaderboard/**/*.js"))]
ANY_IMPORT = re.compile(r"""(?:from |import\()"(\.[^"]+)""")


def importers_first(name: str) -> tuple[bool, int]:
    """A sorting key: what is imported lazily counts too, and only the two scripts of the charts do so."""
    return name not in {"leaderboard/charts/board.js", "leaderboard/charts/entry.js"}, -len(imported_modules(name))


@pytest.mark.parametrize("is_reversed", [False, True], ids=["importers first", "imported first"])
def test_every_import_has_the_hashed_name_in_any_order_of_files(tmp_path, settings, is_reversed):
    settings.STATIC_ROOT = tmp_path
    names = sorted(MODULES, key=importers_first, reverse=is_reversed)
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((SOURCE / name).read_bytes())
    storage = HashedStaticFilesStorage(location=tmp_path)

    results = list(storage.post_process({name: (FileSystemStorage(SOURCE), name) for name in names}))

    assert [name for name, *_, outcome in results if isinstance(outcome, Exception)] == []
    hashed = {(tmp_path / storage.stored_name(name)).resolve() for name in MODULES}
    assert len(hashed) == len(MODULES)
    for path in hashed:
        targets = {(path.parent / target).resolve() for target in ANY_IMPORT.findall(path.read_text())}
        assert targets <= hashed, path.name


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"leaderboard/absent\.js"):
        imported_modules("leaderboard/absent.js")


def test_ours_are_served_without_comments_and_packages_as_they_come(tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    source = b"/** Doubles. */\nexport const twice = (n) => `${n} // ${n}`; // twice\nconst url = /\\/\\*/g;\n"
    storage, names = HashedStaticFilesStorage(location=here), ("leaderboard/ours.js", "package/theirs.js")
    for name in names:
        (there / name).parent.mkdir(parents=True)
        (there / name).write_bytes(source)
        storage.save(name, ContentFile(source))

    for *_, outcome in storage.post_process({name: (FileSystemStorage(there), name) for name in names}):
        assert outcome is True

    ours, theirs = ((here / storage.stored_name(name)).read_text() for name in names)
    assert theirs.encode() == source
    assert [word in ours for word in ("Doubles", "twice\n", "`${n} // ${n}`", r"/\/\*/g")] == [
        False,
        False,
        True,
        True,
    ]
