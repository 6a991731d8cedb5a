"""What this machine can measure: which meters it has, what provenance they give, and what would help."""

from __future__ import annotations

import importlib.util
import json as json_module
import platform
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from importlib import metadata

from measurement import __version__
from measurement.doctor import advice
from measurement.doctor.advice import Advice
from measurement.doctor.environment import onnx_providers, torch_build
from measurement.errors import MeasurementError, MeterMissing
from measurement.fence import state_of_fence
from measurement.meters import nvml
from measurement.meters.base import Kind, kinds_in_scope
from measurement.meters.discovery import Discovery, describe_hardware, discover
from measurement.tracks import track_title, tracks_here
from measurement.vocabulary import Provenance, Scope, Source

_PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "torch-pruning",
    "torchao",
    "safetensors",
    "scikit-learn",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "nvidia-ml-py",
    "psutil",
    "pyarrow",
    "pydantic",
)
_READ_FROM = {
    Source.NVML_COUNTER: "the GPU's energy counter",
    Source.NVML_POWER: "the GPU's power sensor, integrated",
    Source.RAPL: "the processor's energy counters",
    Source.CPU_ESTIMATE: "a power model of CPU time and memory, since no counter can be read",
    Source.REPLAY: "a recorded trace",
}
_NEEDED_TO_RUN = {"torch": "torch", "timm": "timm", "sklearn": "scikit-learn"}


@dataclass(frozen=True, slots=True)
class ScopeDiagnosis:
    """The provenance of a figure in one scope on this machine, its sources, and the reason as text."""

    provenance: Provenance
    sources: tuple[Source, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class DeviceDiagnosis:
    """One device that a recipe can run on. `remedies` says what would give it a better meter, by kind.

    `notes`: which of a GPU's instruments can't be read; `in_use`: which other measurement holds it at the moment, in
    words, empty if none does.
    """

    device: str
    name: str
    scopes: dict[Scope, ScopeDiagnosis]
    instruments: tuple[str, ...] = ()
    remedies: dict[Kind, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    persistence_mode: bool | None = None
    in_use: str = ""


@dataclass(frozen=True, slots=True)
class TrackDiagnosis:
    """A track (or one data set of an open one), and what is missing to run it here: packages, data."""

    slug: str
    title: str
    missing_packages: tuple[str, ...] = ()
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything the doctor found. `gpu_remedy` says why there is no GPU among the devices, if there is none.

    `onnx_providers`: what ONNX Runtime can run graphs on here; empty if it is not installed.
    `fence`: what holds around a worker's verifications here, and what is lacking.
    """

    devices: tuple[DeviceDiagnosis, ...]
    tracks: tuple[TrackDiagnosis, ...]
    software: dict[str, str | None]
    gpu_remedy: str | None = None
    advice: tuple[Advice, ...] = ()
    onnx_providers: tuple[str, ...] = ()
    fence: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether any device can be measured at all, if only by an estimate."""
        return any(found.scopes[Scope.ACCELERATOR].provenance != Provenance.MISSING for found in self.devices)

    @property
    def can_meter(self) -> bool:
        """Whether any device's accelerator scope is metered."""
        return any(found.scopes[Scope.ACCELERATOR].provenance == Provenance.METERED for found in self.devices)


def diagnose() -> Diagnosis:
    """Examine this machine. Never raises for a meter that is missing or fails; torch is not imported."""
    devices = [_diagnose_device("cpu")]
    gpu_remedy = None
    try:
        nvml.start()
        ordinals = range(nvml.visible_count())
        if not ordinals:
            gpu_remedy = (
                "the NVIDIA driver shows no GPU to this process; see CUDA_VISIBLE_DEVICES and `nvidia-smi -L`"
            )
        devices += [_diagnose_device(f"cuda:{ordinal}") for ordinal in ordinals]
    except MeasurementError as error:
        gpu_remedy = str(error)
    missing = tuple(package for module, package in _NEEDED_TO_RUN.items() if importlib.util.find_spec(module) is None)
    tracks = tuple(TrackDiagnosis(key, track_title(key), missing, lacks) for key, lacks in tracks_here().items())
    advice_here = tuple(_advice(devices, gpu_remedy))
    fence = state_of_fence().in_words()
    return Diagnosis(tuple(devices), tracks, _software(), gpu_remedy, advice_here, onnx_providers(), fence)


def run_doctor(json: bool = False) -> int:
    """Print the diagnosis, as text for people or as one JSON object.

    Returns 0 even if a meter is missing; 4 only if no device can be measured, not even by an estimate.
    """
    found = diagnose()
    if json:
        sys.stdout.write(json_module.dumps({**asdict(found), "can_meter": found.can_meter}, indent=2) + "\n")
    elif sys.stdout.isatty() and importlib.util.find_spec("rich") is not None:
        _print_rich(found)
    else:
        sys.stdout.write("\n".join(_lines(found)) + "\n")
    if found.is_usable:
        return 0
    for device in found.devices:
        sys.stderr.write(f"{device.device} can't be measured: {'; '.join(device.remedies.values())}\n")
    return MeterMissing.exit_code


def _advice(devices: list[DeviceDiagnosis], gpu_remedy: str | None) -> Iterator[Advice]:
    yield from advice.of_disk()
    for device in devices:
        yield from advice.of_use(device.device, device.in_use)
    yield from advice.of_rapl()
    if gpu_remedy is not None:
        yield from advice.of_missing_driver()
    gpus = devices[1:]
    for ordinal, gpu in enumerate(gpus):
        yield from advice.of_gpu(ordinal, gpu.persistence_mode, gpu.remedies.get("gpu"))
    yield from advice.of_torch(torch_build(), len(gpus))
    yield from advice.of_cpu_quota()


def _diagnose_device(device: str) -> DeviceDiagnosis:
    kind: Kind = "cpu" if device == "cpu" else "gpu"
    try:
        found = discover(device)
        hardware = describe_hardware(device)
    except MeasurementError as error:
        nothing = ScopeDiagnosis(Provenance.MISSING, (), str(error))
        return DeviceDiagnosis(device, device, dict.fromkeys(Scope, nothing), (), {kind: str(error)})
    used = frozenset().union(*(kinds_in_scope(scope, device) for scope in Scope))
    instruments = [item for item in (*found.counters, *found.sensors) if item.kind in used]
    return DeviceDiagnosis(
        device,
        hardware.name,
        {scope: _diagnose_scope(found, scope) for scope in Scope},
        tuple(f"{item.name}: {item.source}" for item in instruments),
        found.remedies,
        tuple(found.notes),
        hardware.settings.get("persistence_mode"),
        _held_by_another(found),
    )


def _held_by_another(found: Discovery) -> str:
    try:
        with ExitStack() as held:
            for lock in found.locks:
                held.enter_context(lock)
    except MeasurementError as error:  # in use, or no folder for the lock
        return str(error)
    return ""


def _diagnose_scope(found: Discovery, scope: Scope) -> ScopeDiagnosis:
    sources = found.sources(scope)
    why = "; ".join(_READ_FROM[source] for source in sources)
    if not sources:
        why = "no instrument for " + " and ".join(sorted(kinds_in_scope(scope, found.device) & found.remedies.keys()))
    return ScopeDiagnosis(found.provenance(scope), sources, why)


def _software() -> dict[str, str | None]:
    versions: dict[str, str | None] = {"measurement": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def _lines(found: Diagnosis) -> list[str]:
    lines = []
    for device in found.devices:
        lines.append(f"{device.device}  {device.name}")
        for scope in Scope:
            diagnosis = device.scopes[scope]
            lines.append(f"  {scope:<12} {_scope_text(diagnosis)}" + (f": {diagnosis.why}" if diagnosis.why else ""))
        lines += [f"  instrument   {instrument}" for instrument in device.instruments]
        lines += [f"  note         {note}" for note in device.notes]
        lines += [f"  to meter {what}: {remedy}" for what, remedy in _remedies([device]).items()]
    if found.gpu_remedy is not None:
        lines.append(f"no GPU  {found.gpu_remedy}")
    for piece in found.advice:
        lines += [f"advice  {piece.subject}: {piece.message}", *(f"    {command}" for command in piece.commands)]
    lines += [f"track {track.slug}  {_track_text(track)}" for track in found.tracks]
    versions = ", ".join(f"{name} {version or 'not installed'}" for name, version in found.software.items())
    lines += [f"ONNX Runtime  {_providers_text(found)}", f"fence  {found.fence}"]
    return [*lines, f"software  {versions}"]


def _print_rich(found: Diagnosis) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table(title="What this machine can measure", title_justify="left")
    for heading in ("device", "name", *Scope):
        table.add_column(str(heading))
    for device in found.devices:
        cells = [_coloured(device.scopes[scope]) for scope in Scope]
        table.add_row(device.device, escape(device.name), *cells)
        whys = [escape(device.scopes[scope].why) for scope in Scope]
        table.add_row("", "", *(f"[dim]{why}[/]" for why in whys), end_section=True)
    console.print(table)
    for note in (note for device in found.devices for note in device.notes):
        console.print(f"[bold]note[/]: {escape(note)}", highlight=False)
    remedies = {f"to meter {what}": remedy for what, remedy in _remedies(found.devices).items()}
    if found.gpu_remedy is not None:
        remedies["no GPU"] = found.gpu_remedy
    for what, remedy in remedies.items():
        console.print(f"[bold]{what}[/]: {escape(remedy)}", highlight=False)
    for piece in found.advice:
        console.print(f"[bold]{escape(piece.subject)}[/]: {escape(piece.message)}", highlight=False)
        for command in piece.commands:
            console.print(f"    {escape(command)}", highlight=False, soft_wrap=True)
    for track in found.tracks:
        console.print(f"[bold]track {track.slug}[/]: {escape(_track_text(track))}", highlight=False)
    console.print(f"[bold]fence[/]: {escape(found.fence)}", highlight=False)
    versions = ", ".join(f"{name} {version or 'not installed'}" for name, version in found.software.items())
    console.print(f"[bold]ONNX Runtime[/]: {escape(_providers_text(found))}", highlight=False)
    console.print(f"[dim]{versions}[/]", highlight=False)


def _remedies(devices: Iterable[DeviceDiagnosis]) -> dict[str, str]:
    """Each remedy once, with all kinds that it helps: `cpu and dram`."""
    helped: dict[str, dict[str, None]] = {}
    for device in devices:
        for kind, remedy in device.remedies.items():
            helped.setdefault(remedy, {})[device.device if kind == "gpu" else kind] = None
    return {" and ".join(kinds): remedy for remedy, kinds in helped.items()}


def _coloured(scope: ScopeDiagnosis) -> str:
    colour = {Provenance.METERED: "green", Provenance.ESTIMATED: "yellow"}.get(scope.provenance, "red")
    return f"[{colour}]{_scope_text(scope)}[/]"


def _scope_text(scope: ScopeDiagnosis) -> str:
    return f"{scope.provenance} ({', '.join(scope.sources)})" if scope.sources else str(scope.provenance)


def _providers_text(found: Diagnosis) -> str:
    if not found.onnx_providers:
        return "not installed: no ONNX file can be run; install the extra [worker]"
    return f"runs graphs by {', '.join(found.onnx_providers)}"


def _track_text(track: TrackDiagnosis) -> str:
    if track.lacks:
        return track.lacks
    if not track.missing_packages:
        return f"ready: {track.title}"
    return f"needs {', '.join(track.missing_packages)}: install the extra [worker]"
