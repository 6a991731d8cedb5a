"""Every address under /api/."""

from django.urls import path, re_path

from leaderboard.api.base import UnknownAddress
from leaderboard.api.views import board

urlpatterns = [
    path("v1/leaderboard", board.LeaderboardView.as_view(), name="api-leaderboard"),
    path("v1/leaderboard/snapshot", board.SnapshotView.as_view(), name="api-leaderboard-snapshot"),
    path("v1/leaderboard/champions", board.ChampionsView.as_view(), name="api-leaderboard-champions"),
    re_path(r"^v1(/.*)?$", UnknownAddress.as_view(), name="api-unknown"),
]
