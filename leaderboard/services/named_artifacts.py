"""The uploaded files that a recipe names: the submitter's own, kept while a submission names them."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import User

from leaderboard.models import Artifact, Recipe, Upload
from leaderboard.services.refusal import Refused
from measurement.documents import Fault
from measurement.recipe import Recipe as RecipeDocument

UNKNOWN = (
    "is not the SHA-256 of a file that you have uploaded; upload it first, under Files (/artifacts/) or by the API"
)
NO_DOWNLOADS = "is a file of a hub, and this site downloads none; leave it out and upload the file instead"


def why_not_artifacts(recipe: RecipeDocument, submitter: User | None) -> list[Fault]:
    """A fault for each file that the submitter does not have, whether others have it or not.

    Administrators and the site itself may name any.
    """
    wanted, downloads = recipe.uploads, [] if settings.HUB_DOWNLOADS else recipe.downloads
    faults = [Fault(field, NO_DOWNLOADS) for field in downloads]
    if not wanted:
        return faults
    kinds = _kinds({sha256 for sha256, _ in wanted.values()}, submitter)
    for field, (sha256, kind) in wanted.items():
        if sha256 not in kinds:
            faults.append(Fault(field, UNKNOWN))
        elif kinds[sha256] != kind:
            faults.append(Fault(field, f"is of a file that you uploaded as {kinds[sha256]}; name one of {kind}"))
        elif kind == "dataset" and (fault := _why_not_data(recipe, sha256)):
            faults.append(fault)
    return faults


def _why_not_data(recipe: RecipeDocument, sha256: str) -> Fault | None:
    """What the recipe says of an uploaded data set and the check of its form did not find."""
    found = Artifact.objects.get(sha256=sha256).found
    manifest = recipe.dataset.manifest_sha256 if recipe.dataset else ""
    if found.get("track", recipe.track) != recipe.track:
        return Fault("track", f"is {recipe.track!r}, but the uploaded data set is for {found['track']!r}; write that")
    if found.get("manifest_sha256", manifest) != manifest:
        return Fault(
            "dataset.manifest_sha256", f"is not that of the uploaded files, {found['manifest_sha256']}; write that"
        )
    return None


def name_artifacts(stored: Recipe, recipe: RecipeDocument, submitter: User | None) -> None:
    """Note that the recipe names them, so that they are kept. Raises Refused if one was deleted meanwhile."""
    wanted = recipe.uploads
    if not wanted:
        return
    hashes = {sha256 for sha256, _ in wanted.values()}
    locked = list(Artifact.objects.select_for_update(no_key=True).filter(sha256__in=hashes).order_by("pk"))
    for fault in why_not_artifacts(recipe, submitter):
        raise Refused(fault.field, fault.message, subject=f"“{fault.field}” in the recipe")
    for artifact in locked:
        artifact.recipes.add(stored)


def _kinds(hashes: Iterable[str], submitter: User | None) -> dict[str, str]:
    if submitter is None or submitter.is_staff:
        return dict(Artifact.objects.filter(sha256__in=hashes).values_list("sha256", "kind"))
    mine = Upload.objects.filter(owner=submitter, sha256__in=hashes).exclude(artifact=None)
    return dict(mine.values_list("sha256", "kind"))
