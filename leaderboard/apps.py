"""The configuration of the app, and of which static files are served."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django.contrib.staticfiles.apps import StaticFilesConfig

from leaderboard.telemetry import tracing


class LeaderboardConfig(AppConfig):
    name = "leaderboard"
    verbose_name = "Full-Cycle Energy Leaderboard"

    def ready(self) -> None:
        """Connect the rules of accounts and the system checks, and send spans."""
        import_module("leaderboard.accounts")
        import_module("leaderboard.serving.checks")
        import_module("leaderboard.serving.request_numbers")
        tracing.start()


class AdminConfig(DjangoAdminConfig):
    """The site under /admin/ that logs what administrators do."""

    default_site = "leaderboard.adminsite.Site"


class ServedFilesConfig(StaticFilesConfig):
    """Ignores files of packages that no page uses: compressing them would take longer than all the others."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "widgetbundle.js",
        "datasets",
        "redoc*",
        "htmax*",
        "rest_framework",
        # Of Ace, only the editor, YAML and completion are used.
        *("mode-[!y]*", "ext-[!l]*", "ext-linking.js", "theme-*", "theme", "keybinding-*", "worker-*", "snippets"),
        *("css/[!am]*-[0-9]*.png", "css/a[!c]*", "css/m[!a]*"),
    ]
