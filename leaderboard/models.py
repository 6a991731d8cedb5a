"""The stored objects. Writes go through services, reads through queries."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from leaderboard.domain.devices import GAIN_U95
from leaderboard.domain.runstate import RunState

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


class Hardware(models.Model):
    """An accelerator or CPU model that runs are verified on; its slug names the Celery queue of its workers."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=10, choices={"cpu": "CPU", "cuda": "GPU"})
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    paused_for = models.TextField(blank=True, help_text="Why its workers begin no run; empty while they do.")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "hardware"

    def __str__(self) -> str:
        return self.name

    @property
    def queue(self) -> str:
        """Name of the Celery queue that this hardware's workers listen to."""
        return f"hardware-{self.slug}"


class Worker(models.Model):
    """A registered worker process, and what its machine can measure."""

    name = models.CharField(max_length=200, unique=True)
    hardware = models.ForeignKey(Hardware, on_delete=models.CASCADE, related_name="workers")
    device = models.CharField(max_length=20)
    diagnosis = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    clock_offset_s = models.FloatField(
        null=True, blank=True, help_text="How far its machine's clock is ahead of the database's, seconds."
    )
    out_of_service = models.TextField(
        blank=True, help_text="Why it takes no run: what its machine lacks. Empty while it is in service."
    )
    out_of_service_since = models.DateTimeField(null=True, blank=True)
    paused_for = models.TextField(blank=True, help_text="Why it is to begin no run; empty while it may.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Method(models.Model):
    """What a submitter names: title, family, paper, authors."""

    title = models.CharField(max_length=120)
    family = models.CharField(max_length=20, choices=FAMILIES)
    paper = models.URLField(max_length=300, blank=True)
    authors = models.JSONField(default=list, blank=True)
    summary = models.TextField(max_length=1000, blank=True)
    published_model = models.CharField(
        max_length=120,
        blank=True,
        help_text="The published model whose training it repeats: timm's name with its tag.",
    )
    submitter = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="methods"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title


class Work(models.Model):
    """What recipes do, whatever their seed, budget and reported figures: `measurement.recipe.work` says what counts.

    The identity of a ranked line. Its row is locked by whoever changes what is known of the work.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"work {self.sha256[:8]}"


class Claim(models.Model):
    """Another person's names for a work, shown with those of its recipes until an administrator decides."""

    work = models.ForeignKey(Work, on_delete=models.PROTECT, related_name="claims")
    method = models.OneToOneField(Method, on_delete=models.PROTECT, related_name="claim")
    state = models.CharField(max_length=10, choices=CLAIM_STATES, default="open")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"“{self.method}” for {self.work}"


class Recipe(models.Model):
    """An immutable document that says how to produce and run the model, known by its SHA-256.

    All recipes of a work have the names of one method.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    work = models.ForeignKey(Work, on_delete=models.PROTECT, related_name="recipes")
    method = models.ForeignKey(Method, on_delete=models.PROTECT, related_name="recipes")
    track = models.CharField(max_length=50)
    document = models.JSONField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.method.title} ({self.sha256[:8]})"


class Submission(models.Model):
    """A person's request to verify a recipe on one hardware."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submitter = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="submissions"
    )
    recipe = models.ForeignKey(Recipe, on_delete=models.PROTECT, related_name="submissions")
    hardware = models.ForeignKey(Hardware, on_delete=models.PROTECT, related_name="submissions")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.recipe} on {self.hardware}"

    def get_absolute_url(self) -> str:
        return reverse("submission", args=[self.pk])


class SubmissionRequest(models.Model):
    """That a user asked for a verification. Kept while it counts towards the limit of requests an hour."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="submission_requests")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["user", "at"])]

    def __str__(self) -> str:
        return f"{self.user}, {self.at}"


class Run(models.Model):
    """One verification of one recipe on one hardware. `attempt` is the fencing token of its current worker."""

    submission = models.ForeignKey(Submission, null=True, on_delete=models.PROTECT, related_name="runs")
    recipe = models.ForeignKey(Recipe, on_delete=models.PROTECT, related_name="runs")
    hardware = models.ForeignKey(Hardware, on_delete=models.PROTECT, related_name="runs")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="requested_runs"
    )
    mode = models.CharField(max_length=10, choices=MODES, default="full")
    state = models.CharField(
        max_length=10, choices=[(s.value, s.value.capitalize()) for s in RunState], default="queued"
    )
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    queued_at = models.DateTimeField()
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.NEW)
    # Whose turn it is among runs of one priority: each person's next run has the next turn, whenever it was queued.
    turn = models.PositiveIntegerField(default=0)
    notified_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Shown on the status page while the run is going: position, phase, scenario, fraction, detail, power_w,
    # energy_j and the list of steps; and what the attempt has spent, which is stored with it if it leaves no result.
    progress = models.JSONField(default=dict, blank=True)
    reason = models.TextField(blank=True, help_text="Why the run failed or was cancelled, in plain words.")
    held_for = models.JSONField(default=list, blank=True, help_text="Flags that hold the result for review.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["state", "queued_at"]),
            models.Index(fields=["state", "priority", "turn", "queued_at"], name="line_of_runs"),
        ]

    def __str__(self) -> str:
        return f"Run {self.pk} of {self.recipe}"


class Attempt(models.Model):
    """One try of a worker at a run. Append-only: its figures are never changed afterwards."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    worker = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)
    reason = models.TextField(blank=True)
    # What it spent, accelerator scope: out of its record, or without one at its last report, a lower bound.
    spent_energy_j = models.FloatField(null=True, blank=True)
    spent_time_s = models.FloatField(null=True, blank=True)
    spent_provenance = models.CharField(max_length=15, choices=Provenance, default=Provenance.MISSING)
    record = models.JSONField(null=True, blank=True)
    trace = models.FileField(upload_to="traces/%Y/%m/", blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_attempt_per_number")]

    def __str__(self) -> str:
        return f"Attempt {self.number} of run {self.run_id}"


class PhaseEnergy(models.Model):
    """Joules of one phase in one scope. For inference also per image, which is what is charged."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="phases")
    position = models.PositiveSmallIntegerField()
    phase = models.CharField(max_length=10)
    technique = models.CharField(max_length=40)
    scenario = models.CharField(max_length=15, choices=Scenario, blank=True)
    scope = models.CharField(max_length=15, choices=Scope)
    provenance = models.CharField(max_length=15, choices=Provenance)
    # The instruments that the figure was read from, e.g. ["nvml_counter", "rapl"].
    sources = models.JSONField(default=list, blank=True)
    contains_estimate = models.BooleanField(help_text="Whether any part comes from a power model.")
    energy_j = models.FloatField(null=True)
    repeatability_u95_j = models.FloatField(null=True)
    absolute_u95_j = models.FloatField(null=True)
    net_of_idle_j = models.FloatField(null=True)
    duration_s = models.FloatField(null=True)
    energy_per_image_j = models.FloatField(null=True)
    energy_per_image_u95_j = models.FloatField(null=True)
    energy_per_image_absolute_u95_j = models.FloatField(null=True)
    images = models.PositiveBigIntegerField(null=True)
    flags = models.JSONField(default=list, blank=True)
    evidence = models.URLField(max_length=300, blank=True)

    class Meta:
        ordering = ["position", "scope"]
        verbose_name_plural = "phase energies"
        constraints = [
            models.UniqueConstraint(fields=["attempt", "position", "scope"], name="one_figure_per_phase_and_scope"),
            models.CheckConstraint(
                condition=Q(provenance="missing", energy_j__isnull=True)
                | (~Q(provenance="missing") & Q(energy_j__isnull=False, energy_j__gte=0)),
                name="missing_is_never_zero",
            ),
            models.CheckConstraint(
                condition=~Q(provenance__in=["metered", "extrapolated"], contains_estimate=True),
                name="estimated_is_never_metered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.phase} ({self.scope}) of {self.attempt}"


class Board(models.Model):
    """A comparability group: only entries of one track, hardware, scenario and scope are ranked together."""

    track = models.CharField(max_length=50)
    hardware = models.ForeignKey(Hardware, on_delete=models.PROTECT, related_name="boards")
    scenario = models.CharField(max_length=15, choices=Scenario)
    scope = models.CharField(max_length=15, choices=Scope)
    revision = models.PositiveBigIntegerField(default=0, help_text="Raised with every change of an entry.")
    changed_at = models.DateTimeField(db_default=Now(), editable=False)
    size = models.PositiveIntegerField(default=0, help_text="How many entries it has, counted with every change.")
    verified_size = models.PositiveIntegerField(default=0, help_text="How many of them are verified.")
    # {"own": {"squares", "degrees_of_freedom", "works"}}, also of "shared", "inference" and each phase: how far the
    # results of one work are apart, over all works with two or more. Found again with every change.
    pools = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["track", "hardware", "scenario", "scope"], name="one_board_per_group")
        ]

    def __str__(self) -> str:
        return f"{self.track} on {self.hardware}, {self.scenario}, {self.scope}"


class PublishedResult(models.Model):
    """Somebody else's figures of a model on one board, from the catalogue. Never changed: new figures are a new row.

    `document` holds the figures phase by phase, how each was computed, and its sources with their addresses.
    """

    method = models.ForeignKey(Method, on_delete=models.PROTECT, related_name="published_results")
    board = models.ForeignKey(Board, on_delete=models.PROTECT, related_name="published_results")
    model = models.CharField(max_length=120, help_text="The model's name in timm, with its tag.")
    resolution = models.PositiveSmallIntegerField(help_text="Pixels.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the document.")
    document = models.JSONField()
    imported_at = models.DateTimeField()
    left_at = models.DateTimeField(
        null=True, blank=True, help_text="When it left the catalogue, or other figures took its place."
    )
    taken_down_at = models.DateTimeField(null=True, blank=True, help_text="When an administrator took it down.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["board", "model", "resolution"],
                condition=Q(left_at__isnull=True),
                name="one_current_published_result",
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} at {self.resolution} px on {self.board}"


class Entry(models.Model):
    """A ranked line: a work or a published model on a board, with what ranking needs; of a work the mean of results.

    `shared_*` covers search and pre-training, which K deployments may share; `own_*` the other one-time phases.
    Known parts only: `complete` is false if a phase is missing, and the sums are then a lower bound. An
    uncertainty is null if unknown.
    """

    board = models.ForeignKey(Board, on_delete=models.PROTECT, related_name="entries")
    source = models.CharField(max_length=10, choices=SOURCES, default="verified")
    # Of a verified result its work, and recipe and run of the newest; of a published one the catalogue's figures.
    work = models.ForeignKey(Work, null=True, on_delete=models.PROTECT, related_name="entries")
    results = models.PositiveIntegerField(default=1, help_text="How many results the figures are the mean of.")
    recipe = models.ForeignKey(Recipe, null=True, on_delete=models.PROTECT, related_name="entries")
    run = models.ForeignKey(Run, null=True, on_delete=models.PROTECT, related_name="entries")
    published = models.ForeignKey(PublishedResult, null=True, on_delete=models.PROTECT, related_name="entries")
    # It is not on its board, but keeps its page; it comes back when the verified entry goes.
    replaced_by = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="replaces",
        help_text="The verified entry that has a published one's place on its board.",
    )
    mode = models.CharField(max_length=10, choices=MODES, default="full", help_text="Of the run.")
    data = models.CharField(max_length=10, choices=DATA, default="track", help_text="The images that the run used.")
    shared_energy_j = models.FloatField()
    own_energy_j = models.FloatField()
    inference_energy_j = models.FloatField()
    shared_u95_j = models.FloatField(null=True)
    own_u95_j = models.FloatField(null=True)
    inference_u95_j = models.FloatField(null=True)
    metered_shared_j = models.FloatField()
    metered_own_j = models.FloatField()
    inference_provenance = models.CharField(max_length=15, choices=Provenance)
    provenance = models.CharField(max_length=15, choices=Provenance, help_text="The weakest of all its figures.")
    complete = models.BooleanField()
    quality = models.FloatField()
    quality_metric = models.CharField(max_length=20)
    quality_provenance = models.CharField(max_length=15)
    submitters_weights = models.BooleanField(
        default=False, help_text="Whether the quality depends on weights that the submitter brought."
    )
    busy_machine = models.BooleanField(
        default=False, help_text="Whether other work on its machine may have changed one of its figures."
    )
    hidden_quality = models.FloatField(null=True, help_text="On the track's unpublished test split; null if unknown.")
    # [{"phase", "energy_j", "u95_j", "provenance"}] of the one-time phases in order, with "hardware" if they ran on
    # other hardware than the board's, and "teacher_energy_j" if part of "energy_j" is a teacher's forward passes.
    phases = models.JSONField()
    # {"runs": [newest, …], "own": {"mean_j", "deviations", "within_u95_j"}}, also of "shared", "inference" and as
    # "phases" a list of each phase: `domain.repeats.Repeats`, null for what was not measured. Empty if published.
    repeats = models.JSONField(default=dict, blank=True)
    device = models.CharField(
        max_length=16,
        blank=True,
        default="",
        help_text="Hash of the UUID of what it was measured on; empty if unknown.",
    )
    gain_u95 = models.FloatField(default=GAIN_U95, help_text="The device's relative gain error at 95 %.")
    parameters = models.PositiveBigIntegerField()
    macs = models.PositiveBigIntegerField(null=True)
    latency_p50_ms = models.FloatField(null=True)
    throughput_images_per_s = models.FloatField()
    batch_size = models.PositiveIntegerField()
    peak_memory_bytes = models.PositiveBigIntegerField(null=True, help_text="Of inference; null if unknown.")
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["board", "work"], name="one_entry_per_board_and_work"),
            models.UniqueConstraint(fields=["board", "published"], name="one_entry_per_published_result"),
            models.CheckConstraint(
                condition=Q(
                    source="verified",
                    work__isnull=False,
                    recipe__isnull=False,
                    run__isnull=False,
                    published__isnull=True,
                )
                | Q(
                    source="published",
                    work__isnull=True,
                    recipe__isnull=True,
                    run__isnull=True,
                    published__isnull=False,
                ),
                name="an_entry_has_one_source",
            ),
            models.CheckConstraint(
                condition=Q(replaced_by__isnull=True) | Q(source="published"), name="only_published_is_replaced"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recipe or self.published}"

    def get_absolute_url(self) -> str:
        return reverse("entry", args=[self.pk])

    @property
    def method(self) -> Method:
        """What a person named: title, family, paper, authors."""
        if self.published is not None:
            return self.published.method
        assert self.recipe is not None, "the database holds one of the two"  # noqa: S101
        return self.recipe.method


class FormerEntry(models.Model):
    """The number of an entry that was joined with another of the same work: its address leads to that one."""

    number = models.PositiveBigIntegerField(primary_key=True)
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="former")

    def __str__(self) -> str:
        return f"entry {self.number}, now {self.entry_id}"


class Notice(models.Model):
    """What every page says at its top, such as when the site will be down: the newest one whose time it is."""

    text = models.CharField(max_length=500)
    shown_from = models.DateTimeField(null=True, blank=True, help_text="In UTC; empty: at once.")
    shown_until = models.DateTimeField(null=True, blank=True, help_text="In UTC; empty: until it is deleted.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.text


class Ban(models.Model):
    """That an account may read and no longer write. Who banned it is in the log."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE)
    reason = models.TextField()
    at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"ban of {self.user}"


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


class LogLine(models.Model):
    """Who did what to which object, and why. Append-only: triggers of the database refuse updates and deletes.

    It names people and objects as they were then, without foreign keys: whatever goes later, the line stays as it is.
    """

    SYSTEM = "system"

    at = models.DateTimeField(db_default=Now(), editable=False)
    actor = models.CharField(max_length=150, help_text="The account's name then; commands and workers are “system”.")
    actor_number = models.PositiveBigIntegerField(null=True, help_text="Of the account; null for the system.")
    action = models.CharField(max_length=20, choices=Action)
    object_type = models.CharField(max_length=40, help_text="Such as run, entry or user.")
    object_id = models.CharField(max_length=40)
    object_name = models.CharField(max_length=300)
    reason = models.TextField(blank=True)
    details = models.JSONField(default=dict, help_text="What else there is to say, such as values before and after.")

    class Meta:
        ordering = ["-id"]
        verbose_name = "log line"
        verbose_name_plural = "log"
        indexes = [
            models.Index(fields=["object_type", "object_id"], name="log_of_object"),
            models.Index(fields=["actor"], name="log_of_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.get_action_display().lower()} {self.object_type} {self.object_id}"
