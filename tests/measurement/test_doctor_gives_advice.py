"""The doctor finds what surrounds the meters, and its advice comes with commands to paste."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from measurement.doctor import advice
from measurement.doctor.diagnosis import diagnose, run_doctor
from measurement.doctor.environment import (
    TorchBuild,
    in_container,
    in_virtual_machine,
    nvidia_cards,
    read_torch_build,
    torch_build,
)
from measurement.meters.control_groups import cpu_quota
from measurement.meters.rapl import find_zones
from tests.measurement.powercap import tree


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


VIRTUAL = {"proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu vme hypervisor sse\n"}
CONTAINER = {"run/.containerenv": ""}
CARD = {"sys/bus/pci/devices/0000:3b:00.0/vendor": "0x10de\n", "sys/bus/pci/devices/0000:3b:00.0/class": "0x030200\n"}


def test_containers_virtual_machines_and_cards_are_seen(tmp_path):
    bare = write(tmp_path / "bare", {"proc/cpuinfo": "flags\t: fpu vme\n", "proc/1/cgroup": "0::/init.scope\n"})
    assert not in_container(bare)
    assert not in_virtual_machine(bare)
    assert nvidia_cards(bare) == []
    for number, files in enumerate([CONTAINER, {".dockerenv": ""}, {"proc/1/cgroup": "1:cpu:/kubepods/pod1\n"}]):
        assert in_container(write(tmp_path / str(number), files))
    assert in_virtual_machine(write(tmp_path / "virtual", VIRTUAL))
    audio = {
        "sys/bus/pci/devices/0000:3b:00.1/vendor": "0x10de",
        "sys/bus/pci/devices/0000:3b:00.1/class": "0x040300",
    }
    assert nvidia_cards(write(tmp_path / "card", CARD | audio)) == ["0000:3b:00.0"]


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "50000 100000\n"}, 0.5),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/../..\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2.0),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/job\n3:memory:/job\n",
                "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "250000",
                "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            2.5,
        ),
        ({}, None),
        ({"proc/self/cgroup": "nonsense\n0::/\n", "sys/fs/cgroup/cpu.max": "much of it"}, None),
    ],
)
def test_the_quota_of_any_group_above_counts(tmp_path, files, cores):
    assert cpu_quota(write(tmp_path, files)) == cores


def test_a_quota_below_the_cores_is_reported(tmp_path):
    cores = len(os.sched_getaffinity(0))
    group = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": f"{50_000 * cores} 100000\n"}
    (found,) = advice.of_cpu_quota(write(tmp_path / "half", group))
    assert f"allows {cores / 2:g} of the {cores} cores" in found.message
    group["sys/fs/cgroup/cpu.max"] = f"{100_000 * cores} 100000\n"
    assert list(advice.of_cpu_quota(write(tmp_path / "whole", group))) == []


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("__version__ = '2.7.0+cpu'\ncuda: Optional[str] = None\n", TorchBuild("2.7.0+cpu", None)),
        ("__version__ = '2.7.0+cu126'\ncuda: Optional[str] = '12.6'\nhip: Optional[str] = None\n",
         TorchBuild("2.7.0+cu126", "12.6")),
        ('__version__ = "2.0"\ncuda = "11.8"\n', TorchBuild("2.0", "11.8")),
        ("nothing\n", None),
    ],
)  # fmt: skip
def test_torch_s_build_is_known_without_importing_it(tmp_path, text, build):
    assert read_torch_build(write(tmp_path, {"version.py": text}) / "version.py") == build


def test_the_build_is_that_of_the_torch_installed_here():
    import torch

    found = torch_build()
    assert found is not None
    assert (found.version, found.cuda) == (str(torch.__version__), torch.version.cuda)


def test_counters_that_may_not_be_read_come_with_three_ways_to_allow_it(tmp_path):
    zones = find_zones(tree(tmp_path))
    assert list(advice.of_rapl(zones)) == []
    (tmp_path / "devices/intel-rapl/intel-rapl:0/energy_uj").write_text("")
    (found,) = advice.of_rapl(find_zones(tmp_path / "class/powercap"))
    assert "cpu0" in found.message
    chmod, rule, capability = found.commands
    assert chmod.startswith("sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj")
    assert "/etc/udev/rules.d/" in rule
    assert 'SUBSYSTEM=="powercap"' in rule
    assert capability.startswith("sudo setcap cap_dac_read_search+ep /")


@pytest.mark.parametrize(
    ("files", "words", "command"),
    [
        ({}, "load its driver", "sudo modprobe intel_rapl_msr"),
        (CONTAINER, "hide /sys/devices/virtual/powercap", "systempaths=unconfined"),
        (VIRTUAL, "hypervisors seldom", ""),
        (VIRTUAL | CONTAINER, "hypervisors seldom", ""),
    ],
    ids=["bare", "container", "virtual", "container in a virtual machine"],
)
def test_absent_counters_are_explained_by_the_environment(tmp_path, files, words, command):
    (found,) = advice.of_rapl(find_zones(tmp_path / "none"), write(tmp_path, files))
    assert words in found.message
    assert command in " ".join(found.commands)


def test_a_card_without_a_driver_is_distinguished_from_no_card(tmp_path):
    assert list(advice.of_missing_driver(write(tmp_path / "none", CONTAINER))) == []
    (bare,) = advice.of_missing_driver(write(tmp_path / "bare", CARD))
    assert "0000:3b:00.0" in bare.message
    assert any("modprobe nvidia" in command for command in bare.commands)
    (inside,) = advice.of_missing_driver(write(tmp_path / "inside", CARD | CONTAINER))
    assert any("--gpus all" in command for command in inside.commands)


def test_mig_and_persistence_mode():
    assert list(advice.of_gpu(0, True, None)) == []
    assert list(advice.of_gpu(0, None, None)) == []
    (mig,) = advice.of_gpu(1, None, "the GPU is in MIG mode, and …")
    assert mig.commands == ("sudo nvidia-smi -i 1 -mig 0",)
    (persistence,) = advice.of_gpu(0, False, None)
    assert persistence.commands == ("sudo nvidia-smi -pm 1",)


def test_a_torch_that_cannot_use_the_gpu_is_reported(monkeypatch):
    cpu, cuda = TorchBuild("2.7.0+cpu", None), TorchBuild("2.7.0+cu126", "12.6")
    assert list(advice.of_torch(cpu, 0)) == []
    assert list(advice.of_torch(None, 1)) == []
    (found,) = advice.of_torch(cpu, 2)
    assert "2 GPUs, but torch 2.7.0+cpu is built without CUDA" in found.message
    for driver, known in ((11080, 1), (12020, 0), (13000, 0), (None, 0)):
        monkeypatch.setattr(advice.nvml, "call", lambda *_, version=driver: version)
        assert len(list(advice.of_torch(cuda, 1))) == known


def test_every_scope_says_why(capsys):
    for device in diagnose().devices:
        assert all(scope.why for scope in device.scopes.values())
    assert run_doctor(json=True) == 0
    printed = json.loads(capsys.readouterr().out)
    assert all({"subject", "message", "commands"} == set(piece) for piece in printed["advice"])
    assert {"device", "name", "scopes", "remedies"} <= set(printed["devices"][0])


def test_only_a_machine_that_can_measure_nothing_is_a_failure(monkeypatch, capsys):
    monkeypatch.setenv("MEASUREMENT_CPU_TDP_W", "much")
    if len(diagnose().devices) > 1 or diagnose().can_meter:
        pytest.skip("this machine has a meter that needs no power model")
    assert run_doctor() == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cpu can't be measured: MEASUREMENT_CPU_TDP_W must be watts")
