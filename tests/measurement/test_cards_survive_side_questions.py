"""Every call that is made to NVML fails with every code, and a card is lost only if it tells no energy and no power.

The whole table goes through a window: the card described, discovered, required, opened and measured. Through a whole
`run` goes every call with either kind of code, unsupported and failing (`measurement.meters.nvml` tells no others
apart), all side questions together with codes of each remedy, and calls that fail once. `NVML_CODES=all` sends every
call with every code through a whole run too, which takes minutes.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import pynvml
import pytest

from measurement.errors import MeterMissing
from measurement.meters import EnergyMeter
from measurement.meters.discovery import describe_hardware
from measurement.record import Record
from measurement.run import runner
from measurement.run.inference import InferencePlan
from measurement.run.offline_batch import ProbePlan
from measurement.run.options import RunOptions
from measurement.vocabulary import Flag, Provenance, Scope, Source
from tests.measurement.folders import image_folder
from tests.measurement.running import TRAIN, tiny_recipe
from tests.simulated.clock import VirtualClock, WorkingClock
from tests.simulated.driver import in_process
from tests.simulated.gpu import GPU_IS_LOST, NOT_SUPPORTED, UNKNOWN, Fault, rtx_3090
from tests.simulated.profiles import Profile

ROOT = Path(__file__).parents[2]
START_S, FAILING_S = 1000.0, 0.5
POWER_W = 300.0

SIDE = (
    "nvmlDeviceGetArchitecture",
    "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetComputeRunningProcesses",
    "nvmlDeviceGetCount",
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetCurrentClocksThrottleReasons",
    "nvmlDeviceGetEnforcedPowerLimit",
    "nvmlDeviceGetHandleByUUID",
    "nvmlDeviceGetMaxClockInfo",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetName",
    "nvmlDeviceGetPersistenceMode",
    "nvmlDeviceGetPowerManagementDefaultLimit",
    "nvmlDeviceGetPowerManagementLimit",
    "nvmlDeviceGetTemperature",
    "nvmlDeviceGetUUID",
    "nvmlSystemGetDriverVersion",
)
"""Questions whose answers are no joules."""
DOORS = ("nvmlInit", "nvmlDeviceGetHandleByIndex")
"""Without these there is nothing to ask."""
COUNTER = ("nvmlDeviceGetTotalEnergyConsumption",)
POWER = ("nvmlDeviceGetFieldValues", "nvmlDeviceGetPowerUsage", "NVML_FI_DEV_POWER_INSTANT")
CODES = sorted({code for name, code in vars(pynvml).items() if name.startswith("NVML_ERROR_")})
CODES_OF_RUNS = CODES if os.environ.get("NVML_CODES") == "all" else [NOT_SUPPORTED, UNKNOWN]
BRIEFEST = InferencePlan(
    min_duration_s=0.005,
    max_duration_s=0.01,
    block_s=0.001,
    warm_up_s=0.001,
    max_warm_up_s=0.002,
    max_jitter_s=0.0,
    probing=ProbePlan(seconds=0.001, passes=1),
)


def card(*faults: Fault):
    """Its counter and sensor tick so quickly, and its driver answers so slowly, that few readings make a window."""
    quick = {"counter_period_s": 0.02, "update_period_s": 0.02, "averaging_s": 0.02, "call_latency_s": 0.004}
    return rtx_3090(Profile.constant(POWER_W), faults=faults, **quick)


def failing(*calls: str, code: int = UNKNOWN, once: bool = False) -> tuple[Fault, ...]:
    """These calls fail with `code` from now on; or only the first time each."""
    times = 1 if once else math.inf
    return tuple(Fault(call, code, from_s=FAILING_S, calls=times) for call in calls)


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    monkeypatch.setenv("MEASUREMENT_LOCK_FOLDER", str(tmp_path))


def measured(folder: Path, *faults: Fault, by_uuid: bool = False):
    """One second on cuda:0 with these faults: the card as described, and the window's measurement."""
    clock = VirtualClock(folder / "clock", START_S)
    with in_process([gpu := card(*faults)], folder, clock=clock, start_s=START_S):
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu.identity(0) if by_uuid else "0"
        del os.environ["CUDA_DEVICE_ORDER"]  # so that the cards are counted and compared
        clock.sleep(2 * FAILING_S)
        hardware = describe_hardware("cuda:0")
        with (
            EnergyMeter.for_device("cuda:0", require_metered=True, clock=clock) as meter,
            meter.window("w") as window,
        ):
            for _ in range(10):
                clock.sleep(0.1)
                meter.sample()
            meter.observe()
    return hardware, window.measurement


def test_the_table_has_every_call_that_is_made():
    sources = [path.read_text("utf-8") for path in (ROOT / "measurement").rglob("*.py")]
    made = {name for text in sources for name in re.findall(r'"(nvml[A-Z]\w+)"', text)}
    doctors = {"nvmlSystemGetCudaDriverVersion"}
    assert made - doctors == {*SIDE, *DOORS, *COUNTER, *POWER} - {"NVML_FI_DEV_POWER_INSTANT"}


@pytest.mark.parametrize("call", [*SIDE, *COUNTER, *POWER])
def test_no_code_of_any_call_costs_the_meter(tmp_path, call):
    for code in CODES:
        _, window = measured(tmp_path, *failing(call, code=code), by_uuid="UUID" in call)
        energy = window.energies[Scope.ACCELERATOR]
        assert energy.provenance == Provenance.METERED, code
        expected = Source.NVML_POWER if call in COUNTER else Source.NVML_COUNTER
        assert energy.sources == (expected,), code
        assert abs(energy.energy_j - POWER_W * window.duration_s) <= energy.repeatability_u95_j + 1e-6, code
        assert Flag.THROTTLED not in window.flags
        if call in COUNTER:
            assert "power is integrated instead" in window.notes[0], code
            assert energy.repeatability_u95_j > 0


@pytest.mark.parametrize("call", DOORS)
def test_without_a_way_to_the_card_the_reason_is_said(tmp_path, call):
    for code in CODES:
        with pytest.raises(MeterMissing, match=r"NVML can't (start|open the GPU): .*; ") as raised:
            measured(tmp_path, *failing(call, code=code))
        assert raised.value.exit_code == 4


def test_a_call_that_fails_once_costs_nothing_at_all(tmp_path):
    normal, quiet = measured(tmp_path)
    for call in (*SIDE, *DOORS, *COUNTER, *POWER):
        hardware, window = measured(tmp_path, *failing(call, code=GPU_IS_LOST, once=True))
        assert hardware == normal, call
        assert window.energies[Scope.ACCELERATOR].sources == (Source.NVML_COUNTER,), call
        guards = ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetCurrentClocksEventReasons")
        assert window.notes == quiet.notes == () or call in guards, call


def test_what_was_not_answered_is_in_the_record(tmp_path):
    hardware, window = measured(tmp_path, *failing(*SIDE, code=GPU_IS_LOST))
    assert hardware.name == "unnamed NVIDIA GPU"
    assert (hardware.uuid, hardware.power_limit_w, hardware.memory_bytes, hardware.driver) == (None,) * 4
    assert hardware.settings["unanswered"]["nvmlDeviceGetPersistenceMode"] == "GPU is lost"
    assert "whether others computed on the GPU is unknown: GPU is lost, in 3 of 3 observations" in window.notes
    assert "whether the GPU was throttled is unknown: GPU is lost, in 3 of 3 observations" in window.notes


def test_a_card_that_tells_neither_is_refused_with_both_reasons(tmp_path):
    with pytest.raises(MeterMissing, match=r"read the energy counter: Unknown Error.*read the power: GPU is lost"):
        measured(tmp_path, *failing(*COUNTER), *failing(*POWER, code=GPU_IS_LOST))


def test_an_unknown_card_is_not_taken_for_one_whose_sensor_sees_everything(tmp_path):
    def u95(*calls: str) -> float:
        _, window = measured(tmp_path, *failing(*COUNTER, *calls))
        return window.energies[Scope.ACCELERATOR].repeatability_u95_j

    assert u95("nvmlDeviceGetName") >= u95()


# A whole run


@pytest.fixture(scope="module")
def data_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    return root, image_folder(root / "datasets", images=2)


@pytest.fixture
def whole_run(tmp_path, monkeypatch, data_root):
    """A run whose card is simulated: its work is done by the CPU, everything else is as on a GPU."""
    root, manifest = data_root
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(root))
    for_device = EnergyMeter.for_device
    recipe = tiny_recipe(
        TRAIN,
        track="imagefolder",
        dataset={"name": "colours", "manifest_sha256": manifest},
        inference={"max_batch_size": 1},
    )

    def run(*faults: Fault, require_metered: bool = True) -> Record:
        clock = WorkingClock(tmp_path / "clock", START_S)
        monkeypatch.setattr(runner, "describe_hardware", lambda _: describe_hardware("cuda:0"))
        monkeypatch.setattr(
            runner.EnergyMeter, "for_device", lambda _, **given: for_device("cuda:0", **given | {"clock": clock})
        )
        with in_process([card(*faults)], tmp_path, clock=clock, start_s=START_S):
            clock.sleep(2 * FAILING_S)
            options = RunOptions(device="cpu", require_metered=require_metered, plan=BRIEFEST, force=True)
            return runner.run_recipe(recipe, tmp_path / "out", options)

    return run


def assert_metered(record: Record, source: Source) -> None:
    for phase in record.phases:
        energy = phase.energy(Scope.ACCELERATOR)
        assert (energy.provenance, energy.sources) == (Provenance.METERED, (source,)), phase.phase
        # Windows of a few ticks, as long as the CPU happens to take, give a plausible figure and no more.
        assert energy.energy_j == pytest.approx(POWER_W * phase.duration_s, abs=4 * energy.repeatability_u95_j + 1e-6)


@pytest.mark.parametrize("code", CODES_OF_RUNS)
def test_a_whole_run_survives_every_call(whole_run, code):
    for call in (*SIDE, *POWER):
        assert_metered(whole_run(*failing(call, code=code)), Source.NVML_COUNTER)


@pytest.mark.parametrize("code", [1, 4, 10, 18, 20])
def test_a_whole_run_survives_all_side_questions_together(whole_run, code):
    assert_metered(whole_run(*failing(*SIDE, code=code)), Source.NVML_COUNTER)


def test_a_whole_run_integrates_the_power_of_a_card_without_its_counter(whole_run):
    record = whole_run(*failing(*COUNTER, *SIDE))
    assert_metered(record, Source.NVML_POWER)
    for phase in record.phases:
        assert "read the energy counter: Unknown Error" in phase.detail["meter_notes"][0]
        assert phase.energy(Scope.ACCELERATOR).repeatability_u95_j > 0


@pytest.mark.parametrize("required", [True, False])
def test_a_card_that_tells_nothing_costs_no_run_any_energy(whole_run, tmp_path, required):
    with pytest.raises(MeterMissing, match=r"neither its energy nor its power .*Unknown Error"):
        whole_run(*failing(*COUNTER, *POWER), require_metered=required)
    assert not (tmp_path / "out").exists()


def test_a_card_that_falls_silent_is_missing_with_the_reason(tmp_path):
    silent = [fault._replace(from_s=1.5) for fault in failing(*COUNTER, *POWER)]
    clock = VirtualClock(tmp_path / "clock", START_S)
    with (
        in_process([card(*silent)], tmp_path, clock=clock, start_s=START_S),
        EnergyMeter.for_device("cuda:0", clock=clock) as meter,
        meter.window("train") as window,
    ):
        clock.sleep(2.0)
    assert window.measurement.energies[Scope.ACCELERATOR].energy_j is None
    assert "read the energy counter: Unknown Error" in window.measurement.notes[0]
    assert "power: Unknown Error" in window.measurement.notes[0]
