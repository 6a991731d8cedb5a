"""Files that people have uploaded or are uploading."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet

from leaderboard.models import Upload


def uploads_of(owner: User) -> QuerySet[Upload]:
    """Newest first, each with `standing`: how many of the owner's submissions name it."""
    mine = Q(artifact__recipes__submissions__submitter=owner, artifact__recipes__submissions__withdrawn_at=None)
    standing = Count("artifact__recipes__submissions", filter=mine, distinct=True)
    return Upload.objects.filter(owner=owner).select_related("artifact", "owner").annotate(standing=standing)


def find_upload(name: str, reader: User, *, of_anybody: bool = False) -> Upload | None:
    """The upload of this SHA-256 or id that `reader` may see: one's own; for administrators anybody's, own first.

    of_anybody: as for administrators, whoever reads: a worker fetches what a run names.
    """
    try:
        of = Q(pk=UUID(name)) if len(name) != 64 else Q(sha256=name)
    except ValueError:
        return None
    found = Upload.objects.filter(of).select_related("artifact", "owner")
    own = found.filter(owner=reader).first()
    return own or (found.order_by("-artifact", "created_at").first() if reader.is_staff or of_anybody else None)
