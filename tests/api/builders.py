"""Small builders of stored objects for the API's tests."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from leaderboard.models import ApiToken, Board, Entry, Hardware, Method, Recipe, Run, Submission, Work

_numbers = itertools.count(1)


def hardware(slug: str = "test-cpu", kind: str = "cpu") -> Hardware:
    """Hardware of that slug."""
    found, _ = Hardware.objects.get_or_create(slug=slug, defaults={"name": slug.upper(), "kind": kind})
    return found


def board(slug: str = "test-cpu", scenario: str = "offline", scope: str = "accelerator") -> Board:
    """A digits board, empty."""
    found, _ = Board.objects.get_or_create(
        track="digits", hardware=hardware(slug), scenario=scenario, scope=scope, defaults={"revision": 1}
    )
    return found


def recipe(title: str | None = None, family: str = "compact") -> Recipe:
    """A stored recipe of a new method."""
    number = next(_numbers)
    method = Method.objects.create(title=title or f"Method {number}", family=family)
    document = {"model": {"architecture": f"architecture_{number}", "resolution": 32}}
    work = Work.objects.create(sha256=f"{number:064x}")
    return Recipe.objects.create(sha256=work.sha256, work=work, method=method, track="digits", document=document)


def run(of: Recipe | None = None, state: str = "succeeded", slug: str = "test-cpu", **fields: Any) -> Run:
    """A run of a recipe, with its submission."""
    of = of or recipe()
    submitter = fields.pop("submitter", None)
    submission = Submission.objects.create(recipe=of, hardware=hardware(slug), submitter=submitter)
    fields = {"attempt": 1, "queued_at": timezone.now()} | fields
    return Run.objects.create(submission=submission, recipe=of, hardware=hardware(slug), state=state, **fields)


def figures(**given: Any) -> dict[str, Any]:
    """What an entry stores, where nothing else is given."""
    return {
        "shared_energy_j": 0.0,
        "own_energy_j": 1000.0,
        "inference_energy_j": 0.01,
        "shared_u95_j": 0.0,
        "own_u95_j": 10.0,
        "inference_u95_j": 0.0001,
        "metered_shared_j": 0.0,
        "metered_own_j": 0.0,
        "inference_provenance": "estimated",
        "provenance": "estimated",
        "complete": True,
        "quality": 0.97,
        "quality_metric": "top1",
        "quality_provenance": "evaluated",
        "phases": [{"phase": "train", "energy_j": 1000.0, "u95_j": 10.0, "provenance": "estimated"}],
        "parameters": 1_000_000,
        "macs": 2_000_000,
        "latency_p50_ms": 1.5,
        "throughput_images_per_s": 900.0,
        "batch_size": 64,
        "published_at": timezone.now(),
    } | given


def entry(title: str | None = None, *, on: Board | None = None, family: str = "compact", **given: Any) -> Entry:
    """An entry; joules and the like can be given."""
    on = on or board()
    its_run = run(recipe(title, family), slug=on.hardware.slug)
    made = Entry.objects.create(
        board=on, work=its_run.recipe.work, recipe=its_run.recipe, run=its_run, **figures(**given)
    )
    on.size += 1
    on.save(update_fields=["size", "changed_at"])
    return made


def many(number: int) -> Board:
    """A board of so many entries of one run, the cheaper to make the dearer to run."""
    on, its_run = board(), run()
    methods = Method.objects.bulk_create(Method(title=f"Method {n}", family="compact") for n in range(number))
    works = Work.objects.bulk_create(Work(sha256=f"a{n:063x}") for n in range(number))
    recipes = Recipe.objects.bulk_create(
        Recipe(sha256=work.sha256, work=work, method=method, track="digits", document={})
        for work, method in zip(works, methods, strict=True)
    )
    Entry.objects.bulk_create(
        Entry(
            board=on,
            work=recipe.work,
            recipe=recipe,
            run=its_run,
            **figures(own_energy_j=n + 1.0, inference_energy_j=1 / (n + 1)),
        )
        for n, recipe in enumerate(recipes)
    )
    on.size += number
    on.save(update_fields=["size", "changed_at"])
    return on


def three_entries() -> list[Entry]:
    """Each is the cheapest somewhere: thrifty training, a compromise, thrifty inference."""
    return [
        entry("Little trained", own_energy_j=10.0, inference_energy_j=1.0, quality=0.7),
        entry("Compromise", own_energy_j=1e4, inference_energy_j=0.1, quality=0.8, family="pruning"),
        entry(
            "Long searched",
            shared_energy_j=1e6,
            shared_u95_j=None,
            own_energy_j=1e4,
            inference_energy_j=0.01,
            quality=0.9,
            family="nas",
        ),
    ]


def user(name: str, **fields: Any) -> User:
    """A user with an e-mail address that nobody may see."""
    return User.objects.create_user(name, f"{name}@secret.example", "password", **fields)


def token(of: User) -> dict[str, str]:
    """The header that carries a new token, of the widest scope that its owner may give one."""
    scope = "administer" if of.is_staff else "submit"
    return {"Authorization": f"Token {ApiToken.objects.create(of, scope=scope)[1]}"}


def recipe_document(**changes: Any) -> dict[str, Any]:
    """A valid recipe."""
    return {
        "schema_version": 1,
        "method": {"title": "Small network", "family": "compact"},
        "track": "digits",
        "model": {"architecture": "mobilenetv3_small_050", "resolution": 32},
        "phases": [{"technique": "supervised", "phase": "train", "epochs": 1}],
    } | changes
