"""Static files under names that hold their hash, so that a browser keeps them for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Also puts the hashed names into the imports between our own ES modules.

    Django can do so for every script, but then searches Plotly's five megabytes of foreign code for imports.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (
            "leaderboard/*.js",
            CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1],
        ),
    )
