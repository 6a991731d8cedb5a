"""The app's configuration."""

from django.apps import AppConfig


class LeaderboardConfig(AppConfig):
    name = "leaderboard"
    verbose_name = "Full-Cycle Energy Leaderboard"
