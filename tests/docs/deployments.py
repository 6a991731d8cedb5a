"""The files for deployment as data: which process is started how, with which variables and secrets."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

import yaml

from tests.docs.reading import ROOT

COMPOSE = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in sorted(ROOT.glob("compose*.yaml"))}
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
MANIFESTS = [
    document
    for path in sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text("utf-8"))
]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


@dataclass(frozen=True)
class Process:
    """One process of one file. `hardened` is what that file calls a read-only root without privileges."""

    file: str
    name: str
    words: tuple[str, ...]
    environment: dict[str, str]
    operators_settings: bool
    hardened: bool

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


def images_command(target: str) -> list[str]:
    """The CMD of a stage, for files that leave the command to the image."""
    stage = DOCKERFILE.partition(f" AS {target}\n")[2].partition("\nFROM ")[0]
    return yaml.safe_load(re.search(r"^CMD (\[.*\])$", stage, re.MULTILINE)[1])


def _plain(words: list[str]) -> tuple[str, ...]:
    """A command without where its interpreter is and where beat keeps its schedule, which differ for good reason."""
    words = ["python" if word.endswith("/python") else word.replace("%%", "%") for word in words]
    return tuple(
        "SCHEDULE" if before == "--schedule" else word for before, word in zip(["", *words[:-1]], words, strict=True)
    )


def _name(service: str) -> str:
    return "worker" if re.fullmatch(r"gpu\d", service) else service


def of_compose() -> list[Process]:
    found = []
    for file, content in COMPOSE.items():
        for service, described in content["services"].items():
            if not described["image"].startswith("full-cycle-energy"):
                continue
            words = shlex.split(described.get("command", "")) or images_command(described["image"].split("-")[-1])
            hardened = described["read_only"] and described["cap_drop"] == ["ALL"]
            hardened = hardened and described["security_opt"] == ["no-new-privileges:true"]
            files = described["env_file"] == [{"path": ".env", "required": False}]
            found.append(
                Process(file, _name(service), _plain(words), described["environment"], files, bool(hardened))
            )
    return found


def of_systemd() -> list[Process]:
    found = []
    for path in UNITS:
        lines = [line.partition("=") for line in path.read_text("utf-8").splitlines() if re.match(r"\w+=", line)]
        values = [(key, value) for key, _, value in lines]
        commands = [value for key, value in values if key == "ExecStart"]
        environment = dict(
            word.split("=", 1) for key, value in values if key == "Environment" for word in value.split()
        )
        name = re.fullmatch(r"leaderboard-(\w+)@?", path.stem)[1]
        files = ("EnvironmentFile", "-/etc/leaderboard/settings") in values
        wanted = {"ProtectSystem": "strict", "NoNewPrivileges": "yes", "CapabilityBoundingSet": ""}
        hardened = wanted.items() <= set(values)
        found.append(Process(path.name, name, _plain(shlex.split(commands[0])), environment, files, hardened))
    return found


def of_kubernetes() -> list[Process]:
    found = []
    for document in MANIFESTS:
        pod = document.get("spec", {}).get("template", {}).get("spec")
        if not pod:
            continue
        (container,) = pod["containers"]
        words = container.get("command") or images_command(container["image"].split("-")[-1])
        environment = {item["name"]: item["value"] for item in container["env"] if "value" in item}
        security = container["securityContext"]
        hardened = security["readOnlyRootFilesystem"] and security["capabilities"] == {"drop": ["ALL"]}
        hardened = hardened and not security["allowPrivilegeEscalation"] and pod["securityContext"]["runAsNonRoot"]
        files = container["envFrom"] == [{"configMapRef": {"name": "leaderboard"}}]
        name = container["name"]
        found.append(Process(f"kubernetes/{name}.yaml", name, _plain(words), environment, files, bool(hardened)))
    return found


PROCESSES = [*of_compose(), *of_systemd(), *of_kubernetes()]


def procfile() -> dict[str, tuple[str, ...]]:
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    return {name: _plain(shlex.split(command)) for name, _, command in (line.partition(": ") for line in lines)}
