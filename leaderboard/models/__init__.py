"""The stored objects. Writes go through services, reads through queries."""

from leaderboard.models.administration import Ban, LogLine, Notice
from leaderboard.models.boards import Board, Entry, FormerEntry, PublishedResult
from leaderboard.models.choices import (
    CLAIM_STATES,
    DATA,
    FAMILIES,
    MODES,
    SOURCES,
    Action,
    Priority,
    Provenance,
    Scenario,
    Scope,
)
from leaderboard.models.machines import Hardware, Worker
from leaderboard.models.methods import Claim, Method, Recipe, Work
from leaderboard.models.runs import Attempt, PhaseEnergy, Run, Submission, SubmissionRequest

__all__ = [
    "CLAIM_STATES",
    "DATA",
    "FAMILIES",
    "MODES",
    "SOURCES",
    "Action",
    "Attempt",
    "Ban",
    "Board",
    "Claim",
    "Entry",
    "FormerEntry",
    "Hardware",
    "LogLine",
    "Method",
    "Notice",
    "PhaseEnergy",
    "Priority",
    "Provenance",
    "PublishedResult",
    "Recipe",
    "Run",
    "Scenario",
    "Scope",
    "Submission",
    "SubmissionRequest",
    "Work",
    "Worker",
]
