"""Removes uploads that nobody finished, and files and measurements that no submission has named for a time."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from leaderboard.database import clock
from leaderboard.models import Action, Artifact, Submission, Upload
from leaderboard.services import artifact_files
from leaderboard.services.log import write_log
from leaderboard.services.named_measurements import remove_unused_measurements
from leaderboard.services.uploads import remove_if_unused

UNFINISHED_DAYS = 2
_DAY_S = 86_400.0


def remove_unused() -> int:
    """Remove them, each with a line in the log. Returns how many uploads, contents and measurements went.

    A file stays for ARTIFACT_DAYS after it was uploaded, or after the last submission that named it was withdrawn.
    """
    now = clock.now()
    unfinished = Upload.objects.filter(artifact=None, changed_at__lt=now - timedelta(days=UNFINISHED_DAYS))
    removed = sum(_remove_upload(pk) for pk in list(unfinished.values_list("pk", flat=True)))
    until = now - timedelta(days=settings.ARTIFACT_DAYS)
    naming = Submission.objects.filter(recipe__artifacts=OuterRef("artifact"))
    still = Exists(naming.filter(Q(withdrawn_at=None) | Q(withdrawn_at__gt=until)))
    unnamed = Upload.objects.filter(~still, changed_at__lt=until).exclude(artifact=None)
    removed += sum(_remove_upload(pk) for pk in list(unnamed.values_list("pk", flat=True)))
    for pk in list(Artifact.objects.filter(uploads=None).values_list("pk", flat=True)):
        removed += _remove_content(pk)
    for upload in artifact_files.forgotten_parts(UNFINISHED_DAYS * _DAY_S):
        if not Upload.objects.filter(pk=upload, artifact=None).exists():
            artifact_files.remove_parts(upload)
    return removed + remove_unused_measurements()


@transaction.atomic
def _remove_upload(pk: UUID) -> int:
    """If it is still what it was when it was chosen: the last part, or a submission, may have just come."""
    found = Upload.objects.filter(pk=pk).first()
    if found is not None and found.artifact_id is not None:  # locked before the upload, as everywhere
        Artifact.objects.select_for_update(no_key=True).filter(pk=found.artifact_id).first()
    upload = Upload.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if upload is None or upload.changed_at > clock.now() - timedelta(
        days=min(UNFINISHED_DAYS, settings.ARTIFACT_DAYS)
    ):
        return 0
    naming = Submission.objects.filter(recipe__artifacts=upload.artifact_id, withdrawn_at=None)
    if upload.artifact_id is not None and naming.exists():
        return 0
    write_log(Action.REMOVE_UNUSED, upload, by=None, size=upload.size)
    transaction.on_commit(lambda: artifact_files.remove_parts(pk))
    upload.delete()
    return 1


@transaction.atomic
def _remove_content(pk: int) -> int:
    artifact = Artifact.objects.select_for_update(no_key=True).filter(pk=pk).first()
    return int(artifact is not None and remove_if_unused(artifact))
