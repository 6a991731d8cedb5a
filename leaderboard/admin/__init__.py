"""The pages of administrators under /admin/: what they see and what they can do."""

from leaderboard.admin import boards, log, machines, outbox, people, runs, works

__all__ = ["boards", "log", "machines", "outbox", "people", "runs", "works"]
