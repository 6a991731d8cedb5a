"""Django's settings. What the environment can change is in configuration.py."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import django_ace
import plotly
import structlog
from celery.schedules import crontab
from csp.constants import NONE, SELF
from whitenoise.compress import Compressor

from leaderboard.configuration import BASE_DIR, kept_secret_key, read_settings, stop
from leaderboard.telemetry import logs

_values = read_settings()

DATA_ROOT: Path = _values["DATA_ROOT"].resolve()
SECRET_KEY = _values["SECRET_KEY"] or kept_secret_key(DATA_ROOT)
DEBUG = _values["DEBUG"]
SITE_NAME = "Full-Cycle Energy Leaderboard"
HOST, PORT = _values["HOST"], _values["PORT"]
# Loopback always, so that health checks on the machine itself need no name.
ALLOWED_HOSTS = [*_values["ALLOWED_HOSTS"], HOST, "127.0.0.1", "localhost"]
CSRF_TRUSTED_ORIGINS = _values["TRUSTED_ORIGINS"]
WEB_CONCURRENCY = _values["WEB_CONCURRENCY"]
IDEMPOTENCY_HOURS = _values["IDEMPOTENCY_HOURS"]
SITE_URL = (_values["SITE_URL"] or f"http://{HOST}:{PORT}").rstrip("/")
CONTACT = _values["CONTACT"].strip()
SOURCE_CODE = _values["SOURCE_CODE"].rstrip("/")

# Worker
WORKER_DEVICE = _values["WORKER_DEVICE"]
LEASE_SECONDS = _values["LEASE_SECONDS"]
MAX_ATTEMPTS = _values["MAX_ATTEMPTS"]
MAX_MACHINE_FAULTS = _values["MAX_MACHINE_FAULTS"]
MAX_ACTIVE_RUNS = _values["MAX_ACTIVE_RUNS"]
MAX_SUBMISSIONS_A_DAY = _values["MAX_SUBMISSIONS_A_DAY"]
MAX_SEEDS = _values["MAX_SEEDS"]
UNDO_WITHDRAWAL_DAYS = _values["UNDO_WITHDRAWAL_DAYS"]
RUN_TIME_BUDGET_S = _values["RUN_TIME_BUDGET_S"]
RUN_ENERGY_BUDGET_J = _values["RUN_ENERGY_BUDGET_J"]
SANDBOX = _values["SANDBOX"]
RUN_MEMORY_LIMIT_MB = _values["RUN_MEMORY_LIMIT_MB"]
RUN_SILENCE_LIMIT_S = _values["RUN_SILENCE_LIMIT_S"]
HOLD_BUSY_RESULTS = _values["HOLD_BUSY_RESULTS"]
AUDIT_SHARE = _values["AUDIT_SHARE"]
REFERENCE_S = _values["REFERENCE_S"]

# Uploaded files
ARTIFACT_MAX_MB, ARTIFACTS_MB_PER_USER = _values["ARTIFACT_MAX_MB"], _values["ARTIFACTS_MB_PER_USER"]
ARTIFACT_DAYS = _values["ARTIFACT_DAYS"]
TRACE_FULL_DAYS = _values["TRACE_FULL_DAYS"]
HUB_DOWNLOADS = _values["HUB_DOWNLOADS"]
WORKER_TOKEN_FILE, ARTIFACT_CACHE_MB = _values["WORKER_TOKEN_FILE"], _values["ARTIFACT_CACHE_MB"]

INSTALLED_APPS = [
    "leaderboard.apps.LeaderboardConfig",
    "leaderboard.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "leaderboard.apps.ServedFilesConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # Swagger UI's files, served from here
    "django_htmx",
    "csp",
    "corsheaders",
    "django_structlog",
]

MIDDLEWARE = [
    "leaderboard.middleware.RequestTimes",
    "leaderboard.middleware.NumberedRequests",
    "leaderboard.middleware.KeptAnswers",
    "leaderboard.middleware.NoBodyForHead",
    # Before everything that may refuse a request, so that refusals have their headers too.
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "leaderboard.middleware.CrossOriginReads",
    "leaderboard.middleware.BodyLimit",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "leaderboard.middleware.DatabaseAway",
    "leaderboard.middleware.Throttled",
    "leaderboard.middleware.BannedOnlyRead",
    "leaderboard.middleware.AdministratorsGiveASecondFactor",
]

ROOT_URLCONF = "leaderboard.urls"
WSGI_APPLICATION = "leaderboard.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


# Where packets are lost without a word, TCP waits from two minutes to two hours. A client gives up within 20 s. So
# does the server, whose sessions hold locks: a run must be free by the time that its lease ends.
_NETWORK_GONE = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "options": " ".join(
        f"-c {name}={value}"
        for name, value in {
            "tcp_keepalives_idle": 10,
            "tcp_keepalives_interval": 5,
            "tcp_keepalives_count": 2,
            "tcp_user_timeout": 15_000,
            "client_connection_check_interval": 5_000,  # also in the middle of a statement
        }.items()
    ),
}


def _database() -> dict[str, Any]:
    try:
        database: dict[str, Any] = dict(
            dj_database_url.parse(_values["DATABASE_URL"] or f"sqlite:///{DATA_ROOT / 'leaderboard.sqlite3'}")
        )
    except ValueError as error:
        stop(f"DATABASE_URL: {error}")
    database["CONN_MAX_AGE"] = 60
    if database["ENGINE"].endswith("sqlite3"):
        # Readers never wait for the one writer, and a writer waits for its turn instead of failing.
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        database["CONN_HEALTH_CHECKS"] = True
        # Statements that ask for it are prepared (queries/glance.py); Django's own are not.
        database["OPTIONS"] = _NETWORK_GONE | {"prepare_threshold": 5} | database.get("OPTIONS", {})
    return database


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Pictures, and allauth's own limits, which it counts less exactly than forms/throttles.py does: in files, which all
# web processes of a machine share, and none needs Redis.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_ROOT / "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # culling drops counts at random
    },
    # The leaderboard as HTML, some 25 kB a question; apart from the counts, so that many questions drop none.
    "pages": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_ROOT / "cache" / "pages",
        "OPTIONS": {"MAX_ENTRIES": 1000},
    },
}

# Celery
REDIS_URL = _values["REDIS_URL"]
CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # after a hundred, some 45 minutes, a worker would end
# A submission never waits for an unreachable broker: the sweep notifies later.
_BROKER_TIMES = {"socket_timeout": 5, "socket_connect_timeout": 1}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    **_BROKER_TIMES,
    # A broker that falls silent without closing the connection is noticed within half a minute.
    "health_check_interval": 10,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "master_name": _values["REDIS_MASTER"],  # read only of Sentinels
}
if _values["SENTINEL_PASSWORD"]:
    # With options of their own, Sentinels get none of Redis'.
    CELERY_BROKER_TRANSPORT_OPTIONS["sentinel_kwargs"] = {**_BROKER_TIMES, "password": _values["SENTINEL_PASSWORD"]}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_LOG_LEVEL = _values["CELERY_LOG_LEVEL"]
WORKER_NAME = _values["WORKER_NAME"]
OTEL_EXPORTER_OTLP_ENDPOINT = _values["OTEL_EXPORTER_OTLP_ENDPOINT"]
CELERY_BEAT_SCHEDULE = {
    "notify again of queued runs": {"task": "leaderboard.tasks.sweep_queued", "schedule": 10.0},
    "requeue runs of silent workers": {"task": "leaderboard.tasks.reap_expired", "schedule": 5.0},
    # Once a night: several times, in case beat or the workers are away at the first.
    "audit": {"task": "leaderboard.tasks.audit_nightly", "schedule": crontab(minute=17, hour="1-5")},
    "send what waits in the outbox": {
        "task": "leaderboard.tasks.deliver",
        "schedule": 10.0,
        "options": {"queue": "notices", "expires": 600},  # long, for clocks that differ
    },
    "forget old notices": {
        "task": "leaderboard.tasks.forget_old_notices",
        "schedule": 3600.0,
        "options": {"queue": "notices", "expires": 3600},
    },
    # Each night, minute by minute: a batch ends soon, and the next one goes on.
    "thin old power traces": {
        "task": "leaderboard.tasks.thin_traces",
        "schedule": crontab(hour="1-4"),
        "options": {"queue": "notices", "expires": 50},  # beat's own process has leases to watch
    },
    "remove unused uploads": {"task": "leaderboard.tasks.remove_unused_uploads", "schedule": 3600.0},
}

# Accounts
SIGNUP = _values["SIGNUP"]
ADMIN_2FA = _values["ADMIN_2FA"]
MFA_ADAPTER = "leaderboard.accounts.SecondFactors"
MFA_TOTP_ISSUER = SITE_NAME
MFA_TOTP_TOLERANCE = 1  # clocks of telephones differ
MFA_ALLOW_UNVERIFIED_EMAIL = True  # as signing in does
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_REDIRECT_URL = "submit"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_USERNAME_VALIDATORS = "leaderboard.accounts.USERNAME_VALIDATORS"
ACCOUNT_USERNAME_BLACKLIST = ["admin", "administrator", "root", "staff", "leaderboard"]
# Rate limits count addresses; behind a proxy the reader's is the last of X-Forwarded-For.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if _values["HTTPS"] else 0
ACCOUNT_EMAIL_VERIFICATION = "optional"
# Signing up with an address that has an account looks as with any other, and makes another account.
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_LOGOUT_REDIRECT_URL = "leaderboard"
ACCOUNT_ADAPTER = "leaderboard.accounts.Adapter"
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
EMAIL_TIMEOUT = 10  # a mail server that hangs; EMAIL_URL may say another, as ?timeout=
globals().update({name: value for name, value in _values["EMAIL_URL"].items() if value is not None})
DEFAULT_FROM_EMAIL = _values["EMAIL_FROM"] or f"{SITE_NAME} <noreply@{urlsplit(SITE_URL).hostname}>"
WEBHOOKS_PRIVATE = _values["WEBHOOKS_PRIVATE"]
MAX_WAIT_S, MAX_WAITERS = _values["MAX_WAIT_S"], _values["MAX_WAITERS"]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# Static and stored files
STATIC_URL = "static/"
STATIC_ROOT = _values["STATIC_ROOT"] or DATA_ROOT / "static"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("plotly", str(Path(plotly.__file__).parent / "package_data")),
    ("ace", str(Path(django_ace.__file__).parent / "static" / "django_ace" / "ace")),
]
MEDIA_ROOT = DATA_ROOT / "files"


def _files(bucket: str, *, overwrite: bool, **folder: str) -> dict[str, Any]:
    """Where files of a kind lie: in a bucket, if one is named. overwrite: equal names have equal content."""
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": folder}
    options = {"bucket_name": bucket, "endpoint_url": _values["S3_ENDPOINT"] or None}
    options |= {"file_overwrite": overwrite, "default_acl": None}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


STORAGES = {
    "default": _files(_values["TRACES_S3_BUCKET"], overwrite=False),
    "artifacts": _files(_values["ARTIFACTS_S3_BUCKET"], overwrite=True, location=str(DATA_ROOT / "artifacts")),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "leaderboard.staticstorage.HashedStaticFilesStorage"
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# Source maps are for who opens a developer's tools; compressing them is a fifth of the first start.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")

# Security
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _values["HTTPS"]
if _values["HTTPS"]:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_SSL_REDIRECT = True
    # Who asks these asks this process itself, within the host or its network.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
# Other names under this site's domain are not ours to decide on.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, "'unsafe-inline'"],  # Plotly sets styles on the elements that it draws
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}

# Pages of other sites may read what everybody may, as anybody: no cookie and no token of theirs is taken.
CORS_URLS_REGEX = r"^/api/(?:v1|schema)/"
CORS_ALLOW_ALL_ORIGINS = True
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "HEAD", "OPTIONS"]
CORS_ALLOW_HEADERS = ["accept", "cache-control", "if-modified-since", "if-none-match"]
CORS_EXPOSE_HEADERS = ["ETag", "Link", "RateLimit", "RateLimit-Policy", "Retry-After", "Content-Disposition"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "leaderboard.api.authentication.ApiTokenAuthentication",
        "leaderboard.api.authentication.SameOriginSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["leaderboard.api.renderers.FiniteJSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "leaderboard.api.renderers.OneFormat",
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "leaderboard.api.errors.handle",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {"submissions": "60/hour", "checks": "120/minute", "cards": "60/minute"},
    "NUM_PROXIES": 1 if _values["HTTPS"] else 0,  # who else writes X-Forwarded-For is the client
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
KNOX_TOKEN_MODEL = "leaderboard.ApiToken"  # noqa: S105 - a model
REST_KNOX = {"TOKEN_TTL": None, "AUTH_HEADER_PREFIX": "Token"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Full-Cycle Energy Leaderboard",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",  # whose schemas are JSON Schema, as the recipe's is
    "DESCRIPTION": "Energy of the whole life of efficient computer-vision models, at the usage intensity you choose.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "leaderboard.api.documentation.describe_all",
    ],
    "ENUM_NAME_OVERRIDES": {
        "Provenance": "leaderboard.models.Provenance",
        "Scenario": "leaderboard.models.Scenario",
        "Scope": "leaderboard.models.Scope",
        "Quantity": "leaderboard.presentation.entry.repeats.QUANTITY_CHOICES",
        "StateEnum": "leaderboard.api.schemas.common.STATES",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

LOGGING = logs.configuration(_values["LOG_FORMAT"], CELERY_LOG_LEVEL)
# A line for each request is for programs. The account is not in it, nor the address: both are personal data.
_OF_A_REQUEST = logging.INFO if _values["LOG_FORMAT"] == "json" else logging.DEBUG
DJANGO_STRUCTLOG_STATUS_DEFAULT_LOG_LEVEL = DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = _OF_A_REQUEST
DJANGO_STRUCTLOG_STATUS_5XX_LOG_LEVEL = _OF_A_REQUEST  # django.request says why
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = DJANGO_STRUCTLOG_CELERY_DEFAULT_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_USER_ID_FIELD = ""
DJANGO_STRUCTLOG_CELERY_ENABLED = True
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
