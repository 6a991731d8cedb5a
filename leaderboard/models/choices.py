"""The values that some columns may have, by the name that is stored."""

from __future__ import annotations

from django.db import models

FAMILIES = {
    "compact": "Compact architecture",
    "nas": "Architecture search",
    "pruning": "Pruning",
    "quantization": "Quantization",
    "distillation": "Distillation",
    "low_rank": "Low rank",
    "efficient_training": "Efficient training",
    "transfer": "Transfer",
    "dynamic": "Dynamic inference",
}


MODES = {"full": "Full", "sampled": "Sampled"}
DATA = {"track": "The track's images", "synthetic": "Random noise of the same shape"}


SOURCES = {"verified": "Verified", "published": "Published"}
CLAIM_STATES = {"open": "Open", "accepted": "Accepted", "refused": "Refused"}


class Priority(models.IntegerChoices):
    """Which runs of a hardware go before which."""

    FIRST = 0, "first of all"
    NEW = 1, "new"
    RERUN = 2, "re-run"
    AUDIT = 3, "audit"


class ArtifactKind(models.TextChoices):
    """What an uploaded file may be: `measurement.artifacts` checks its form."""

    SAFETENSORS = "safetensors", "Weights (safetensors)"
    ONNX = "onnx", "Model (ONNX)"
    DATASET = "dataset", "Data set (zip)"


class Ended(models.TextChoices):
    """What ended an attempt without a result: the faults that a measurement names, and those that its worker sees."""

    RECIPE = "recipe", "The recipe"
    MACHINE = "machine", "The machine"
    DATA = "data", "Data or weights"
    BUDGET = "budget", "The budget"
    MEASUREMENT = "measurement", "The measurement"
    MEMORY = "memory", "Memory"
    SILENCE = "silence", "No report"
    CRASH = "crash", "A crash"
    WORKER = "worker", "The worker"


class TokenScope(models.TextChoices):
    """What a token may do. A worker's may fetch uploaded files and nothing else, so that it opens no account."""

    WORKER = "worker", "Worker"
    SUBMIT = "submit", "Submit"
    ADMINISTER = "administer", "Administer"


class Scenario(models.TextChoices):
    SINGLE_STREAM = "single_stream", "Single stream"
    OFFLINE = "offline", "Offline"
    END_TO_END = "end_to_end", "End to end"


class Scope(models.TextChoices):
    ACCELERATOR = "accelerator", "Accelerator"
    SYSTEM = "system", "System"


class Provenance(models.TextChoices):
    METERED = "metered", "Metered"
    EXTRAPOLATED = "extrapolated", "Extrapolated"
    REPORTED = "reported", "Reported"
    ESTIMATED = "estimated", "Estimated"
    MISSING = "missing", "Missing"


class Action(models.TextChoices):
    """What the log can say that somebody did."""

    SUBMIT = "submit", "Submit"
    RERUN = "rerun", "Re-run"
    CANCEL = "cancel", "Cancel"
    HOLD = "hold", "Hold"
    RELEASE = "release", "Release"
    TAKE_DOWN = "take_down", "Take down"
    WITHDRAW = "withdraw", "Withdraw"
    RESTORE = "restore", "Undo a withdrawal"
    CORRECT = "correct", "Correct names"
    ACCEPT_CLAIM = "accept_claim", "Accept claim"
    REFUSE_CLAIM = "refuse_claim", "Refuse claim"
    ADD = "add", "Add"
    CHANGE = "change", "Change"
    DELETE = "delete", "Delete"
    SET_PASSWORD = "set_password", "Set password"
    CREATE_TOKEN = "create_token", "Create token"
    DELETE_TOKEN = "delete_token", "Delete token"
    UPLOAD = "upload", "Upload"
    REMOVE_UNUSED = "remove_unused", "Remove unused"
    THIN = "thin", "Thin power trace"
    RENAME_TOKEN = "rename_token", "Rename token"
    REVOKE_TOKEN = "revoke_token", "Revoke token"
    IMPORT = "import", "Import"
    BAN = "ban", "Ban"
    LIFT_BAN = "lift_ban", "Lift ban"
    APPROVE = "approve", "Approve"
    PAUSE = "pause", "Pause"
    RESUME = "resume", "Resume"
    MOVE = "move", "Move to the front"
    AUDIT = "audit", "Audit"
    DRIFT = "drift", "Out of service for drift"
    PUT_BACK = "put_back", "Put back in service"
    SEND_AGAIN = "send_again", "Send again"


class NoticeKind(models.TextChoices):
    """What an account is notified of, by mail and by webhook."""

    VERIFIED = "verified", "Verified"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    HELD = "held", "Held for review"
    RELEASED = "released", "Released"
    TAKEN_DOWN = "taken_down", "Taken down"
    SUPERSEDED = "superseded", "Superseded"
    WEBHOOK_OFF = "webhook_off", "Webhook switched off"
    ADMINISTRATION = "administration", "Administration"
    ACCOUNT = "account", "Account"
    TEST = "test", "Test"


class DeliveryState(models.TextChoices):
    """Where a notice is on its way."""

    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    DROPPED = "dropped", "Not sent"
