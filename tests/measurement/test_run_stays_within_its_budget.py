"""A run stops as soon as it has spent its budget, or will have."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from measurement.errors import OverBudget
from measurement.events import Event, PhaseStarted
from measurement.meters import EnergyMeter
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock
from measurement.run.budget import NO_LIMITS, PROJECT_AFTER_S, Limits, PhaseBudget, Spending
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.run.sampling import METHODOLOGY, SampledPace, SamplingPlan
from measurement.run.steps import Reporter, Steps, silent
from measurement.vocabulary import Phase, Scope
from tests.measurement.instruments import Steady
from tests.measurement.running import BRIEF, FINETUNE, PRUNE, TRAIN, tiny_recipe

ENDLESS = tiny_recipe(TRAIN | {"epochs": 10_000, "batch_size": 16})


def test_spending_past_the_limit_stops() -> None:
    budget = PhaseBudget("train", Limits(time_s=10))
    budget.check(Spending(9.9, None))
    with pytest.raises(OverBudget, match=r"phase train: 10\.1 s spent exceeds the budget of 10\.0 s"):
        budget.check(Spending(10.1, None))


def test_projection_waits_for_the_slow_first_steps_and_then_stops() -> None:
    budget = PhaseBudget("train", Limits(energy_j=1000))
    budget.check(Spending(5, 50), fraction=0.01)
    budget.check(Spending(5 + PROJECT_AFTER_S / 2, 80), fraction=0.02)
    with pytest.raises(OverBudget, match=r"4,010 J \(projected .* budget of 1,000\.0 J") as raised:
        budget.check(Spending(5 + PROJECT_AFTER_S, 90), fraction=0.01 + 0.01)
    assert raised.value.field == "--budget-j"


def test_a_projection_within_the_budget_goes_on() -> None:
    budget = PhaseBudget("train", Limits(time_s=100))
    for second in range(1, 50):
        budget.check(Spending(second, None), fraction=second / 50)


def test_unknown_joules_stop_nothing() -> None:
    PhaseBudget("train", Limits(energy_j=1)).check(Spending(1e6, None), fraction=0.5)


@pytest.mark.parametrize("limit", ["budget_s", "budget_j"])
def test_a_run_that_will_not_fit_ends_early_and_says_how_much_it_would_have_taken(limit: str, tmp_path: Path) -> None:
    with pytest.raises(OverBudget, match="projected") as raised:
        run_recipe(ENDLESS, tmp_path, RunOptions(device="cpu", plan=BRIEF, **{limit: 200.0}))
    projected = float(re.findall(r"([\d,]+) [sJ] \(projected", str(raised.value))[0].replace(",", ""))
    assert projected > 200
    assert not (tmp_path / "record.json").exists()


def test_the_recipe_s_own_budget_holds_too(tmp_path: Path) -> None:
    recipe = tiny_recipe(TRAIN | {"epochs": 10_000, "batch_size": 16}, budget={"energy_j": 100.0})
    with pytest.raises(OverBudget) as raised:
        run_recipe(recipe, tmp_path, RunOptions(device="cpu", plan=BRIEF, budget_j=1e9))
    assert raised.value.field == "budget.energy_j"


WATTS = 50.0


def sample_loops(
    clock: ManualClock, declared: Limits, seconds: list[float], limits: Limits = NO_LIMITS
) -> list[float]:
    """Sample a phase for each of `seconds`, of 1,000 steps that take so long together, at 50 W. Seconds left out."""
    left_out_s = []
    with EnergyMeter([Steady(clock, WATTS)], options=MeterOptions(clock=clock, sampling=False)) as meter:
        spent_j = dict.fromkeys(Scope, 0.0)
        steps = Steps(meter, silent, limits, started_s=time.monotonic(), spent_j=spent_j, declared=declared)
        for position, phase_s in enumerate(seconds):
            step = steps.begin(Phase.TRAIN)
            with step.metered(str(position)) as window:
                pace = SampledPace(window, METHODOLOGY, clock.monotonic_s, check_budget=step.leave_out)
                for _ in pace.steps("training", 1000):
                    clock.sleep(phase_s / 1000)
            left_out_s.append(steps.left_out.time_s)
    return left_out_s


def test_a_sample_compares_the_recipe_s_budget_with_all_that_it_represents() -> None:
    left_out_s = sample_loops(ManualClock(), Limits(energy_j=1001 * WATTS), [500.0, 500.0])
    assert left_out_s == pytest.approx([500 - 33, 1000 - 2 * 33], abs=1)
    with pytest.raises(OverBudget, match=r"50,000 J \(this sample scaled up .* budget of 49,950\.0 J") as raised:
        sample_loops(ManualClock(), Limits(energy_j=999 * WATTS), [500.0, 500.0])
    assert raised.value.field == "budget.energy_j"
    with pytest.raises(OverBudget, match=r"s \(this sample scaled up .* budget of 450\.0 s") as raised:
        sample_loops(ManualClock(), Limits(time_s=450.0), [500.0])
    assert raised.value.field == "budget.time_s"


def test_a_sample_ends_with_the_first_block_that_shows_that_no_full_run_would_fit() -> None:
    with pytest.raises(OverBudget):
        sample_loops(clock := ManualClock(), Limits(energy_j=400 * WATTS), [500.0])
    first_block_s = METHODOLOGY.warm_up_s + METHODOLOGY.window_s / METHODOLOGY.blocks
    assert clock.monotonic_s() == pytest.approx(first_block_s, abs=1)


def test_what_a_sample_leaves_out_is_nothing_to_the_worker() -> None:
    worker = Limits(time_s=450.0, energy_j=400 * WATTS)
    assert sample_loops(ManualClock(), NO_LIMITS, [500.0], limits=worker)


REPORTED = {"quality": 0.97, "evidence": "https://example.org/log"}
SHORT = SamplingPlan(window_s=0.25, warm_up_s=0.05)


def test_a_recipe_that_no_full_run_can_verify_is_not_sampled_either(tmp_path: Path) -> None:
    recipe = tiny_recipe(TRAIN | {"epochs": 5000}, reported=REPORTED, budget={"time_s": 15})
    with pytest.raises(OverBudget, match=r"budget of 15\.0 s; use fewer epochs or raise the budget") as raised:
        run_recipe(recipe, tmp_path, RunOptions(mode="sampled", device="cpu", plan=BRIEF, sampling=SHORT))
    assert raised.value.field == "budget.time_s"
    assert not (tmp_path / "record.json").exists()


def test_a_sample_that_goes_on_remembers_what_it_has_left_out(tmp_path: Path) -> None:
    recipe = tiny_recipe(TRAIN | {"epochs": 500}, PRUNE, reported=REPORTED, budget={"time_s": 1e6})

    def sample(reporter: Reporter) -> None:
        plans = {"plan": BRIEF, "sampling": SHORT}
        run_recipe(
            recipe, tmp_path, RunOptions(mode="sampled", device="cpu", resume=True, reporter=reporter, **plans)
        )

    def dies_in_the_second_phase(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.position == 1:
            raise SystemExit

    with pytest.raises(SystemExit):
        sample(dies_in_the_second_phase)
    path = tmp_path / "checkpoint" / "journal.json"
    journal = json.loads(path.read_text())
    assert journal["left_out"]["time_s"] > 1
    path.write_text(json.dumps(journal | {"left_out": {"time_s": 1e6, "energy_j": 0.0}}))
    with pytest.raises(
        OverBudget, match=r"phase compress: [\d,]+ s \(.*\) by its end exceeds the budget of 1,000,000\.0 s"
    ):
        sample(silent)


def test_a_training_that_may_stop_early_goes_on_until_its_budget_is_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its epochs are only the most that it may take: nothing is to be projected from them, however soon."""
    monkeypatch.setattr("measurement.run.budget.PROJECT_AFTER_S", 0.0)
    endless = TRAIN | {"epochs": 10_000, "batch_size": 16, "early_stopping": {"patience": 9_999}}
    with pytest.raises(OverBudget, match=r"^phase train: [\d.,]+ J spent"):
        run_recipe(tiny_recipe(endless), tmp_path, RunOptions(device="cpu", plan=BRIEF, budget_j=10.0))


def test_a_budget_holds_over_all_attempts_at_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that continues earlier ones starts with what they spent; if the budget is spent, it ends at once."""
    # The meter's thread may read the joules that end an attempt after a note of its joules, and before the next.
    monkeypatch.setattr("measurement.run.checkpoint.SPENT_EVERY_S", 0.0)
    recipe = tiny_recipe(TRAIN, FINETUNE | {"epochs": 10_000, "batch_size": 16})
    with pytest.raises(OverBudget, match="projected"):
        run_recipe(recipe, tmp_path, RunOptions(device="cpu", plan=BRIEF, budget_s=200.0))
    for limit, unit in (("budget_s", "s"), ("budget_j", "J"), ("budget_s", "s")):
        before = spent(tmp_path)[unit]
        with pytest.raises(OverBudget, match=rf"phase finetune: [\d.,]+ {unit} spent") as raised:
            run_recipe(recipe, tmp_path, RunOptions(device="cpu", plan=BRIEF, resume=True, **{limit: before}))
        assert float(re.findall(rf"([\d,.]+) {unit} spent", str(raised.value))[0].replace(",", "")) >= round(
            before, 1
        )
        assert spent(tmp_path)[unit] > before
    lost = json.loads((tmp_path / "checkpoint" / "lost.json").read_text())["attempts"]
    phases = json.loads((tmp_path / "checkpoint" / "journal.json").read_text())["phases"]
    assert [phase["phase"] for phase in phases] == ["train"]
    assert len(lost) == 3
    assert sum(attempt["time_s"] for attempt in lost) < spent(tmp_path)["s"], "what one lost is not lost again"


def spent(out: Path) -> dict[str, float]:
    """Seconds, and joules of the accelerator scope, that the attempts in `out` have noted."""
    document = json.loads((out / "checkpoint" / "spent.json").read_text())
    energy_j = next(energy["energy_j"] for energy in document["energies"] if energy["scope"] == "accelerator")
    return {"s": document["time_s"], "J": energy_j}
