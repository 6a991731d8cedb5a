"""Notices as mail: what happened, why, what to do, and where to read more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from leaderboard import queries
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.readers import Reader, reading_as
from leaderboard.models import Delivery, Entry, NoticeKind
from leaderboard.presentation import rows
from leaderboard.presentation.entry.flags import flag_meanings
from leaderboard.presentation.format import images, joules, percent, watt_hours

MEANINGS = {
    NoticeKind.VERIFIED: "A run succeeded and its result was published.",
    NoticeKind.FAILED: "A run failed, and is not tried again.",
    NoticeKind.CANCELLED: "Somebody else cancelled a run.",
    NoticeKind.HELD: "A result is held for review: it is left out of its entry.",
    NoticeKind.RELEASED: "A result that was held was released.",
    NoticeKind.TAKEN_DOWN: "An administrator took an entry down, or withdrew a submission.",
    NoticeKind.SUPERSEDED: "Another result has the place of yours.",
    NoticeKind.WEBHOOK_OFF: "A webhook of yours was switched off.",
    NoticeKind.ADMINISTRATION: "Something needs an administrator.",
    NoticeKind.TEST: "A test of a webhook.",
}
SUBJECTS = {
    NoticeKind.VERIFIED: "Verified",
    NoticeKind.FAILED: "Failed",
    NoticeKind.CANCELLED: "Cancelled",
    NoticeKind.HELD: "Held for review",
    NoticeKind.RELEASED: "Released",
    NoticeKind.TAKEN_DOWN: "Taken down",
    NoticeKind.SUPERSEDED: "Superseded",
    NoticeKind.WEBHOOK_OFF: "Webhook switched off",
    NoticeKind.TEST: "Test",
}
_UNSUBSCRIBE = Signer(salt="leaderboard.unsubscribe")


def absolute(path: str) -> str:
    """The address of a page, for who reads it outside the site."""
    return f"{settings.SITE_URL}{path}"


def links_of(data: dict[str, Any]) -> dict[str, str]:
    """Addresses of what a notice is about."""
    links = {}
    if data.get("submission"):
        links["submission"] = absolute(reverse("submission", args=[data["submission"]]))
    if data.get("entries"):
        links["entry"] = absolute(reverse("entry", args=[data["entries"][0]]))
    if data.get("webhook"):
        links["webhook"] = absolute(reverse("webhook", args=[data["webhook"]]))
    return links


def unsubscribe_address(user: User, kind: str) -> str:
    """Where a mail's reader, or their mail program, ends mail of this kind without signing in."""
    return absolute(reverse("unsubscribe", args=[_UNSUBSCRIBE.sign_object([user.pk, kind])]))


def read_unsubscribe(signed: str) -> tuple[int, NoticeKind] | None:
    """The account's number and the kind that an address names; None if it is not one of ours."""
    try:
        user_id, kind = _UNSUBSCRIBE.unsign_object(signed)
        return int(user_id), NoticeKind(kind)
    except (BadSignature, ValueError, TypeError):
        return None


def mail_of(delivery: Delivery, user: User) -> tuple[str, str]:
    """Subject and text of a notice."""
    kind, data = NoticeKind(delivery.kind), delivery.data
    about = data.get("subject") or _subject(kind, data)
    with reading_as(Reader(user.pk)):
        paragraphs = [data["text"]] if "text" in data else list(_paragraphs(kind, data))
    text = "\n\n".join([f"Hello {user.get_username()},", *paragraphs, _foot(user, kind)])
    return " ".join(f"[{settings.SITE_NAME}] {about}".split()), f"{text}\n"


def _subject(kind: NoticeKind, data: dict[str, Any]) -> str:
    return f"{SUBJECTS[kind]}: {data.get('title') or data.get('url') or 'all results'}"


def _paragraphs(kind: NoticeKind, data: dict[str, Any]) -> Iterator[str]:
    yield _what_happened(kind, data)
    if data.get("reason"):
        yield f"Reason: {data['reason']}"
    if kind == NoticeKind.HELD and (meanings := flag_meanings(data.get("held_for") or [])):
        yield "\n".join(meanings)
    if kind in (NoticeKind.VERIFIED, NoticeKind.RELEASED):
        yield _standing(data)
    yield _what_to_do(kind, data)
    names = {"submission": "Submission", "entry": "Entry", "webhook": "Webhook"}
    yield "\n".join(f"{names[name]}: {address}" for name, address in links_of(data).items())


def _what_happened(kind: NoticeKind, data: dict[str, Any]) -> str:
    if kind == NoticeKind.WEBHOOK_OFF:
        return f"Your webhook {data['url']} was switched off: it is sent nothing any more."
    if "title" not in data:
        return "An administrator took all your results off the boards."
    of = f"“{data['title']}” on {data['hardware']}"
    run = f"run {data['run']}" if data.get("run") else "submission"
    return {
        NoticeKind.VERIFIED: f"Your submission {of} was verified: {run} succeeded.",
        NoticeKind.FAILED: f"Your submission {of} failed: {run} ended without a result.",
        NoticeKind.CANCELLED: f"Somebody else cancelled {run} of your submission {of}.",
        NoticeKind.HELD: f"The result of your submission {of} ({run}) is held for review and left out of its entry.",
        NoticeKind.RELEASED: f"The result of your submission {of} ({run}) was released by an administrator.",
        NoticeKind.TAKEN_DOWN: f"The result of your submission {of} ({run}) was taken down by an administrator.",
        NoticeKind.SUPERSEDED: f"The result of your submission {of} ({run}) was superseded by another.",
        NoticeKind.TEST: "This is a test.",
    }[kind]


def _standing(data: dict[str, Any]) -> str:
    """Quality, energy and rank at the moment of sending, on the board that the site would show."""
    if not data["entries"]:
        return "It takes part in no entry: full results of the same work count instead of samples."
    entry = queries.find_entry(data["entries"][0])
    return _figures(entry) if entry else "Its entry has left the board since."


def _figures(entry: Entry) -> str:
    board = entry.board
    query = LeaderboardQuery(
        track=board.track, hardware=board.hardware.slug, scenario=board.scenario, scope=board.scope
    )
    ranked = queries.ranked_board(query)
    row = ranked.find_any(entry.pk) or queries.off_board(entry, query)
    place = (
        f"{rows.rank_text(row.place)} of {ranked.ranked_count}"
        if row.place.rank is not None
        else f"none: {rows.why_not_ranked(row, ranked.query)}"
    )
    bound = "" if entry.complete else "at least "
    figures = {
        "Quality": f"{percent(entry.quality)} ({entry.quality_provenance})",
        "One-time energy": f"{bound}{joules(row.one_time_energy_j)} ({entry.provenance})",
        "Inference energy": f"{joules(entry.inference_energy_j)} per image ({entry.inference_provenance})",
        f"Full-cycle energy of {images(query.usage_intensity)}": (
            f"{bound}{joules(row.place.energy_j)} ({watt_hours(row.place.energy_j)})"
        ),
        "Rank": place,
    }
    lines = [f"{name}: {figure}" for name, figure in figures.items()]
    where = f"{board.get_scenario_display()}, {board.get_scope_display().lower()}, track {board.track}, now:"
    return "\n".join([where, *lines])


def _what_to_do(kind: NoticeKind, data: dict[str, Any]) -> str:
    contact = f" Questions: {settings.CONTACT}." if settings.CONTACT else ""
    return {
        NoticeKind.VERIFIED: "Nothing is left to do. The entry's page says how each figure was measured.",
        NoticeKind.FAILED: "Correct what the reason names, and submit the recipe again; nothing of it is lost.",
        NoticeKind.CANCELLED: f"Submit the recipe again if it is still wanted.{contact}",
        NoticeKind.HELD: f"Nothing has to be done: an administrator reviews it, and a notice follows.{contact}",
        NoticeKind.RELEASED: "Nothing is left to do.",
        NoticeKind.TAKEN_DOWN: f"The result stays stored. Write to the administrators if you disagree.{contact}",
        NoticeKind.SUPERSEDED: "Your result stays stored, and the entry's page lists it.",
        NoticeKind.WEBHOOK_OFF: "Mend what the answer names, then open the webhook's page, save it to "
        "switch it on, and send again what it has missed.",
        NoticeKind.TEST: "Nothing has to be done.",
    }[kind]


def _foot(user: User, kind: NoticeKind) -> str:
    why = {
        NoticeKind.ADMINISTRATION: "because you are an administrator",
        NoticeKind.WEBHOOK_OFF: "because the webhook is yours",
    }.get(kind, "because you submitted it")
    lines = [
        "-- ",
        f"{settings.SITE_NAME}, {settings.SITE_URL}/",
        f"You get this mail {why}. No more mail of this kind: {unsubscribe_address(user, kind)}",
        f"Choose your notices: {absolute(reverse('notices'))}",
    ]
    return "\n".join(lines)
