"""The arithmetic can be read, tested and reused without anything installed."""

import ast
import sys
from pathlib import Path

import pytest

import leaderboard.domain

MODULES = sorted(Path(leaderboard.domain.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_it_imports_the_standard_library_and_itself_alone(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    foreign = {
        name
        for name in imported
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("leaderboard.domain")
    }
    assert foreign == set()
