"""Everything that is written, a verb each."""

from leaderboard.services.approvals import approve, wait_for_approval
from leaderboard.services.arrivals import Arrived
from leaderboard.services.audits import audit, audit_night
from leaderboard.services.bans import ban, lift_ban
from leaderboard.services.catalogue import Imported, import_published
from leaderboard.services.checks import why_not, why_not_submitted
from leaderboard.services.claims import decide, standing_method
from leaderboard.services.corrections import CORRECTED, correct, names_of, own_method
from leaderboard.services.counting import count
from leaderboard.services.limits import Quota, count_request, quota_of
from leaderboard.services.line import move_to_front, pause, resume, why_paused
from leaderboard.services.log import MOST_OF_REASON, REASON_PATTERN, write_log
from leaderboard.services.measurements import take_measurement
from leaderboard.services.named_artifacts import why_not_artifacts
from leaderboard.services.named_measurements import delete_measurement
from leaderboard.services.notices import (
    choose_mail,
    end_mail,
    offered_kinds,
    post_mail,
    tell_administrators,
    tell_superseded,
)
from leaderboard.services.outbox import send_again
from leaderboard.services.private_results import of_submitter
from leaderboard.services.publication import boards_changed, hold, publish, refresh_entries, release_hold, take_down
from leaderboard.services.published_models import why_not_in_place_of
from leaderboard.services.references import put_back, record_reference
from leaderboard.services.refusal import Gone, Invalid, LimitReached, Refused, TooBig
from leaderboard.services.requests import (
    Answer,
    AtWork,
    Differs,
    answer_of,
    begin_request,
    forget_request,
    store_answer,
)
from leaderboard.services.results import record
from leaderboard.services.runs import (
    NOTHING,
    Claim,
    Left,
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
from leaderboard.services.submissions import request_cancel, rerun, submit
from leaderboard.services.thinning import Thinnings, clear_away, thin_old_traces, would_thin
from leaderboard.services.tokens import (
    MOST_OF_NAME,
    MOST_TOKENS,
    create_token,
    rename_token,
    revoke_token,
    token_used,
)
from leaderboard.services.transfer import import_results
from leaderboard.services.unused_artifacts import remove_unused
from leaderboard.services.uploads import NoRoom, append, declare, delete_upload
from leaderboard.services.webhooks import MOST_WEBHOOKS, add_webhook, change_webhook, check_by_hand, test_webhook
from leaderboard.services.withdrawals import restorable_until, restore, undo_days, withdraw
from leaderboard.services.workers import register_hardware, register_worker, worker_seen

__all__ = [
    "CORRECTED",
    "MOST_OF_NAME",
    "MOST_OF_REASON",
    "MOST_TOKENS",
    "MOST_WEBHOOKS",
    "NOTHING",
    "REASON_PATTERN",
    "Answer",
    "Arrived",
    "AtWork",
    "Claim",
    "Differs",
    "Gone",
    "Imported",
    "Invalid",
    "Left",
    "LimitReached",
    "NoRoom",
    "Quota",
    "Refused",
    "Thinnings",
    "TooBig",
    "add_webhook",
    "answer_of",
    "append",
    "approve",
    "audit",
    "audit_night",
    "ban",
    "begin_request",
    "blame_machine",
    "boards_changed",
    "cancel_is_requested",
    "change_webhook",
    "check_by_hand",
    "choose_mail",
    "claim",
    "claim_next",
    "clear_away",
    "correct",
    "count",
    "count_request",
    "create_token",
    "decide",
    "declare",
    "delete_measurement",
    "delete_upload",
    "dispatch",
    "end_mail",
    "fail",
    "forget_request",
    "hold",
    "import_published",
    "import_results",
    "lift_ban",
    "lose",
    "move_to_front",
    "names_of",
    "of_submitter",
    "offered_kinds",
    "own_method",
    "pause",
    "post_mail",
    "publish",
    "put_back",
    "quota_of",
    "reap",
    "record",
    "record_reference",
    "refresh_entries",
    "register_hardware",
    "register_worker",
    "release_hold",
    "remove_unused",
    "rename_token",
    "renew_lease",
    "report_progress",
    "request_cancel",
    "rerun",
    "restorable_until",
    "restore",
    "resume",
    "revoke_token",
    "send_again",
    "standing_method",
    "stop",
    "store_answer",
    "submit",
    "take_down",
    "take_measurement",
    "tell_administrators",
    "tell_superseded",
    "test_webhook",
    "thin_old_traces",
    "token_used",
    "undo_days",
    "wait_for_approval",
    "why_not",
    "why_not_artifacts",
    "why_not_in_place_of",
    "why_not_submitted",
    "why_paused",
    "withdraw",
    "worker_seen",
    "would_thin",
    "write_log",
]
