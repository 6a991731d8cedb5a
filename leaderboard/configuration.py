"""Every setting that the environment can change: name, default, what it does.

`settings.py` reads these once; docs/settings.md lists them, and a test compares the two. Each may be given as itself
or, for secrets, as a file that holds it: `SECRET_KEY_FILE=/run/secrets/secret_key`.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from environs import EnvError, FileAwareEnv

BASE_DIR = Path(__file__).resolve().parent.parent
CHOICES = {
    "SANDBOX": ("auto", "uploads", "require", "off"),
    "LOG_FORMAT": ("line", "json"),
    "SIGNUP": ("open", "approval", "closed"),
}
"""Settings that take one of a few words."""
MOST_REFERENCE_S = 300
"""A worker does nothing else meanwhile."""
BROKERS = ("redis://", "rediss://", "redis+socket://", "sentinel://", "amqp://", "amqps://")


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
    Setting(
        "DATA_ROOT", "path", BASE_DIR / ".data", "Folder for the database, traces, uploads, caches and data sets."
    ),
    Setting("STATIC_ROOT", "path", None, "Folder of the collected static files; empty: DATA_ROOT/static."),
    Setting("DATABASE_URL", "str", "", "postgres://… or sqlite:///…; empty: SQLite in DATA_ROOT."),
    Setting("REDIS_URL", "str", "", "redis://… of the broker; empty: `make run` starts one of its own."),
    Setting("REDIS_MASTER", "str", "mymaster", "The master's name, where REDIS_URL names Sentinels."),
    Setting("SENTINEL_PASSWORD", "str", "", "The Sentinels' own password; that of Redis is in REDIS_URL."),
    Setting(
        "EMAIL_URL",
        "dj_email_url",
        "console:",
        "Where mail goes: console:, or smtp://user:password@host:port.",
    ),
    Setting("EMAIL_FROM", "str", "", "Sender of the site's mail; empty: the site's name, noreply@ SITE_URL's host."),
    Setting("SITE_URL", "str", "", "Address of this site in mail and webhooks; empty: http://HOST:PORT."),
    Setting(
        "WEBHOOKS_PRIVATE",
        "bool",
        False,
        "Call webhooks in private networks and over http:// too. Only where every account is trusted.",
    ),
    Setting("MAX_WAIT_S", "int", 60, "Longest that GET submissions/{id}?wait= waits, seconds, from 0 to 60."),
    Setting("MAX_WAITERS", "int", 4, "Requests that may wait so at once in each web process, from 0 to 8 of 16."),
    Setting("SIGNUP", "str", "open", "Who may sign up: open, approval (by an administrator) or closed."),
    Setting("ADMIN_2FA", "bool", False, "Administrators need a second factor to administer."),
    Setting("CONTACT", "str", "", "Who runs this site, for its About page: an e-mail or web address."),
    Setting("SOURCE_CODE", "str", "", "Address of the source code's repository, which the documentation links into."),
    Setting("WEB_CONCURRENCY", "int", 2, "Web worker processes."),
    Setting("IDEMPOTENCY_HOURS", "int", 24, "Hours for which the answer to an Idempotency-Key is kept."),
    Setting("WORKER_DEVICE", "str", "auto", "Device this machine's worker measures: auto, cpu or cuda:N."),
    Setting("LEASE_SECONDS", "int", 30, "Seconds of silence after which a worker's run is queued again."),
    Setting("MAX_ATTEMPTS", "int", 3, "Attempts after which a run fails if its workers keep stopping."),
    Setting("MAX_MACHINE_FAULTS", "int", 10, "Faults of workers' machines after which a run fails."),
    Setting("MAX_ACTIVE_RUNS", "int", 20, "Runs that one submitter may have queued or running."),
    Setting("MAX_SUBMISSIONS_A_DAY", "int", 50, "Submissions that one person may make in a day, from midnight UTC."),
    Setting("MAX_SEEDS", "int", 5, "Results of one work on one hardware, from whatever seeds, that are run."),
    Setting("ARTIFACT_MAX_MB", "int", 512, "Largest file that may be uploaded, MB."),
    Setting("ARTIFACTS_MB_PER_USER", "int", 2048, "What one person's uploaded files may have together, MB."),
    Setting("ARTIFACT_DAYS", "int", 30, "Days after which an uploaded file that no submission names is removed."),
    Setting("ARTIFACTS_S3_BUCKET", "str", "", "Bucket for uploaded files; empty: DATA_ROOT/artifacts."),
    Setting("TRACES_S3_BUCKET", "str", "", "Bucket for power traces; empty: DATA_ROOT/files."),
    Setting("TRACE_FULL_DAYS", "int", 0, "Days after which power traces are thinned, figures kept; 0: never."),
    Setting("S3_ENDPOINT", "str", "", "https://… of an S3-compatible store; empty: Amazon's."),
    Setting("WORKER_TOKEN_FILE", "path", None, "File with the token by which a worker fetches uploaded files."),
    Setting("HUB_DOWNLOADS", "bool", False, "Recipes may name files of a hub (hf://…), which workers download."),
    Setting("ARTIFACT_CACHE_MB", "int", 10_240, "Most that a worker keeps of fetched and unpacked files, MB."),
    Setting("UNDO_WITHDRAWAL_DAYS", "float", 7.0, "Days within which a withdrawal can be undone; 0: never."),
    Setting("RUN_TIME_BUDGET_S", "float", 6 * 3600.0, "Longest that one run may take, seconds."),
    Setting("RUN_ENERGY_BUDGET_J", "float", 5e7, "Most that one run may spend, joules."),
    Setting("SANDBOX", "str", "auto", "The fence around a verification: auto, uploads, require or off."),
    Setting("RUN_MEMORY_LIMIT_MB", "int", 8192, "Resident memory at which a run is stopped, MiB."),
    Setting("RUN_SILENCE_LIMIT_S", "float", 900.0, "A run that reports nothing for this many seconds is stopped."),
    Setting(
        "HOLD_BUSY_RESULTS",
        "bool",
        True,
        "Hold results for review that other work on their machine disturbed; false: publish them, flagged.",
    ),
    Setting("AUDIT_SHARE", "float", 0.02, "Share of verified works that a night measures again at random; 0: none."),
    Setting(
        "REFERENCE_S", "float", 5.0, "Seconds of the reference workload of a worker, at start and daily; 0: none."
    ),
    Setting("LOG_FORMAT", "str", "line", "line: for people. json: an object a line, and one for each request."),
    Setting("WORKER_NAME", "str", "", "The machine in the worker's name; empty: the name of the host."),
    Setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "str",
        "",
        "Address of an OpenTelemetry collector (OTLP over HTTP); empty: no spans.",
    ),
    Setting("CELERY_LOG_LEVEL", "str", "WARNING", "Log level of Celery itself; runs are always logged."),
)


def stop(message: str) -> NoReturn:
    """End the process with one line on standard error."""
    sys.stderr.write(message + "\n")
    raise SystemExit(2)


def value_of_file(name: str) -> str:
    """What the file that NAME_FILE names holds; empty if it names none. Ends the process if that can't hold."""
    file = os.environ.get(f"{name}_FILE", "")
    if not file:
        return ""
    if os.environ.get(name):
        stop(f"{name}_FILE: {name} is set as well, and only one of them can hold. Remove one.")
    try:
        value = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        stop(f"{name}_FILE: {file} can't be read: {reason}. Name a text file that this process's user may read.")
    if not value:
        stop(f"{name}_FILE: {file} is empty. Write the value of {name} into it, or leave {name}_FILE out.")
    return value


def read_settings() -> Mapping[str, Any]:
    """The value of every setting. A value that can't be read ends the process with one line that names it."""
    env = FileAwareEnv(expand_vars=False, strip_whitespace=True)  # a file's last line ends with a line break
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        value_of_file(setting.name)  # stops with the reason where environs would only name the file
        try:
            values[setting.name] = getattr(env, setting.kind)(setting.name, setting.default)
        except EnvError as error:
            stop(f"{setting.name}: {_reason(error)} Expected {setting.kind}: {setting.help}")
    _check(values)
    for name, most in (("AUDIT_SHARE", 1), ("REFERENCE_S", MOST_REFERENCE_S)):
        if not 0 <= values[name] <= most:
            stop(f"{name}: must be from 0 to {most} (got {values[name]}).")
    values["REDIS_URL"] = _verified(values["REDIS_URL"])
    return values


def _verified(broker: str) -> str:
    """The address, so that the certificate of `rediss://` is verified unless it says otherwise: kombu would not."""
    if not broker.startswith("rediss://") or "ssl_" in urlsplit(broker).query:
        return broker
    return f"{broker}{'&' if urlsplit(broker).query else '?'}ssl_cert_reqs=required"


def _reason(error: EnvError) -> str:
    text = str(error).replace('Environment variable "', "").replace('" invalid:', ":")
    return text.partition(": ")[2] or text


def _check_words(values: dict[str, Any]) -> None:
    for name, known in CHOICES.items():
        if values[name] not in known:
            stop(f"{name}: must be {', '.join(known[:-1])} or {known[-1]} (got {values[name]}).")


def _check_broker(values: dict[str, Any]) -> None:
    first, *others = values["REDIS_URL"].split(";")
    if first and not first.startswith(BROKERS):
        stop(f"REDIS_URL: must begin with {', '.join(BROKERS[:-1])} or {BROKERS[-1]} (got another scheme).")
    if any(not address.startswith("sentinel://") for address in (first, *others) if others):
        stop("REDIS_URL: of several addresses, each must begin with sentinel:// (another does not).")
    if values["SENTINEL_PASSWORD"] and not first.startswith("sentinel://"):
        stop("SENTINEL_PASSWORD: is for the Sentinels that REDIS_URL names, and it names none; leave it out.")
    if first.startswith("sentinel://") and not values["REDIS_MASTER"]:
        stop("REDIS_MASTER: must name the master that the Sentinels of REDIS_URL watch (it is empty).")


def _check(values: dict[str, Any]) -> None:
    _check_words(values)
    if not 0 < values["PORT"] < 65536:
        stop(f"PORT: must be from 1 to 65535 (got {values['PORT']}).")
    _check_broker(values)
    if values["DATABASE_URL"] and not values["DATABASE_URL"].startswith(
        ("postgres://", "postgresql://", "sqlite://")
    ):
        stop("DATABASE_URL: must begin with postgres:// or sqlite:/// (got another scheme).")
    if values["SOURCE_CODE"] and not values["SOURCE_CODE"].startswith(("https://", "http://")):
        stop(f"SOURCE_CODE: must begin with https:// or http:// (got {values['SOURCE_CODE']}).")
    _check_own_address(values)
    if not re.fullmatch(r"[A-Za-z0-9.-]{0,80}", values["WORKER_NAME"]):
        stop(f"WORKER_NAME: must be up to 80 letters, digits, dots and dashes (got {values['WORKER_NAME']}).")
    collector = values["OTEL_EXPORTER_OTLP_ENDPOINT"]
    if collector and not collector.startswith(("https://", "http://")):
        stop(f"OTEL_EXPORTER_OTLP_ENDPOINT: must begin with https:// or http:// (got {collector}).")
    _check_store(values)
    for name, most in (
        ("MAX_WAIT_S", 60),
        ("MAX_WAITERS", 8),
        ("UNDO_WITHDRAWAL_DAYS", 3650),
        ("TRACE_FULL_DAYS", 36_500),
    ):
        if not 0 <= values[name] <= most:
            stop(f"{name}: must be from 0 to {most} (got {values[name]}).")
    if "EMAIL_BACKEND" not in values["EMAIL_URL"]:
        stop("EMAIL_URL: must begin with console:, smtp:// or smtps:// (got another scheme).")
    for name in (
        "IDEMPOTENCY_HOURS",
        "MAX_ACTIVE_RUNS",
        "MAX_SUBMISSIONS_A_DAY",
        "MAX_SEEDS",
        "WEB_CONCURRENCY",
        "LEASE_SECONDS",
        "MAX_ATTEMPTS",
        "MAX_MACHINE_FAULTS",
        "RUN_MEMORY_LIMIT_MB",
        "ARTIFACT_MAX_MB",
        "ARTIFACTS_MB_PER_USER",
        "ARTIFACT_DAYS",
        "ARTIFACT_CACHE_MB",
    ):
        if values[name] < 1:
            stop(f"{name}: must be at least 1 (got {values[name]}).")
    for name in ("RUN_TIME_BUDGET_S", "RUN_ENERGY_BUDGET_J", "RUN_SILENCE_LIMIT_S"):
        if not 0 < values[name] < float("inf"):
            stop(f"{name}: must be a number above 0 (got {values[name]}).")


def _check_own_address(values: dict[str, Any]) -> None:
    address = values["SITE_URL"]
    if address and not address.startswith(("https://", "http://")):
        stop(f"SITE_URL: must begin with https:// or http:// (got {address}).")
    if values["HTTPS"] and address.startswith("http://"):
        stop(f"SITE_URL: must begin with https:// where HTTPS=true (got {address}).")


def _check_store(values: dict[str, Any]) -> None:
    endpoint = values["S3_ENDPOINT"]
    if endpoint and not endpoint.startswith(("https://", "http://")):
        stop(f"S3_ENDPOINT: must begin with https:// or http:// (got {endpoint}).")
    for name in ("ARTIFACTS_S3_BUCKET", "TRACES_S3_BUCKET"):
        if values[name] and find_spec("storages") is None:
            stop(f"{name}: needs django-storages; install this package with its extra s3.")


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
ANY_HOST = "ALLOWED_HOSTS: * lets any client choose the host name in links, also in those of password mails."
REMEDY_OF_HOSTS = "Name the hosts that this site answers to, separated by commas."
REMEDY_OF_DEBUG = (
    "Its error pages show settings and source code to anybody. Leave DEBUG out, or serve on 127.0.0.1 alone."
)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1", ".localhost"})


def public_in_debug(host: str, allowed_hosts: Iterable[str]) -> str:
    """Why a site in debug mode can be reached by others; empty if it can't."""
    if host not in LOOPBACK:
        return f"is true, and HOST is {host}"
    others = [name for name in allowed_hosts if name not in LOOPBACK]
    return f"is true, and ALLOWED_HOSTS has {others[0]}" if others else ""


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
