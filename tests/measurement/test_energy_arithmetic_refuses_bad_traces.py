"""Each kind of bad trace, through the command line: exit code 2, one line that names the fault, and no figure."""

from __future__ import annotations

import json

import pytest

from measurement.__main__ import main

HEAD = "timestamp_s,power_w\n"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (HEAD + "0,100\n1,plenty\n2,100\n", "plenty"),
        (HEAD + "soon,100\n1,100\n", "soon"),
        (HEAD + "0,100\n1,-5\n2,100\n", "-5"),
        (HEAD + "0,100\n1,inf\n2,100\n", "inf"),
        (HEAD + "0,100\n", "one sample"),
        (HEAD, "sample"),
        ("", "trace"),
    ],
)
def test_a_bad_trace_gets_a_line_and_code_2_and_never_a_number(tmp_path, capsys, text, named):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    assert main(["integrate", str(path), "--json"]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert str(path) in error
    assert named in error


def test_time_that_runs_backwards_in_plain_seconds_is_sorted_and_said(tmp_path, capsys):
    path = tmp_path / "trace.csv"
    path.write_text(HEAD + "0,100\n2,300\n1,200\n3,300\n")
    assert main(["integrate", str(path), "--json"]) == 0
    out, _ = capsys.readouterr()
    report = json.loads(out)
    assert report["energy_j"] == 600
    assert any("sort" in note or "order" in note for note in report["notes"])
