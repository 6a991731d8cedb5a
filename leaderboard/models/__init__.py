"""The stored objects. Writes go through services, reads through queries."""

from leaderboard.models.accounts import Approval
from leaderboard.models.administration import AuditNight, Ban, LogLine, Notice, Spent
from leaderboard.models.artifacts import Artifact, Upload
from leaderboard.models.boards import Board, Entry, FormerEntry, PublishedResult, RemovedEntry
from leaderboard.models.choices import (
    CLAIM_STATES,
    DATA,
    FAMILIES,
    MODES,
    SOURCES,
    Action,
    ArtifactKind,
    DeliveryState,
    Ended,
    NoticeKind,
    Priority,
    Provenance,
    Scenario,
    Scope,
    TokenScope,
)
from leaderboard.models.machines import Hardware, Reference, Worker
from leaderboard.models.measurements import Measurement
from leaderboard.models.methods import Claim, Method, Recipe, Work
from leaderboard.models.notices import Delivery, MailChoice, Webhook
from leaderboard.models.requests import Count, RepeatedRequest
from leaderboard.models.runs import Attempt, PhaseEnergy, Run, Submission, SubmissionRequest
from leaderboard.models.tokens import ApiToken
from leaderboard.models.traces import ThinnedTrace

__all__ = [
    "CLAIM_STATES",
    "DATA",
    "FAMILIES",
    "MODES",
    "SOURCES",
    "Action",
    "ApiToken",
    "Approval",
    "Artifact",
    "ArtifactKind",
    "Attempt",
    "AuditNight",
    "Ban",
    "Board",
    "Claim",
    "Count",
    "Delivery",
    "DeliveryState",
    "Ended",
    "Entry",
    "FormerEntry",
    "Hardware",
    "LogLine",
    "MailChoice",
    "Measurement",
    "Method",
    "Notice",
    "NoticeKind",
    "PhaseEnergy",
    "Priority",
    "Provenance",
    "PublishedResult",
    "Recipe",
    "Reference",
    "RemovedEntry",
    "RepeatedRequest",
    "Run",
    "Scenario",
    "Scope",
    "Spent",
    "Submission",
    "SubmissionRequest",
    "ThinnedTrace",
    "TokenScope",
    "Upload",
    "Webhook",
    "Work",
    "Worker",
]
