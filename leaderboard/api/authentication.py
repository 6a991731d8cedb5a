"""Authentication by `Authorization: Token …`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed


class ApiTokenAuthentication(TokenAuthentication):
    """knox's tokens; one that is not text is answered as any other invalid one."""

    def authenticate_credentials(self, token: bytes) -> Any:
        try:
            return super().authenticate_credentials(token)  # type: ignore[no-untyped-call]  # knox has no types
        except ValueError:  # not UTF-8, or not hexadecimal
            raise AuthenticationFailed("Invalid token.") from None


class ApiTokenScheme(KnoxTokenScheme):
    """The description of the token in the OpenAPI document."""

    target_class = "leaderboard.api.authentication.ApiTokenAuthentication"
