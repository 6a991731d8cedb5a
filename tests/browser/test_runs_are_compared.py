"""A comparison of runs draws both traces over each other, in both colour schemes, and fits a phone."""

from __future__ import annotations

from django.core.files.base import ContentFile
from playwright.sync_api import expect

from tests.browser.test_pages_suit_every_reader import assert_suits
from tests.power_traces import trace
from tests.records import make_recipe
from tests.services.verifying import verify

DRAWN = (
    "() => document.getElementById('power-chart').data.map(({ name, x, y }) => [name, Array.from(x), Array.from(y)])"
)


def test_both_traces_are_over_each_other(reader, hardware, alice, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    runs = [verify(make_recipe(seed=seed), hardware, submitter=alice, one_time_j=99.0 + seed)[0] for seed in (1, 9)]
    for run, start_s in zip(runs, (0.0, 0.5), strict=True):
        file = trace([start_s, start_s + 1, start_s + 5], [4.0 + start_s, 6.0, 6.0])
        run.attempts.get().trace.save("run.parquet", ContentFile(file.read()))
    reader.open(f"/runs/compare/?run={runs[0].pk}&run={runs[1].pk}")
    reader.page.locator("#power-chart").scroll_into_view_if_needed()
    expect(reader.page.locator("#power-chart .legendtext")).to_have_text([f"run {run.pk}" for run in runs])
    assert reader.page.evaluate(DRAWN) == [
        [f"run {runs[0].pk}", [0.0, 1.0], [4.0, 6.0]],
        [f"run {runs[1].pk}", [0.5, 1.5], [4.5, 6.0]],
    ]
    assert_suits(reader.page, "runs compared")
