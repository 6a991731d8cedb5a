"""`python -m measurement submit`: sends a recipe, once whatever the network does, and follows its run."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from measurement.documents import MAX_DOCUMENT_BYTES
from measurement.errors import BadInput, BadOption, MeasurementError
from measurement.submission.display import Display
from measurement.submission.errors import Refused, ResultHeld, RunFailed, SiteTrouble
from measurement.submission.site import TIMEOUT_S, Answer, Site, checked_address, refused, shown

TOKEN_VARIABLE = "ENERGY_LEADERBOARD_TOKEN"  # noqa: S105 - where it is, not what
POLL_S = 5.0
"""Between two looks at a site that answers at once."""
WAIT_S = 60
"""For so long a site may hold the answer back until there is news; for a bar, for `POLL_S`."""
FINAL = ("succeeded", "failed", "cancelled")
_OPTIONS = {"hardware": "--hardware", "mode": "--mode"}


def add_submit_arguments(submit: argparse.ArgumentParser) -> None:
    """The options of `submit`."""
    submit.add_argument("recipe", type=Path)
    submit.add_argument("--site", required=True, metavar="URL", help="the leaderboard's address")
    submit.add_argument(
        "--token-file", type=Path, metavar="FILE", help=f"a file with the API token (default: ${TOKEN_VARIABLE})"
    )
    submit.add_argument("--hardware", metavar="SLUG", help="what to verify it on; required if the site has several")
    submit.add_argument("--mode", choices=("full", "sampled"), help="default: full")
    submit.add_argument("--wait", action="store_true", help="follow the run to its end")
    submit.add_argument("--json", action="store_true", help="print the submission as JSON on standard output")
    submit.add_argument(
        "--retry-s",
        type=float,
        default=600.0,
        metavar="S",
        help="seconds for which a request is tried again while the site can't be reached (default: 600)",
    )
    submit.add_argument("--insecure", action="store_true", help="send the token over http:// to another machine")


def run_submit(options: argparse.Namespace) -> int:
    """Submit, wait if asked to, print the result, and return the exit code."""
    try:
        site = Site(checked_address(options.site, insecure=options.insecure), retry_s=options.retry_s)
        submission = _submit(site, options)
        if options.wait:
            submission = _follow(site, submission)
        if options.json:
            print(json.dumps(submission, indent=2))
        return _outcome(submission, site, quiet=options.json) if options.wait else 0
    except Refused as error:
        for fault in error.faults:
            where = _OPTIONS.get(fault.field)
            print(f"{where}: {fault.message}" if where else f"{options.recipe}: {fault}", file=sys.stderr)
        return error.exit_code
    except MeasurementError as error:
        print(f"{error.field}: {error}" if error.field else str(error), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped waiting; what was submitted goes on", file=sys.stderr)
        return 1


def _submit(site: Site, options: argparse.Namespace) -> dict[str, Any]:
    body, token, where = _read_recipe(options.recipe), *_read_token(options.token_file)
    query = urlencode({name: value for name in _OPTIONS if (value := getattr(options, name))})
    headers = {
        "Authorization": f"Token {token}",
        "Content-Type": "application/json" if options.recipe.suffix == ".json" else "application/yaml",
        # The same at every try: whether the first has arrived can't be known.
        "Idempotency-Key": f'"{uuid.uuid4()}"',
    }
    answer = site.call("/api/v1/submissions" + (f"?{query}" if query else ""), body=body, headers=headers)
    if answer.status in (401, 403) and answer.faults:
        raise BadOption("; ".join(fault.message for fault in answer.faults), field=where)
    submission = _submission(answer)
    if not options.json:
        known = "" if answer.status == 201 else " (submitted before)"
        print(f"submission: {_page(submission)}{known}", flush=True)
    return submission


def _read_recipe(path: Path) -> bytes:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise BadInput(f"can't be read: {error.strerror}", field=str(path)) from None
    if len(body) > MAX_DOCUMENT_BYTES:
        raise BadInput(f"has {len(body):,} bytes; a recipe may have at most {MAX_DOCUMENT_BYTES:,}", field=str(path))
    return body


def _read_token(path: Path | None) -> tuple[str, str]:
    """The token, and the option or variable that it is from."""
    where = "--token-file" if path is not None else TOKEN_VARIABLE
    try:
        token = path.read_text("utf-8").strip() if path is not None else os.environ.get(TOKEN_VARIABLE, "").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadOption(f"{path} can't be read: {getattr(error, 'strerror', error)}", field=where) from None
    if not token:
        raise BadOption("has no token; make one on the site, under API tokens", field=where)
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise BadOption("is no token: it has spaces or letters that no token has", field=where)
    return token, where


def _submission(answer: Answer) -> dict[str, Any]:
    if answer.status >= 400:
        raise refused(answer)
    if not isinstance(answer.data, dict) or not {"id", "state", "run"} <= set(answer.data):
        raise SiteTrouble("the answer is no submission; is this the address of a leaderboard?")
    return answer.data


def _follow(site: Site, submission: dict[str, Any]) -> dict[str, Any]:
    with Display() as display:
        site.say = display.say
        display.show(submission)
        for found in _looks(site, str(submission["id"]), POLL_S if display.is_live else WAIT_S):
            submission = found
            display.show(submission)
    return submission


def _looks(site: Site, number: str, wait_s: float) -> Iterator[dict[str, Any]]:
    """The submission as it is now and then, until it is final. Reading needs no token, so none is sent."""
    path, may_wait = f"/api/v1/submissions/{quote(number, safe='')}", True
    while True:
        began = time.monotonic()
        answer = site.call(path + f"?wait={wait_s:.0f}" if may_wait else path, timeout_s=TIMEOUT_S + wait_s)
        if may_wait and answer.status == 400 and any(fault.field == "wait" for fault in answer.faults):
            may_wait = False  # an older site
            continue
        submission = _submission(answer)
        yield submission
        if submission["state"] in FINAL or submission.get("withdrawn_at"):
            return
        # A site where too many wait already answers at once, and says when to ask again.
        left_s = max(POLL_S - (time.monotonic() - began), answer.retry_after_s or 0.0)
        if left_s > 0:
            site.sleep(left_s)


def _outcome(submission: dict[str, Any], site: Site, *, quiet: bool) -> int:
    """0 for a verified result, whose entries are printed unless `quiet`. Raises ResultHeld and RunFailed."""
    run = submission["run"] or {}
    reason = shown(run.get("reason") or "")
    if submission.get("withdrawn_at"):
        raise RunFailed(f"the submission was withdrawn: {_page(submission)}")
    if submission["state"] != "succeeded":
        raise RunFailed(f"the run {submission['state']}: {reason or 'no reason is given'}; {_page(submission)}")
    if run.get("held_for"):
        flags = ", ".join(map(shown, run["held_for"]))
        raise ResultHeld(f"the result is held for review ({flags}): {_page(submission)}")
    for entry in () if quiet else run.get("entries") or ():
        print(f"verified: {site.address}/entries/{shown(entry)}/")
    return 0


def _page(submission: dict[str, Any]) -> str:
    links = submission.get("links")
    return shown(links.get("page") if isinstance(links, dict) else submission["id"])
