"""Puts a backup in the place of a site, whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from leaderboard.backup.databases import database
from leaderboard.backup.files import Exchange, Place, exchange, places
from leaderboard.backup.taking import BACKUP, SECRET_KEY
from leaderboard.transfer.folder import BadFolder, Checked, checked, sha256_of


class SiteInUse(Exception):
    """This site has data, and nobody has said that they may go; the message says what there is."""


@dataclass(frozen=True, slots=True)
class Restored:
    """`is_older`: the database needs `migrate`. `has_other_key`: this site's key is a setting, and is another."""

    files: int
    is_older: bool
    has_other_key: bool


def restore(folder: Path, *, replace: bool) -> Restored:
    """Put the backup in this site's place.

    Every file is checked, and copied next to the old ones, before anything changes. Raises BadFolder for a backup
    that is damaged, or that this site can't take; SiteInUse; OSError and DatabaseFault. The site is then as it was.
    """
    found = checked(folder, (), BACKUP)
    is_older = _check_database(found)
    _check_places(found)
    if not replace:
        _refuse_data()
    ours = database()
    with tempfile.TemporaryDirectory(prefix=".restoring-", dir=settings.DATA_ROOT) as name, ExitStack() as stack:
        prepared = ours.prepare(folder / ours.file, Path(name))
        laid = [_laid(stack, found, place) for place in places()]
        with _swapped([*laid]), _key_of(found) as has_other_key:
            ours.put_back(prepared)  # the last, and in one transaction
    for cache in caches.all(initialized_only=False):
        with suppress(OSError):
            cache.clear()  # pages, and counts of who asked how often
    return Restored(len(found.manifest["files"]), is_older, has_other_key)


def _check_database(found: Checked) -> bool:
    """Whether it is of an earlier version."""
    listed: dict[str, Any] = found.manifest.get("database") or {}
    if listed.get("kind") != connection.vendor:
        raise BadFolder(
            f"{found.path}: is of a site on {listed.get('kind')}, but this one is on {connection.vendor}; set "
            "DATABASE_URL to a database of that kind, or move the results alone with `manage.py export_results`"
        )
    found.sha256(database().file)
    known = set(MigrationLoader(None).disk_migrations)
    applied = {(app, name) for app, name in listed["migrations"]}
    ours = {app.label for app in apps.get_app_configs()}
    unknown = sorted(f"{app}.{name}" for app, name in applied - known if app in ours)
    if unknown:
        raise BadFolder(f"{found.path}: is of a later version, which has {unknown[-1]}; update this site first")
    return bool(known - applied)


def _check_places(found: Checked) -> None:
    """Raises BadFolder if traces or uploads would be left behind, or be looked for in an empty folder."""
    listed, ours = set(found.manifest["places"]), {place.name for place in places()}
    for name, setting in (("files", "TRACES_S3_BUCKET"), ("artifacts", "ARTIFACTS_S3_BUCKET")):
        if (name in listed) != (name in ours):
            has, do = ("has", "unset") if name in listed else ("lacks", "set")
            raise BadFolder(f"{found.path}: {has} the folder {name}; {do} {setting} as where it was taken")


def _refuse_data() -> None:
    """Raises SiteInUse unless the site is as new."""
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        for model in apps.get_models():
            of_migrations = model._meta.app_label in ("auth", "contenttypes") and model.__name__ != "User"
            if model._meta.db_table in there and not of_migrations and model._base_manager.exists():
                raise SiteInUse(f"this site has data: {model._meta.verbose_name_plural}")
    for place in places():
        if place.has_files():
            raise SiteInUse(f"this site has data: files in {place.path}")


def _laid(stack: ExitStack, found: Checked, place: Place) -> Exchange:
    laid = stack.enter_context(exchange(place))
    for name in found.manifest["files"]:
        if name.startswith(f"{place.name}/"):
            copy = laid.lay(found.path / name, name.removeprefix(f"{place.name}/"))
            if sha256_of(copy) != found.sha256(name):
                raise BadFolder(f"{found.path / name}: has changed while it was copied; {BACKUP.again}")
    return laid


@contextmanager
def _swapped(laid: list[Exchange]) -> Iterator[None]:
    """The new files in their places; the old ones again if the block fails."""
    try:
        for each in laid:
            each.swap()
        yield
    except BaseException:
        for each in reversed(laid):
            each.swap_back()
        raise


@contextmanager
def _key_of(found: Checked) -> Iterator[bool]:
    """The backup's signing key, if this site keeps its own; the old one again if the block fails.

    Gives whether this site has another by a setting.
    """
    key = (found.path / SECRET_KEY).read_text("utf-8")
    place = Path(settings.DATA_ROOT) / SECRET_KEY
    old = place.read_text("utf-8") if place.exists() else None
    if old != settings.SECRET_KEY:
        yield key != settings.SECRET_KEY
        return
    _write_key(place, key)
    try:
        yield False
    except BaseException:
        _write_key(place, settings.SECRET_KEY)
        raise


def _write_key(place: Path, key: str) -> None:
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        new = Path(folder) / SECRET_KEY
        new.touch(0o600)
        new.write_text(key, "utf-8")
        new.replace(place)
