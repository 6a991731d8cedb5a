"""What Django's system checks look at besides their own: settings that make a public site unsafe."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from leaderboard.configuration import ANY_HOST, REMEDY_OF_KEY, weak_secret_key


@checks.register(checks.Tags.security)
def settings_are_safe(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Outside debug mode: an error for a signing key that can be guessed, a warning for any host name."""
    if settings.DEBUG:
        return []
    found: list[checks.CheckMessage] = []
    if why := weak_secret_key(settings.SECRET_KEY):
        found.append(checks.Error(f"SECRET_KEY: {why}.", hint=REMEDY_OF_KEY, id="leaderboard.E001"))
    if "*" in settings.ALLOWED_HOSTS:
        found.append(checks.Warning(ANY_HOST, id="leaderboard.W001"))
    return found
