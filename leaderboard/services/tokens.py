"""API tokens: made and deleted, with a line in the log. Their text is never stored."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from knox.models import AuthToken

from leaderboard.models import Action
from leaderboard.services.log import write_log


@transaction.atomic
def create_token(user: User, *, by: User | None) -> str:
    """Make a token of a user and return its text, which can't be shown again."""
    made, text = AuthToken.objects.create(user)
    write_log(Action.CREATE_TOKEN, user, by=by, token_key=made.token_key)
    return str(text)


@transaction.atomic
def delete_token(user: User, token_key: str, *, by: User | None) -> bool:
    """Delete the token of a user that begins with `token_key`. False if there is none."""
    deleted, _ = AuthToken.objects.filter(user=user, token_key=token_key).delete()
    if deleted:
        write_log(Action.DELETE_TOKEN, user, by=by, token_key=token_key)
    return bool(deleted)
