"""The pages of administrators under /admin/: what they see and what they can do."""

from leaderboard.admin import log, machines, people, results

__all__ = ["log", "machines", "people", "results"]
