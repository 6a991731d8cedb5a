"""Everything that is written, a verb each."""

from leaderboard.services.arrivals import Arrived
from leaderboard.services.bans import ban, lift_ban
from leaderboard.services.catalogue import Imported, import_published
from leaderboard.services.claims import decide, standing_method
from leaderboard.services.limits import count_request
from leaderboard.services.line import move_to_front, pause, resume, why_paused
from leaderboard.services.log import MOST_OF_REASON, REASON_PATTERN, write_log
from leaderboard.services.publication import boards_changed, hold, publish, refresh_entries, release_hold, take_down
from leaderboard.services.published_models import why_not_in_place_of
from leaderboard.services.refusal import Invalid, LimitReached, Refused
from leaderboard.services.results import record
from leaderboard.services.runs import (
    Claim,
    blame_machine,
    cancel_is_requested,
    claim,
    claim_next,
    dispatch,
    fail,
    lose,
    reap,
    renew_lease,
    report_progress,
    stop,
)
from leaderboard.services.submissions import request_cancel, rerun, submit, withdraw
from leaderboard.services.tokens import create_token, delete_token
from leaderboard.services.transfer import import_results
from leaderboard.services.workers import register_hardware, register_worker, worker_seen

__all__ = [
    "MOST_OF_REASON",
    "REASON_PATTERN",
    "Arrived",
    "Claim",
    "Imported",
    "Invalid",
    "LimitReached",
    "Refused",
    "ban",
    "blame_machine",
    "boards_changed",
    "cancel_is_requested",
    "claim",
    "claim_next",
    "count_request",
    "create_token",
    "decide",
    "delete_token",
    "dispatch",
    "fail",
    "hold",
    "import_published",
    "import_results",
    "lift_ban",
    "lose",
    "move_to_front",
    "pause",
    "publish",
    "reap",
    "record",
    "refresh_entries",
    "register_hardware",
    "register_worker",
    "release_hold",
    "renew_lease",
    "report_progress",
    "request_cancel",
    "rerun",
    "resume",
    "standing_method",
    "stop",
    "submit",
    "take_down",
    "why_not_in_place_of",
    "why_paused",
    "withdraw",
    "worker_seen",
    "write_log",
]
