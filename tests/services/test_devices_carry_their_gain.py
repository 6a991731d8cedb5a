"""Entries of one device are compared without its gain error, those of different devices with both's."""

import pytest

from leaderboard import services
from leaderboard.domain.devices import GAIN_U95, identity, of_mean
from leaderboard.models import Entry
from measurement.vocabulary import Source
from tests.pages.reading import text
from tests.records import make_recipe, make_record

pytestmark = pytest.mark.django_db
CARD = "NVIDIA H100 80GB HBM3"
A, B = "GPU-00000000-aaaa", "GPU-00000000-bbbb"


@pytest.fixture
def measure(administrator):
    hardware = services.register_hardware(CARD, "cuda")

    def _measure(epochs, uuid, one_time_j, gain=None, limit_w=700.0):
        """Run a work of so many epochs on a card; again if it was run. gain: of its calibration, relative."""
        recipe = make_recipe(f"Work {epochs}", epochs=epochs)
        submission, is_new = services.submit(recipe, hardware=hardware, submitter=administrator)
        run = submission.runs.order_by("-pk").first()
        run = run if is_new else services.rerun(run, by=administrator)
        record = make_record(recipe, hardware=CARD, one_time_j=one_time_j, source=Source.NVML_COUNTER)
        card = record.hardware.model_copy(update={"kind": "cuda", "uuid": uuid, "power_limit_w": limit_w})
        phases = record.phases
        if gain is not None:
            phases = tuple(phase.model_copy(update={"energies": _calibrated(phase, gain)}) for phase in phases)
        record = record.model_copy(update={"hardware": card, "phases": phases})
        assert services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
        return Entry.objects.get(
            work__recipes__sha256=recipe.sha256, board__scenario="offline", board__scope="system"
        )

    return _measure


def _calibrated(phase, gain):
    def absolute(energy):
        joules, u95_j = energy.energy_per_image_j, energy.energy_per_image_u95_j
        return {"energy_per_image_absolute_u95_j": None if joules is None else u95_j + gain * joules}

    return tuple(energy.model_copy(update=absolute(energy)) for energy in phase.energies)


def ranks(client):
    answer = client.get("/api/v1/leaderboard?min_quality=0&scenario=offline&scope=system&usage_intensity=1").json()
    return {row["method"]: (row["rank"], row["rank_best"], row["rank_worst"]) for row in answer["results"]}


def test_gains_move_ranks_between_devices_alone(measure, client):
    measure(1, A, 100.0)
    measure(2, A, 106.0)
    measure(3, B, 105.0)
    assert ranks(client) == {"Work 1": (1, 1, 2), "Work 3": (2, 1, 3), "Work 2": (3, 2, 3)}
    snapshot = client.get("/api/v1/leaderboard/snapshot?scenario=offline&scope=system").json()["columns"]
    assert snapshot["device"] == [identity(A), identity(A), identity(B)]
    assert set(snapshot["gain_u95"]) == {GAIN_U95}


def test_a_calibrated_card_has_the_gain_of_its_calibration(measure, client):
    assert measure(1, A, 100.0, gain=0.004).gain_u95 == pytest.approx(0.004)
    measure(2, B, 105.0, gain=0.004)
    assert ranks(client) == {"Work 1": (1, 1, 1), "Work 2": (2, 2, 2)}


def test_a_mean_over_devices_shares_their_gains(measure, client):
    measure(1, A, 100.0)
    entry = measure(1, B, 100.0)
    assert entry.results == 2
    assert entry.gain_u95 == pytest.approx(GAIN_U95 / 2**0.5, rel=1e-4)
    assert entry.device not in (identity(A), identity(B))
    answer = client.get(f"/api/v1/entries/{entry.pk}").json()
    assert [(run["device"], run["power_limit_w"]) for run in answer["runs"]] == [
        (identity(B), 700.0),
        (identity(A), 700.0),
    ]
    page = text(client.get(entry.get_absolute_url()))
    assert f"device {identity(A)[:8]}, limit 700 W" in page
    assert "gain error, here ± 4.0 %" in page
    assert A not in str(answer["runs"])


def test_equal_mixtures_are_one_device():
    a, b = (identity(A), 0.05), (identity(B), 0.03)
    assert of_mean([a]) == of_mean([a, a]) == a
    assert of_mean([a, b]) == of_mean([b, a, b, a])
    assert of_mean([a, b])[0] != of_mean([a, a, b])[0]
    assert of_mean([a, a, b])[1] == pytest.approx(((2 / 3 * 0.05) ** 2 + (0.03 / 3) ** 2) ** 0.5, rel=1e-4)
    assert identity(None) == ""
    assert of_mean([("", 0.05)]) == ("", 0.05)


def test_a_board_across_power_limits_says_so(measure, client):
    address = "/?min_quality=0&scenario=offline&scope=system"
    measure(1, A, 100.0)
    assert "power limits" not in text(client.get(address))
    other = measure(2, B, 105.0, limit_w=650.0)
    assert other.power_limits_w == [650.0]
    assert "ran under different power limits (650 W, 700 W)" in text(client.get(address))
    assert client.get(f"/api/v1/leaderboard{address[1:]}").json()["power_limits_w"] == [650.0, 700.0]
    measure(1, B, 101.0, limit_w=600.0)
    mixed = Entry.objects.exclude(work=other.work_id).filter(board__scope="system", board__scenario="offline").get()
    assert mixed.power_limits_w == [600.0, 700.0]
    services.withdraw(other.run.submission, by=None)
    assert client.get(f"/api/v1/leaderboard{address[1:]}").json()["power_limits_w"] == [600.0, 700.0]
