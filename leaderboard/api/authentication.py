"""Who asks: `Authorization: Token …`, or the session of the site's pages."""

from __future__ import annotations

from typing import Any

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed


class ApiTokenAuthentication(TokenAuthentication):
    """knox's tokens; one that isn't even text is as invalid as any other."""

    def authenticate_credentials(self, token: bytes) -> Any:
        try:
            return super().authenticate_credentials(token)  # type: ignore[no-untyped-call]  # knox has no types
        except ValueError:  # not UTF-8, or not hexadecimal
            raise AuthenticationFailed("Invalid token.") from None


class ApiTokenScheme(KnoxTokenScheme):
    """How the OpenAPI document describes it."""

    target_class = "leaderboard.api.authentication.ApiTokenAuthentication"
