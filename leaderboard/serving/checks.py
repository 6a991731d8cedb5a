"""What Django's system checks look at besides their own: settings that make a public site unsafe."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from leaderboard.configuration import (
    ANY_HOST,
    REMEDY_OF_DEBUG,
    REMEDY_OF_HOSTS,
    REMEDY_OF_KEY,
    public_in_debug,
    weak_secret_key,
)


@checks.register(checks.Tags.security)
def settings_are_safe(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Errors for debug mode where others reach it; outside it for a key that can be guessed and for any host name."""
    if settings.DEBUG:
        why = public_in_debug(settings.HOST, settings.ALLOWED_HOSTS)
        return [checks.Error(f"DEBUG {why}.", hint=REMEDY_OF_DEBUG, id="leaderboard.E003")] if why else []
    found: list[checks.CheckMessage] = []
    if why := weak_secret_key(settings.SECRET_KEY):
        found.append(checks.Error(f"SECRET_KEY: {why}.", hint=REMEDY_OF_KEY, id="leaderboard.E001"))
    if "*" in settings.ALLOWED_HOSTS:
        found.append(checks.Error(ANY_HOST, hint=REMEDY_OF_HOSTS, id="leaderboard.E002"))
    if settings.SECURE_SSL_REDIRECT and settings.SITE_URL.startswith("http://"):
        found.append(
            checks.Warning(
                f"SITE_URL: is {settings.SITE_URL}, so that links in mail lead to plain HTTP.",
                hint="Set it to the https:// address of this site.",
                id="leaderboard.W001",
            )
        )
    return found
