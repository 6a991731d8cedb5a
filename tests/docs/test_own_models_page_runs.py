"""docs/own-models.md leads from a model to a measured record: its program and its commands run as they stand."""

import subprocess

import pytest

from measurement.record import parse_record
from tests.docs.reading import DOCS, blocks, commands
from tests.loaded import loaded_python
from tests.measurement.running import environment
from tests.waiting import HANG_S

pytestmark = pytest.mark.slow
PAGE = DOCS / "own-models.md"


def test_the_page_leads_to_a_measured_record(tmp_path):
    [program] = blocks(PAGE, "python")
    (tmp_path / "export.py").write_text(program)
    words = [found.words[1:] for found in commands(PAGE) if found.words[1:3] == ("-m", "measurement")]
    assert [found[2] for found in words] == ["validate", "run", "recompute"]
    for arguments in [("export.py",), *words]:
        done = subprocess.run(
            [*loaded_python(), *arguments, *(["--accept-busy"] if "run" in arguments else [])],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    record = parse_record((tmp_path / "own-run" / "record.json").read_bytes())
    assert record.quality.value > 0.9
    assert record.phases[0].energies[0].provenance == "missing"
