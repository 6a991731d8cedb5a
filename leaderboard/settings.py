"""Django's settings. What the environment can change is in configuration.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dj_database_url
import plotly
import structlog
from csp.constants import NONE, SELF

from leaderboard.configuration import BASE_DIR, kept_secret_key, read_settings, stop

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
CONTACT = _values["CONTACT"].strip()
SOURCE_CODE = _values["SOURCE_CODE"].rstrip("/")

# Worker
WORKER_DEVICE = _values["WORKER_DEVICE"]
LEASE_SECONDS = _values["LEASE_SECONDS"]
MAX_ATTEMPTS = _values["MAX_ATTEMPTS"]
MAX_MACHINE_FAULTS = _values["MAX_MACHINE_FAULTS"]
MAX_ACTIVE_RUNS = _values["MAX_ACTIVE_RUNS"]
MAX_SEEDS = _values["MAX_SEEDS"]
RUN_TIME_BUDGET_S = _values["RUN_TIME_BUDGET_S"]
RUN_ENERGY_BUDGET_J = _values["RUN_ENERGY_BUDGET_J"]
RUN_MEMORY_LIMIT_MB = _values["RUN_MEMORY_LIMIT_MB"]
RUN_SILENCE_LIMIT_S = _values["RUN_SILENCE_LIMIT_S"]
HOLD_BUSY_RESULTS = _values["HOLD_BUSY_RESULTS"]

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
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # Swagger UI's files, served from here
    "django_htmx",
    "csp",
]

MIDDLEWARE = [
    "leaderboard.middleware.NoBodyForHead",
    # Before everything that may refuse a request, so that refusals have their headers too.
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
    "leaderboard.middleware.BannedOnlyRead",
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


def _database() -> dict[str, Any]:
    try:
        database: dict[str, Any] = dict(
            dj_database_url.parse(_values["DATABASE_URL"] or f"sqlite:///{DATA_ROOT / 'leaderboard.sqlite3'}")
        )
    except ValueError as error:
        stop(f"DATABASE_URL: {error}")
    if database["ENGINE"].endswith("sqlite3"):
        # Readers never wait for the one writer, and a writer waits for its turn instead of failing.
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        database |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
        # A server that can't be reached fails within seconds, not within the two minutes of TCP.
        database["OPTIONS"] = {"connect_timeout": 5, "tcp_user_timeout": 15_000} | database.get("OPTIONS", {})
    return database


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Throttles count here, in files: all web processes of a machine share them, and none needs Redis.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_ROOT / "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # culling drops counts at random
    }
}

# Celery
REDIS_URL = _values["REDIS_URL"]
CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A submission never waits for an unreachable broker: the sweep notifies later.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_LOG_LEVEL = _values["CELERY_LOG_LEVEL"]
CELERY_BEAT_SCHEDULE = {
    "notify again of queued runs": {"task": "leaderboard.tasks.sweep_queued", "schedule": 10.0},
    "requeue runs of silent workers": {"task": "leaderboard.tasks.reap_expired", "schedule": 5.0},
}

# Accounts
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
# Rate limits count addresses; behind a proxy the reader's is the last but one.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if _values["HTTPS"] else 0
ACCOUNT_EMAIL_VERIFICATION = "optional"
# Signing up with an address that has an account looks as with any other, and makes another account.
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_LOGOUT_REDIRECT_URL = "leaderboard"
ACCOUNT_ADAPTER = "leaderboard.accounts.Adapter"
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
globals().update({name: value for name, value in _values["EMAIL_URL"].items() if value is not None})

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# Static and stored files
STATIC_URL = "static/"
STATIC_ROOT = _values["STATIC_ROOT"] or DATA_ROOT / "static"
STATICFILES_DIRS = [BASE_DIR / "static", ("plotly", str(Path(plotly.__file__).parent / "package_data"))]
MEDIA_ROOT = DATA_ROOT / "files"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "leaderboard.staticstorage.HashedStaticFilesStorage"
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# Security
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _values["HTTPS"]
if _values["HTTPS"]:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
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

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "leaderboard.api.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["leaderboard.api.renderers.FiniteJSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "leaderboard.api.renderers.OneFormat",
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "leaderboard.api.errors.handle",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {"submissions": "60/hour", "cards": "60/minute"},
    "NUM_PROXIES": 1 if _values["HTTPS"] else 0,  # who else writes X-Forwarded-For is the client
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
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
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(
                    colors=False,
                    pad_event_to=0,
                    # The rich one prints local variables, passwords of connections among them.
                    exception_formatter=structlog.dev.plain_traceback,
                ),
            ],
            "foreign_pre_chain": [structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso")],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "celery": {"level": CELERY_LOG_LEVEL},
        "django.server": {"level": "WARNING"},
        "waitress.queue": {"level": "ERROR"},  # it warns of every request that waits for a thread
    },
}
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
