"""The doctor, and a required meter, say what this machine does not have and what would help."""

from __future__ import annotations

import json

import pytest

from measurement.doctor.diagnosis import diagnose, run_doctor
from measurement.errors import BadInput, MeterMissing, NotTrustworthy, OverBudget
from measurement.meters import EnergyMeter, nvml
from measurement.meters.base import provenance_of
from measurement.meters.discovery import Discovery, describe_hardware, discover
from measurement.tracks import TRACKS
from measurement.vocabulary import Provenance, Scope, Source


def no_driver():
    try:
        nvml.start()
    except MeterMissing:
        return True
    return False


without_a_gpu = pytest.mark.skipif(not no_driver(), reason="this machine has an NVIDIA driver")


def test_every_device_has_a_name_and_a_provenance_per_scope():
    found = diagnose()
    assert found.devices[0].device == "cpu"
    for device in found.devices:
        assert device.name
        assert set(device.scopes) == set(Scope)
        for scope in device.scopes.values():
            assert scope.provenance == provenance_of(scope.sources)
        if device.scopes[Scope.ACCELERATOR].provenance != Provenance.METERED:
            assert device.remedies
    assert {track.slug for track in found.tracks} == set(TRACKS)
    assert found.software["pyarrow"]


def test_the_json_is_one_object_with_the_same_findings(capsys):
    assert run_doctor(json=True) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["devices"][0]["scopes"]["accelerator"]["provenance"] in {"metered", "estimated"}
    assert isinstance(printed["can_meter"], bool)


def test_the_page_names_devices_scopes_and_remedies(capsys):
    assert run_doctor() == 0
    printed = capsys.readouterr().out
    assert printed.startswith("cpu  ")
    for words in ("accelerator", "system", "track digits", "software"):
        assert words in printed


@without_a_gpu
def test_without_a_driver_a_gpu_is_missing_and_the_doctor_says_why(capsys):
    assert "driver" in diagnose().gpu_remedy
    found = discover("cuda:0")
    assert found.provenance(Scope.ACCELERATOR) == Provenance.MISSING
    assert found.provenance(Scope.SYSTEM) == Provenance.MISSING
    with pytest.raises(MeterMissing, match="driver") as caught:
        EnergyMeter.for_device("cuda:0", require_metered=True)
    assert caught.value.exit_code == 4
    with pytest.raises(MeterMissing, match="driver"):
        describe_hardware("cuda:0")


@without_a_gpu
def test_a_gpu_without_a_meter_is_missing_in_the_record_too():
    with EnergyMeter.for_device("cuda:0") as meter, meter.window("train") as window:
        pass
    assert "driver" in meter.remedies["gpu"]
    energy = window.measurement.to_energy(Scope.ACCELERATOR)
    assert (energy.provenance, energy.energy_j) == (Provenance.MISSING, None)


def test_an_estimate_is_refused_if_a_meter_is_required(tmp_path):
    found = discover("cpu", powercap=tmp_path)
    with pytest.raises(MeterMissing, match="RAPL"):
        found.require_metered()


@pytest.mark.parametrize("device", ["gpu", "cuda", "cuda:x", "", "cpu:0"])
def test_a_device_that_cannot_be_is_bad_input(device):
    with pytest.raises(BadInput, match="is not a device"):
        EnergyMeter.for_device(device)


def test_provenance_follows_from_the_sources_alone():
    assert provenance_of(()) == Provenance.MISSING
    assert provenance_of((Source.RAPL, Source.NVML_COUNTER)) == Provenance.METERED
    assert provenance_of((Source.NVML_COUNTER, Source.CPU_ESTIMATE)) == Provenance.ESTIMATED
    assert Discovery("cpu").provenance(Scope.SYSTEM) == Provenance.MISSING


def test_each_error_has_its_exit_code():
    assert [kind("").exit_code for kind in (BadInput, OverBudget, MeterMissing, NotTrustworthy)] == [2, 3, 4, 5]


def test_cuda_visible_devices_is_followed(monkeypatch):
    for given, count in [("", 0), ("-1", 0), ("1", 1), ("2,0", 2), ("0,-1,1", 1), ("GPU-12ab,GPU-34cd", 2)]:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        assert nvml.visible_count() == count
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-0123")
    with pytest.raises(MeterMissing, match="MIG"):
        nvml.handle_of(0)
    with pytest.raises(BadInput, match="cuda:3 does not exist"):
        nvml.handle_of(3)
