"""A recipe on its way from submission to stored result, by a worker that writes what a test asks for."""

from leaderboard import services
from tests.records import make_record


def verify(recipe, hardware, submitter=None, **figures):
    """Its newest run, and the record that was stored with it."""
    submission, _ = services.submit(recipe, hardware=hardware, submitter=submitter)
    run = submission.runs.order_by("-pk").first()
    record = make_record(recipe, hardware=hardware.name, **figures)
    assert services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
    run.refresh_from_db()
    return run, record
