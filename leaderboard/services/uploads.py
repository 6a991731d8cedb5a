"""Files that people upload: announced, sent in parts, checked, stored once, deleted."""

from __future__ import annotations

import os
from functools import partial
from io import FileIO
from pathlib import Path

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum

from leaderboard.database import clock
from leaderboard.models import Action, Artifact, ArtifactKind, Submission, Upload
from leaderboard.services import artifact_files
from leaderboard.services.artifact_forms import check_form
from leaderboard.services.limits import check_acts, take_turn
from leaderboard.services.log import write_log
from leaderboard.services.refusal import Invalid, LimitReached, Refused, TooBig
from measurement.dataroot import sha256_of
from measurement.errors import BadInput

MB = 1_000_000
MOST_UPLOADS = 200
MOST_UNFINISHED = 10
MOST_TRIES = 5

log = structlog.get_logger()


class NoRoom(Refused):
    """The site's own disk is full: no fault of who asks."""


@transaction.atomic
def declare(owner: User, *, kind: str, size: int, sha256: str = "", name: str = "") -> tuple[Upload, bool]:
    """Announce a file of `size` bytes. Returns its upload, and whether it is new: the same file again is found.

    Raises TooBig or LimitReached for a file that is more than one file, or one person's files, may be; Invalid for
    another size of a file that has been announced.
    """
    take_turn(owner)
    if size > settings.ARTIFACT_MAX_MB * MB:
        raise TooBig("size", f"is {size:,} bytes; the limit of this site is {settings.ARTIFACT_MAX_MB:,} MB a file")
    mine = Upload.objects.filter(owner=owner)
    if sha256 and (found := mine.filter(sha256=sha256).first()):
        if found.size != size or found.kind != kind:
            raise Invalid(
                "size" if found.size != size else "kind",
                f"differs from your upload of this SHA-256, which is {found.kind} of {found.size:,} bytes; delete "
                "that one, or send what it is",
            )
        return found, False
    if not owner.is_staff:
        _check_share(owner, size)
    made = Upload.objects.create(
        owner=owner, kind=ArtifactKind(kind), size=size, sha256=sha256, name=name, changed_at=clock.now()
    )
    return made, True


def _check_share(owner: User, size: int) -> None:
    check_acts(owner, Action.UPLOAD, most=MOST_UPLOADS)  # each leaves a line in the log, and so does deleting it
    mine = Upload.objects.filter(owner=owner)
    unfinished, all_of_them = mine.filter(artifact=None).count(), mine.count()
    used, most = mine.aggregate(sum=Sum("size"))["sum"] or 0, settings.ARTIFACTS_MB_PER_USER * MB
    if unfinished >= MOST_UNFINISHED:
        raise LimitReached("artifact", f"you have {unfinished} unfinished uploads; finish or delete one first")
    if all_of_them >= MOST_UPLOADS:
        raise LimitReached("artifact", f"you have {all_of_them} files here, which is the limit; delete one first")
    if used + size > most:
        raise LimitReached(
            "size",
            f"is {size:,} bytes, and your files have {used:,} of the {most:,} that one person may have; delete one "
            "first",
        )


def append(upload: Upload, offset: int, part: bytes) -> Upload:
    """Add a part at `offset`, which must be where the last one ended. With the last part the file is checked.

    Returns the upload of the file, which is another one if the same person had it already. Raises Refused for
    another offset, or while another request sends; Invalid for too many bytes, for another SHA-256 than was
    announced, and for a file without the form of its kind: nothing of it is kept.
    """
    with artifact_files.writing(upload.pk) as file:
        now = Upload.objects.filter(pk=upload.pk).first()
        if now is None:
            artifact_files.remove_parts(upload.pk)
            raise Refused("artifact", "was deleted meanwhile; announce it again")
        if now.artifact_id is not None:
            return now
        if offset != now.received:
            raise Refused("Upload-Offset", f"is {offset:,}, but {now.received:,} bytes are here; go on from there")
        if offset + len(part) > now.size:
            raise Invalid(
                "Upload-Offset", f"and the part's {len(part):,} bytes go beyond the {now.size:,} that were announced"
            )
        _write(file, offset, part)
        now.received, now.changed_at = offset + len(part), clock.now()
        now.save(update_fields=["received", "changed_at"])
        return _finish(now, file) if now.received == now.size else now


def _write(file: FileIO, offset: int, part: bytes) -> None:
    try:
        file.truncate(offset)  # what a request that died has left
        file.seek(offset)
        left = memoryview(part)
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        if error.errno not in artifact_files.NO_SPACE:
            raise
        log.error("no room for uploads", reason=error.strerror)
        raise NoRoom("artifact", "can't be stored: this site's disk is full; go on later, nothing is lost") from None


def _finish(upload: Upload, file: FileIO) -> Upload:
    os.fsync(file.fileno())
    number, path = upload.pk, artifact_files.path_of_parts(upload.pk)
    sha256 = sha256_of(path)
    if upload.sha256 not in ("", sha256):
        _discard(upload)
        raise Invalid(
            "sha256", f"of what arrived is {sha256}, not {upload.sha256}; nothing was kept: send the file again"
        )
    try:
        found = check_form(upload.kind, path)
    except BadInput as fault:
        _discard(upload)
        raise Invalid("file", f"{fault}. Nothing was kept") from None
    stored = _store(upload, sha256, found, path)
    artifact_files.remove_parts(number)
    return stored


def _discard(upload: Upload) -> None:
    Upload.objects.filter(pk=upload.pk, artifact=None).delete()
    artifact_files.remove_parts(upload.pk)


def _store(upload: Upload, sha256: str, found: dict[str, object], path: Path) -> Upload:
    """Whole, then known. Once more if what removes unused files came between."""
    for _ in range(MOST_TRIES):
        artifact_files.keep(sha256, path)
        with transaction.atomic():
            take_turn(upload.owner)
            defaults = {"size": upload.size, "kind": upload.kind, "found": found}
            artifact, _ = Artifact.objects.get_or_create(sha256=sha256, defaults=defaults)
            is_known = Artifact.objects.select_for_update(no_key=True).filter(pk=artifact.pk).first() is not None
            if is_known and artifact_files.is_kept(sha256, upload.size):
                return _known(upload, artifact)
            transaction.set_rollback(True)
    raise OSError(f"the storage of artifacts does not keep {sha256}")


def _known(upload: Upload, artifact: Artifact) -> Upload:
    others = Upload.objects.filter(owner=upload.owner, sha256=artifact.sha256).exclude(pk=upload.pk)
    if earlier := others.exclude(artifact=None).first():
        upload.delete()
        return earlier
    for unfinished in others:
        transaction.on_commit(lambda pk=unfinished.pk: artifact_files.remove_parts(pk))  # type: ignore[misc]
    others.delete()
    upload.sha256, upload.artifact, upload.changed_at = artifact.sha256, artifact, clock.now()
    upload.save(update_fields=["sha256", "artifact", "changed_at"])
    write_log(Action.UPLOAD, artifact, by=upload.owner, size=upload.size)
    return upload


@transaction.atomic
def delete_upload(upload: Upload, *, by: User) -> None:
    """Forget that its owner has the file; its content goes with the last who has it.

    Raises Refused while a submission of the owner names it.
    """
    take_turn(upload.owner)
    if upload.artifact_id is not None:
        artifact = Artifact.objects.select_for_update(no_key=True).get(pk=upload.artifact_id)
        named = Submission.objects.filter(recipe__artifacts=artifact, withdrawn_at=None, submitter=upload.owner)
        if submission := named.first():
            raise Refused(
                "artifact", f"is named by your submission {submission.pk}; withdraw it first, or leave the file"
            )
    write_log(Action.DELETE, upload, by=by, sha256=upload.sha256)
    transaction.on_commit(lambda pk=upload.pk: artifact_files.remove_parts(pk))  # type: ignore[misc]
    upload.delete()
    if upload.artifact_id is not None:
        remove_if_unused(artifact)


def remove_if_unused(artifact: Artifact) -> bool:
    """Delete the content that nobody has and no standing submission names. The caller holds its lock."""
    if artifact.uploads.exists() or Submission.objects.filter(recipe__artifacts=artifact, withdrawn_at=None).exists():
        return False
    write_log(Action.REMOVE_UNUSED, artifact, by=None, size=artifact.size)
    sha256 = artifact.sha256
    artifact.delete()
    transaction.on_commit(partial(_remove_file, sha256), robust=True)  # not before it is certain
    return True


@transaction.atomic
def _remove_file(sha256: str) -> None:
    """Delete the file of a content that is forgotten, unless somebody has stored the same again by now.

    The row that stands for it meanwhile makes whoever stores it wait, and then store the file again.
    """
    defaults = {"size": 0, "kind": ArtifactKind.SAFETENSORS, "found": {}}
    _, is_forgotten = Artifact.objects.get_or_create(sha256=sha256, defaults=defaults)
    if is_forgotten:
        artifact_files.storage().delete(sha256)
    transaction.set_rollback(True)
