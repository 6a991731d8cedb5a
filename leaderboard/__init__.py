"""The Full-Cycle Energy Leaderboard: the Django project and its one app."""
