"""docs/settings.md holds every setting with its default, and none that is gone."""

from pathlib import Path

import pytest

from leaderboard.configuration import BASE_DIR, SETTINGS, Setting
from measurement.dataroot import DATA_ROOT_VARIABLE
from measurement.meters.calibration import GAIN_VARIABLE, GAINS_VARIABLE
from measurement.meters.device_lock import LOCK_FOLDER_VARIABLE
from measurement.meters.estimate import TDP_VARIABLE
from measurement.tracks.hidden import KEY_VARIABLE
from measurement.tracks.streamed import READERS_VARIABLE
from tests.docs.reading import DOCS, names, rows, sections, text_of

METER_VARIABLES = {
    TDP_VARIABLE,
    GAIN_VARIABLE,
    GAINS_VARIABLE,
    LOCK_FOLDER_VARIABLE,
    DATA_ROOT_VARIABLE,
    READERS_VARIABLE,
    KEY_VARIABLE,
}
PAGE = DOCS / "settings.md"
TABLE = {names(row[0])[0]: row for row in rows(text_of(PAGE)) if names(row[0])}


def as_written(default: object) -> str:
    """How a default is written in the table."""
    if default in ("", None, []):
        return "empty"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, list):
        return ",".join(default)
    if isinstance(default, Path):
        return str(default.relative_to(BASE_DIR))
    if isinstance(default, float):
        return f"{default:.0f}" if default.is_integer() else str(default)
    return str(default)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_setting_is_there_with_its_default(setting: Setting):
    assert setting.name in TABLE, f"docs/settings.md has no row for {setting.name}: {setting.help}"
    assert TABLE[setting.name][1].strip("`") == as_written(setting.default)
    assert TABLE[setting.name][2], f"{setting.name} has no meaning"


@pytest.mark.parametrize("variable", sorted(METER_VARIABLES))
def test_variable_of_the_meter_is_there(variable: str):
    assert variable in TABLE


def test_no_setting_is_documented_that_is_gone():
    tables = sections(PAGE)
    documented = {names(row[0])[0] for part in ("Site", "Worker", "Meter") for row in rows(tables[part])}
    assert documented == {setting.name for setting in SETTINGS} | METER_VARIABLES
