"""No page has a fault that axe-core knows, light or dark, wide or narrow, and none scrolls sideways.

That no page asks another host, breaks the content security policy or writes an error, `open_reader` asserts for every
test of this package. With SCREENSHOTS=1 in the environment, what each page looks like is left in build/screenshots/.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.core.files.base import ContentFile
from django.utils import timezone
from playwright.sync_api import Page, expect

from leaderboard import services
from leaderboard.models import Artifact, Delivery, Entry, Measurement, Upload
from tests.browser.boards import make_varied_board
from tests.browser.reader import DESK, PHONE
from tests.factories import (
    AttemptFactory,
    EntryFactory,
    RunFactory,
    SubmissionFactory,
    WorkerFactory,
    make_board,
    make_verified_entry,
)
from tests.pages.test_findings_page import make_findings_board
from tests.power_traces import trace

AXE = """
async (only) => (await axe.run({ resultTypes: ["violations"], ...(only && { runOnly: only }) })).violations.map(
  (violation) => `${violation.id}: ${violation.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`
)
"""
# All that the other look can break: it changes colours and nothing else. Every other rule reads what it read before.
RULES_OF_COLOURS = ["color-contrast", "link-in-text-block"]
TABLES_ARE_FILLED = """
() => [...document.querySelectorAll("details.chart-data thead")].every((head) => head.childElementCount > 0)
"""
# What the last change leads to has been laid out by then.
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def filled_board(_) -> str:
    make_varied_board()
    RunFactory(state="running", progress={"phase": "train"})
    return "/"


def board_by_greenness(_) -> str:
    make_varied_board()
    return "/?order_by=greenness&accuracy_weight=5&n_from=1000&n_to=1000000000&max_parameters=9000000000"


def empty_site(_) -> str:
    return "/"


def filling_site(_) -> str:
    RunFactory(state="running", progress={"phase": "train", "fraction": 0.5})
    RunFactory()
    return "/"


def empty_group(_) -> str:
    make_varied_board()
    return "/?scope=system&colour=blue"


def entry(_) -> str:
    found = make_verified_entry(make_varied_board(), recipe__method__title="Looked at")
    attempt = found.run.attempts.get()
    windows = {"train": (0.0, 40.0, 90.0), "evaluate": (42.0, 50.0, 60.0), "inference": (52.0, 60.0, 75.0)}
    attempt.record = {
        "hardware": {"name": "Test Cpu", "cores": 2},
        "phases": [
            {
                "phase": phase,
                "started_s": start_s,
                "ended_s": end_s,
                "duration_s": end_s - start_s,
                "energies": [{"scope": "accelerator", "energy_j": power_w * (end_s - start_s)}],
            }
            for phase, (start_s, end_s, power_w) in windows.items()
        ],
    }
    times = [0.1 * n for n in range(610)]
    powers = [next((w for start, end, w in windows.values() if start <= time < end), 12.0) for time in times]
    attempt.trace.save("trace.parquet", ContentFile(trace(times, powers).read()))
    return found.get_absolute_url()


def compare(_) -> str:
    make_varied_board()
    return "/compare/?" + "&".join(f"entry={pk}" for pk in Entry.objects.values_list("pk", flat=True)[:6])


def model(_) -> str:
    recipe = make_varied_board().entries.first().recipe
    EntryFactory(board=make_board(0, hardware__slug="another-gpu"), recipe=recipe)
    return f"/models/?entry={recipe.work.entries.last().pk}&price_region=finland"


def across(_) -> str:
    model(_)
    return "/hardware/?min_quality=0"


def compare_unknown(_) -> str:
    make_varied_board()
    return f"/compare/?entry=999999999&entry={Entry.objects.values_list('pk', flat=True)[0]}"


def submit(user) -> str:
    WorkerFactory()
    return "/submit/"


def submission(user) -> str:
    progress = {"steps": ["train", "evaluate"], "position": 0, "phase": "train", "fraction": 0.4, "power_w": 21.0}
    run = RunFactory(submission=SubmissionFactory(submitter=user), state="running", attempt=1, progress=progress)
    return run.submission.get_absolute_url()


def published_submission(user) -> str:
    return make_verified_entry(make_varied_board()).run.submission.get_absolute_url()


def failed_submission(user) -> str:
    run = RunFactory(state="failed", reason="The verification ran out of memory.")
    return run.submission.get_absolute_url()


def queue(_) -> str:
    scopes = {"accelerator": {"provenance": "metered"}, "system": {"provenance": "estimated"}}
    WorkerFactory(diagnosis={"devices": [{"device": "cpu", "scopes": scopes}]}, clock_offset_s=0.02)
    lacking = "the disk of its work folder can't take 16 MiB: No space left on device"
    WorkerFactory(out_of_service=lacking, out_of_service_since=timezone.now(), clock_offset_s=-130.0)
    RunFactory(state="running", progress={"phase": "train"})
    RunFactory.create_batch(3)
    AttemptFactory(run=RunFactory(state="failed", reason="The child was stopped.", held_for=["throttled"]))
    return "/queue/"


def findings(_) -> str:
    make_findings_board()
    make_varied_board()
    return "/findings/?track=imagenet-1k"


def findings_of_few(_) -> str:
    make_varied_board(5).entries.update(complete=False)
    return "/findings/?colour=blue"


def webhook(alice) -> str:
    """With a delivery of each kind of state, and an address that no phone is wide enough for."""
    hook = services.add_webhook(alice, f"https://example.org/{'a-long-path' * 20}", ["failed"])
    for state, answer in {
        "waiting": "",
        "failed": "It did not answer within 10 s.",
        "sent": "It answered 204.",
    }.items():
        test = services.test_webhook(hook)
        Delivery.objects.filter(pk=test.pk).update(
            kind="failed", state=state, answer=answer, data={"title": "A network"}
        )
    return hook.get_absolute_url()


def notices(alice) -> str:
    webhook(alice)
    return "/accounts/notices/"


def files(alice) -> str:
    """One that is here, and one whose upload was cut off."""
    file = Artifact.objects.create(sha256="ab" * 32, kind="onnx", size=9_000_000)
    Upload.objects.create(owner=alice, name="best.onnx", kind="onnx", size=9_000_000, artifact=file)
    Upload.objects.create(owner=alice, name="half.safetensors", kind="weights", size=9_000_000, received=4_000_000)
    return "/artifacts/"


def measurements(alice) -> str:
    metered, estimated = ({"energy_j": 90.0, "provenance": word} for word in ("metered", "estimated"))
    Measurement.objects.create(
        sha256="cd" * 32,
        submitter=alice,
        hardware="A Gpu Of Mine",
        record={},
        figures={"train": {"accelerator": metered, "system": estimated}},
    )
    return "/measurements/"


def own_submissions(alice) -> str:
    submission(alice)
    RunFactory(submission=SubmissionFactory(submitter=alice), state="failed", reason="It ran out of memory.")
    return "/submissions/"


def names(alice) -> str:
    found = SubmissionFactory(submitter=alice, recipe__method__submitter=alice)
    return found.get_absolute_url() + "names/"


def withdraw(alice) -> str:
    run = RunFactory(submission=SubmissionFactory(submitter=alice))
    make_verified_entry(make_varied_board(), run=run, recipe=run.recipe)
    return run.submission.get_absolute_url() + "withdraw/"


PAGES: dict[str, Callable] = {
    "leaderboard": filled_board,
    "leaderboard by greenness": board_by_greenness,
    "leaderboard without entries": empty_site,
    "leaderboard that is filling": filling_site,
    "leaderboard of an empty group": empty_group,
    "entry": entry,
    "compare": compare,
    "model": model,
    "model that nobody has": lambda _: "/models/",
    "across hardware": across,
    "compare nothing": lambda _: "/compare/",
    "compare unknown": compare_unknown,
    "submission": submission,
    "published submission": published_submission,
    "failed submission": failed_submission,
    "queue": queue,
    "empty queue": lambda _: "/queue/",
    "findings": findings,
    "findings of few": findings_of_few,
    "findings without entries": lambda _: "/findings/",
    "documentation": lambda _: "/docs/?q=energy+budget",
    "documentation of tracks": lambda _: "/docs/tracks/",
    "methodology": lambda _: "/methodology/",
    "about": lambda _: "/about/",
    "login": lambda _: "/accounts/login/",
    "signup": lambda _: "/accounts/signup/",
    "password reset": lambda _: "/accounts/password/reset/",
    "404": lambda _: "/nothing-here/",
}
MEMBERS_PAGES: dict[str, Callable] = {
    "submit": submit,
    "own submission": submission,
    "own submissions": own_submissions,
    "withdraw": withdraw,
    "names": names,
    "files": files,
    "measurements": measurements,
    "two factors": lambda _: "/accounts/2fa/",
    "tokens": lambda _: "/accounts/tokens/",
    "notices": notices,
    "webhook": webhook,
    "logout": lambda _: "/accounts/logout/",
    "password change": lambda _: "/accounts/password/change/",
    "email": lambda _: "/accounts/email/",
}


def assert_suits(page: Page, name: str) -> None:
    """Axe finds nothing and nothing scrolls sideways, in every look and width, with every chart drawn."""
    page.evaluate(AXE_SCRIPT)
    for width, size in {"wide": DESK, "narrow": PHONE}.items():
        page.set_viewport_size(size)
        for chart in page.locator(".chart").locator("visible=true").all():
            chart.scroll_into_view_if_needed()
            chart.locator(".main-svg").first.wait_for()
        for look, rules in {"light": None, "dark": RULES_OF_COLOURS}.items():
            page.emulate_media(color_scheme=look)
            assert page.evaluate(AXE, rules) == [], f"{look}, {size['width']} px"
            if "SCREENSHOTS" in os.environ:
                picture = SCREENSHOTS / f"{name.replace(' ', '-')}-{width}-{look}.png"
                page.screenshot(path=picture, full_page=True, animations="disabled")
        assert page.evaluate(OVERFLOW) <= 0, f"scrolls sideways at {size['width']} px"
    if page.locator("details").count():
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        page.wait_for_function(TABLES_ARE_FILLED)
        assert page.evaluate(AXE) == [], "with all opened"
        assert page.evaluate(OVERFLOW) <= 0, "scrolls sideways with all opened"


@pytest.mark.parametrize("name", PAGES)
def test_page(reader, settings, tmp_path, name):
    settings.MEDIA_ROOT = tmp_path
    path = PAGES[name](None)
    reader.open(path, status=404 if name in {"404", "compare unknown"} else 200)
    assert_suits(reader.page, name)


@pytest.mark.parametrize("name", MEMBERS_PAGES)
def test_page_of_a_member(reader, alice, name):
    reader.sign_in(alice)
    reader.open(MEMBERS_PAGES[name](alice))
    if name == "tokens":
        reader.page.get_by_label("Name").fill("CI of my model")
        reader.page.get_by_role("button", name="Create a token").click()
    assert_suits(reader.page, name)


def test_form_with_faults(reader, alice):
    reader.sign_in(alice)
    WorkerFactory()
    reader.open("/submit/")
    expect(reader.page.locator(".ace_line").first).to_be_visible()
    reader.page.get_by_label("Title").fill("x")
    reader.page.get_by_role("button", name="Submit for verification").click()
    assert_suits(reader.page, "form with faults")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_leaderboard_holds_still_while_it_loads(open_reader, live_server, size):
    make_varied_board()
    RunFactory(state="running", progress={"phase": "train"})
    reader = open_reader(viewport=size)
    reader.context.add_init_script(
        """
        window.shifted = 0;
        new PerformanceObserver((list) => {
          for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.shifted += shift.value;
        }).observe({ type: "layout-shift", buffered: true });
        """
    )
    reader.open("/?usage_intensity=20000")
    reader.page.wait_for_load_state("networkidle")
    chart = reader.page.locator("#energy-chart")
    chart.scroll_into_view_if_needed()
    expect(reader.page.locator("figure", has=chart).get_by_text("Save PNG")).to_be_enabled()  # it is drawn
    reader.page.evaluate(TWO_FRAMES)
    assert reader.page.evaluate("window.shifted") <= 0.02
