"""Every setting that the environment can change: name, default, what it does.

`settings.py` reads these once; docs/settings.md lists them, and a test compares the two.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from environs import Env, EnvError

BASE_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable. `kind` is the name of an environs parser."""

    name: str
    kind: str
    default: Any
    help: str


SETTINGS = (
    Setting("SECRET_KEY", "str", "", "Django's signing key. Empty: one is made and kept in DATA_ROOT."),
    Setting("DEBUG", "bool", False, "Django's debug mode. Never on a public address."),
    Setting("HOST", "str", "127.0.0.1", "Address that `make run` serves on."),
    Setting("PORT", "int", 8000, "Port that `make run` serves on."),
    Setting("ALLOWED_HOSTS", "list", ["127.0.0.1", "localhost", "[::1]"], "Host names the site answers to."),
    Setting("TRUSTED_ORIGINS", "list", [], "Origins (https://…) that forms may be posted from behind a proxy."),
    Setting("HTTPS", "bool", False, "Behind a TLS proxy: secure cookies, HSTS, X-Forwarded-Proto is trusted."),
    Setting("DATA_ROOT", "path", BASE_DIR / ".data", "Folder for the database, traces, logs and data sets."),
    Setting("STATIC_ROOT", "path", None, "Folder of the collected static files; empty: DATA_ROOT/static."),
    Setting("DATABASE_URL", "str", "", "postgres://… or sqlite:///…; empty: SQLite in DATA_ROOT."),
    Setting("REDIS_URL", "str", "", "redis://… of the broker; empty: `make run` starts one of its own."),
    Setting(
        "EMAIL_URL",
        "dj_email_url",
        "console:",
        "Where mail goes: console:, or smtp://user:password@host:port.",
    ),
    Setting("CONTACT", "str", "", "Who runs this site, for its About page: an e-mail or web address."),
    Setting("SOURCE_CODE", "str", "", "Address of the source code's repository, which the documentation links into."),
    Setting("WEB_CONCURRENCY", "int", 2, "Web worker processes."),
    Setting("WORKER_DEVICE", "str", "auto", "Device this machine's worker measures: auto, cpu or cuda:N."),
    Setting("LEASE_SECONDS", "int", 30, "Seconds of silence after which a worker's run is queued again."),
    Setting("MAX_ATTEMPTS", "int", 3, "Attempts after which a run fails if its workers keep stopping."),
    Setting("MAX_MACHINE_FAULTS", "int", 10, "Faults of workers' machines after which a run fails."),
    Setting("MAX_ACTIVE_RUNS", "int", 20, "Runs that one submitter may have queued or running."),
    Setting("MAX_SEEDS", "int", 5, "Results of one work on one hardware, from whatever seeds, that are run."),
    Setting("RUN_TIME_BUDGET_S", "float", 6 * 3600.0, "Longest that one run may take, seconds."),
    Setting("RUN_ENERGY_BUDGET_J", "float", 5e7, "Most that one run may spend, joules."),
    Setting("RUN_MEMORY_LIMIT_MB", "int", 8192, "Resident memory at which a run is stopped, MiB."),
    Setting("RUN_SILENCE_LIMIT_S", "float", 900.0, "A run that reports nothing for this many seconds is stopped."),
    Setting(
        "HOLD_BUSY_RESULTS",
        "bool",
        True,
        "Hold results for review that other work on their machine disturbed; false: publish them, flagged.",
    ),
    Setting("CELERY_LOG_LEVEL", "str", "WARNING", "Log level of Celery itself; runs are always logged."),
)


def stop(message: str) -> NoReturn:
    """End the process with one line on standard error."""
    sys.stderr.write(message + "\n")
    raise SystemExit(2)


def read_settings() -> Mapping[str, Any]:
    """The value of every setting. A value that can't be read ends the process with one line that names it."""
    env = Env(expand_vars=False)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        try:
            values[setting.name] = getattr(env, setting.kind)(setting.name, setting.default)
        except EnvError as error:
            stop(f"{setting.name}: {_reason(error)} Expected {setting.kind}: {setting.help}")
    _check(values)
    return values


def _reason(error: EnvError) -> str:
    text = str(error).replace('Environment variable "', "").replace('" invalid:', ":")
    return text.partition(": ")[2] or text


def _check(values: dict[str, Any]) -> None:
    if not 0 < values["PORT"] < 65536:
        stop(f"PORT: must be from 1 to 65535 (got {values['PORT']}).")
    if values["REDIS_URL"] and not values["REDIS_URL"].startswith(("redis://", "rediss://", "redis+socket://")):
        stop("REDIS_URL: must begin with redis://, rediss:// or redis+socket:// (got another scheme).")
    if values["DATABASE_URL"] and not values["DATABASE_URL"].startswith(
        ("postgres://", "postgresql://", "sqlite://")
    ):
        stop("DATABASE_URL: must begin with postgres:// or sqlite:/// (got another scheme).")
    if values["SOURCE_CODE"] and not values["SOURCE_CODE"].startswith(("https://", "http://")):
        stop(f"SOURCE_CODE: must begin with https:// or http:// (got {values['SOURCE_CODE']}).")
    if "EMAIL_BACKEND" not in values["EMAIL_URL"]:
        stop("EMAIL_URL: must begin with console:, smtp:// or smtps:// (got another scheme).")
    for name in (
        "MAX_ACTIVE_RUNS",
        "MAX_SEEDS",
        "WEB_CONCURRENCY",
        "LEASE_SECONDS",
        "MAX_ATTEMPTS",
        "MAX_MACHINE_FAULTS",
        "RUN_MEMORY_LIMIT_MB",
    ):
        if values[name] < 1:
            stop(f"{name}: must be at least 1 (got {values[name]}).")
    for name in ("RUN_TIME_BUDGET_S", "RUN_ENERGY_BUDGET_J", "RUN_SILENCE_LIMIT_S"):
        if not 0 < values[name] < float("inf"):
            stop(f"{name}: must be a number above 0 (got {values[name]}).")


def weak_secret_key(key: str) -> str:
    """Why a signing key can be guessed; empty if it can't."""
    if len(key) < 32 or len(set(key)) < 10:
        return f"has {len(key)} characters, {len(set(key))} of them different"
    if found := re.search(r"insecure|change.?me|your.?secret|example|password", key, re.IGNORECASE):
        return f"has {found[0]!r} in it, as in a template"
    return ""


REMEDY_OF_KEY = (
    "Who guesses it can sign in as anybody. Make one, e.g. `openssl rand -hex 32`, or leave it empty to have one "
    "made and kept."
)
ANY_HOST = (
    "ALLOWED_HOSTS: * lets any client choose the host name in links, also in those of password mails. "
    "Name the hosts that this site answers to."
)


def kept_secret_key(data_root: Path) -> str:
    """The signing key kept in `data_root`, made on first use, readable by its owner alone."""
    path = data_root / "secret_key"
    try:
        data_root.mkdir(parents=True, exist_ok=True)
        data_root.chmod(0o700)  # sessions, password hashes and the signing key lie in it
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.write(handle, secrets.token_urlsafe(50).encode())
        os.close(handle)
    except FileExistsError:
        pass
    except OSError as error:
        stop(f"DATA_ROOT: {data_root} can't be written to: {error.strerror}.")
    return path.read_text()
