"""Static files under names that carry their content's hash, so that browsers may keep them for ever."""

from __future__ import annotations

from typing import ClassVar

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Also rewrites the imports between our own ES modules. (Minified packages only look as if they had imports.)"""

    patterns: ClassVar = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("leaderboard/*.js", CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]),
    )
