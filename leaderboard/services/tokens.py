"""API tokens: made, renamed and revoked, with a line in the log. Their text is never stored."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from leaderboard.database import clock
from leaderboard.models import Action, ApiToken, TokenScope
from leaderboard.services.limits import check_acts, take_turn
from leaderboard.services.log import write_log
from leaderboard.services.refusal import Invalid, LimitReached, Refused

MOST_TOKENS = 20
DAYS = 90
"""How long a token lasts if nothing else is asked for."""
ENDED_KEPT = timedelta(days=90)
"""For so long, a token that has ended is listed, and the answer to a request with it says why it is refused."""
USE_RESOLUTION = timedelta(minutes=1)
MOST_OF_NAME = 100


@transaction.atomic
def create_token(
    user: User,
    *,
    by: User | None,
    name: str,
    scope: str = TokenScope.SUBMIT,
    days: int | None = DAYS,
) -> str:
    """Make a token of a user and return its text, which can't be shown again.

    days: until it expires; None: it does not. Raises Invalid for a name that can't be shown, Refused for the scope
    `administer` or `worker` of somebody who is no administrator, LimitReached for more tokens than a person may have.
    """
    name = _checked(name)
    if scope != TokenScope.SUBMIT and not user.is_staff:
        raise Refused("scope", f"{user} is no administrator, so that a token can only submit; leave the scope out")
    take_turn(user)
    now = clock.now()
    mine = ApiToken.objects.filter(user=user)
    mine.filter(Q(revoked_at__lt=now - ENDED_KEPT) | Q(expiry__lt=now - ENDED_KEPT)).delete()
    if by is not None:
        check_acts(by, Action.CREATE_TOKEN)
    if by is not None and live_tokens(user).count() >= MOST_TOKENS:
        raise LimitReached("name", f"you have {MOST_TOKENS} tokens, which is the limit; revoke one first")
    lasts = timedelta(days=days) if days is not None else None
    made, text = ApiToken.objects.create(user, expiry=lasts, name=name, scope=scope)
    write_log(
        Action.CREATE_TOKEN,
        user,
        by=by,
        token_key=made.token_key,
        name=name,
        scope=str(scope),
        expires_after_days=days,
    )
    return str(text)


def live_tokens(user: User) -> QuerySet[ApiToken]:
    """A user's tokens that still open the API."""
    tokens: QuerySet[ApiToken] = ApiToken.objects.filter(user=user, revoked_at=None)
    return tokens.filter(Q(expiry=None) | Q(expiry__gt=clock.now()))


@transaction.atomic
def rename_token(user: User, token_key: str, name: str, *, by: User | None) -> bool:
    """Give another name to the token of a user that begins with `token_key`. False if there is none."""
    name = _checked(name)
    take_turn(user)
    found = ApiToken.objects.filter(user=user, token_key=token_key).first()
    if found is None:
        return False
    if found.name != name:
        if by is not None:
            check_acts(by, Action.RENAME_TOKEN)
        write_log(Action.RENAME_TOKEN, user, by=by, token_key=token_key, name=[found.name, name])
        ApiToken.objects.filter(pk=found.pk).update(name=name)
    return True


@transaction.atomic
def revoke_token(user: User, token_key: str, *, by: User | None) -> bool:
    """End the token of a user that begins with `token_key`. False if there is none, or if it was revoked before.

    What a request with it is doing is finished; the next one is refused.
    """
    live = ApiToken.objects.filter(user=user, token_key=token_key, revoked_at=None)
    if not live.update(revoked_at=clock.now()):
        return False
    write_log(Action.REVOKE_TOKEN, user, by=by, token_key=token_key)
    return True


def token_used(token: ApiToken) -> None:
    """Note that a token was just used, at most once a minute."""
    now = clock.now()
    if token.last_used_at is None or token.last_used_at <= now - USE_RESOLUTION:
        earlier = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_RESOLUTION)
        ApiToken.objects.filter(earlier, pk=token.pk).update(last_used_at=now)


def _checked(name: str) -> str:
    name = name.strip()
    if not name:
        raise Invalid("name", "is required; say what the token is for", subject="“name”")
    if len(name) > MOST_OF_NAME:
        raise Invalid("name", f"has {len(name)} characters; give at most {MOST_OF_NAME}", subject="“name”")
    if not name.isprintable():
        raise Invalid("name", "has characters that can't be shown; leave them out", subject="“name”")
    return name
