"""A whole site in a folder, accounts included, and back: its database at one moment, and the files that it names.

The database is copied first, at one moment, and then the files. That is consistent because a file is there before its
row is committed, is never written again under its name, and goes only after its row is gone: so whatever the copy of
the database names was there at that moment, and is the same now unless it was removed since. Then the backup begins
again.
"""

from leaderboard.backup.databases import DatabaseFault
from leaderboard.backup.restoring import Restored, SiteInUse, restore
from leaderboard.backup.taking import take

__all__ = ["DatabaseFault", "Restored", "SiteInUse", "restore", "take"]
