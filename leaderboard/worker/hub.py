"""Files of a hub, where the operator allows downloads: in the worker, never in the fenced child."""

from __future__ import annotations

import os
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from django.conf import settings

from leaderboard.worker.cache import MB, NotProvided
from measurement.errors import Fault
from measurement.recipe.hub import HubFile

ENDPOINT = "https://huggingface.co"
SILENCE_S = 60.0


def of_hub(file: HubFile, field: str) -> tuple[IO[bytes], int]:
    """The file as it comes, without any token, and its size. Raises NotProvided with whose fault it is; OSError."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url  # of the worker's extra
    from huggingface_hub.errors import HfHubHTTPError

    if not settings.HUB_DOWNLOADS:
        raise NotProvided(
            Fault.DATA, f"{field}: this worker downloads nothing from a hub (HUB_DOWNLOADS); upload the file"
        )
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or ENDPOINT
    address = hf_hub_url(file.repository, file.path, revision=file.revision, endpoint=endpoint)
    try:
        found = get_hf_file_metadata(address, token=False, timeout=SILENCE_S)
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        if status in (401, 403, 404):
            raise NotProvided(
                Fault.RECIPE, f"{field}: the hub has no such public file (HTTP {status}); check name and commit"
            ) from None
        raise OSError(str(error)) from None
    except Exception as error:  # of the HTTP client, which is another one in each version of the library
        raise OSError(f"{type(error).__name__}: {error}") from None
    if found.commit_hash != file.revision or not found.size:
        raise OSError(f"the hub answers with commit {found.commit_hash} and {found.size} bytes")
    if found.size > (most := settings.ARTIFACT_MAX_MB) * MB:
        raise NotProvided(
            Fault.RECIPE, f"{field}: the file has {found.size:,} bytes; the limit of this site is {most:,} MB a file"
        )
    if urlsplit(found.location).scheme not in ("https", urlsplit(endpoint).scheme):
        raise OSError(f"the hub sends to {found.location}")
    try:
        return urlopen(Request(found.location), timeout=SILENCE_S), found.size  # noqa: S310 - the scheme was checked
    except HTTPError as error:
        raise OSError(f"HTTP {error.code}") from None
