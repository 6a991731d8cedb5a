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


class Scenario(models.TextChoices):
    SINGLE_STREAM = "single_stream", "Single stream"
    OFFLINE = "offline", "Offline"


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
    ACCEPT_CLAIM = "accept_claim", "Accept claim"
    REFUSE_CLAIM = "refuse_claim", "Refuse claim"
    ADD = "add", "Add"
    CHANGE = "change", "Change"
    DELETE = "delete", "Delete"
    SET_PASSWORD = "set_password", "Set password"
    CREATE_TOKEN = "create_token", "Create token"
    DELETE_TOKEN = "delete_token", "Delete token"
    IMPORT = "import", "Import"
    BAN = "ban", "Ban"
    LIFT_BAN = "lift_ban", "Lift ban"
    PAUSE = "pause", "Pause"
    RESUME = "resume", "Resume"
    MOVE = "move", "Move to the front"
