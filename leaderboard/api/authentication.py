"""Authentication by `Authorization: Token …`, or by the site's own session."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from leaderboard import queries, services
from leaderboard.database import clock
from leaderboard.forms.second_factor import lacks_second_factor
from leaderboard.models import ApiToken, TokenScope

_MAKE_ANOTHER = "make another under API tokens (/accounts/tokens/)"


class ApiTokenAuthentication(TokenAuthentication):
    """knox's tokens; the answer to one that has ended says so.

    With a token of another scope than `administer` its owner is nobody's administrator, whatever the account is:
    all checks of permissions and limits, those to come too, see an ordinary user. A worker's token ends with its
    owner's rights.
    """

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """The token's owner, and the token. Raises AuthenticationFailed, with the reason for one that has ended."""
        try:
            digest = hash_token(token.decode())
        except ValueError:  # not UTF-8
            raise AuthenticationFailed("Invalid token.") from None
        found = ApiToken.objects.select_related("user").filter(digest=digest).first()
        if found is None:
            raise AuthenticationFailed("Invalid token.")
        if found.revoked_at is not None:
            raise AuthenticationFailed(f"this token was revoked {_on(found.revoked_at)}; {_MAKE_ANOTHER}")
        if found.expiry is not None and found.expiry <= clock.now():
            raise AuthenticationFailed(f"this token expired {_on(found.expiry)}; {_MAKE_ANOTHER}")
        if not found.user.is_active:
            raise AuthenticationFailed(_not_active(found.user))
        if found.scope == TokenScope.WORKER and not found.user.is_staff:
            raise AuthenticationFailed(f"{found.user} is no administrator any more; {_MAKE_ANOTHER} as one")
        services.token_used(found)
        if found.scope != TokenScope.ADMINISTER:
            found.user.is_staff = found.user.is_superuser = False  # of this object alone, which nobody saves
        return found.user, found


def _not_active(user: User) -> str:
    if queries.waits_for_approval(user):
        return "the account of this token waits for an administrator's approval; a mail says when it has it"
    return "the account of this token is not active; ask an administrator"


def _on(at: datetime) -> str:
    return f"on {at:%Y-%m-%d at %H:%M} UTC"


class SameOriginSession(SessionAuthentication):
    """The session of the site's own pages; a page of another site is a stranger, whatever cookies come with it."""

    def authenticate(self, request: Request) -> Any:
        """The signed-in user, unless the request says that it is from elsewhere."""
        origin = request.headers.get("Origin")
        ours = (f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS)
        found = super().authenticate(request) if origin is None or origin in ours else None
        if found is not None and lacks_second_factor(request._request):
            found[0].is_staff = found[0].is_superuser = False  # as above
        return found


class ApiTokenScheme(KnoxTokenScheme):
    """The description of the token in the OpenAPI document."""

    target_class = "leaderboard.api.authentication.ApiTokenAuthentication"


class SameOriginSessionScheme(SessionScheme):
    """That of the session."""

    target_class = "leaderboard.api.authentication.SameOriginSession"
