"""An import checks everything before it writes, names what is wrong, and overwrites no result."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from leaderboard import models, queries
from tests.services.moving import TRACE, empty, export, list_again, refused, rewrite, stored

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("runs", {"held_for": ["odd"]}, r"run \d+ .*: held_for is \['odd'\] there and .* here"),
        ("attempts", {"spent_energy_j": 5.0}, r"attempt 1 of run \d+ .*: spent_energy_j is 5.0 there and 121.0 here"),
        (
            "submissions",
            {"withdrawn_at": "2020-01-01T00:00:00+00:00"},
            r"submission [0-9a-f-]+ differs: withdrawn_at",
        ),
        ("published_results", {"digest": "0" * 64, "imported_at": "2020-01-01T00:00:00+00:00"}, r"digest is '000"),
        ("entries", {"own_energy_j": 1.25}, r"entry \d+ .*: own_energy_j is 1.25 there and [\d.e+]+ here"),
        ("recipes", {"track": "other"}, r"recipe [0-9a-f]{12} differs: track is 'other' there"),
    ],
)
def test_a_result_that_differs_is_refused_and_named(exported, kind, change, said):
    before = stored()
    rewrite(exported, kind, lambda line: line.update(change))
    message = refused("import_results", exported)
    assert re.search(said, message), message
    assert "nothing was imported, because an import overwrites no result" in message
    assert stored() == before


def test_another_figure_of_a_phase_is_refused(exported):
    rewrite(exported, "attempts", lambda line: [phase.update(duration_s=99.0) for phase in line["phases"]])
    assert re.search(r"phase \d \(\w+, \w+\) of attempt .*: duration_s is 99.0", refused("import_results", exported))


def test_another_trace_is_refused(exported):
    trace = next(exported.glob("traces/**/*.parquet"))
    trace.write_bytes(TRACE + b", longer")
    list_again(exported, trace)
    assert "has another power trace here" in refused("import_results", exported)


def test_a_flipped_byte_is_found_before_anything_is_written(exported):
    empty()
    for name in ("runs.jsonl", "entries.parquet", next(exported.glob("traces/**/*.parquet")).relative_to(exported)):
        path = exported / name
        good = path.read_bytes()
        path.write_bytes(good[:9] + bytes([good[9] ^ 1]) + good[10:])
        message = refused("import_results", exported)
        assert message.startswith(f"{path}: its SHA-256 is ")
        assert "copy the folder again, or export it again (nothing was imported)" in message
        path.write_bytes(good)
    assert not models.Hardware.objects.exists()


def test_a_missing_or_shortened_file_is_named(exported):
    empty()
    path = exported / "runs.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    assert re.search(r"runs\.jsonl: has \d+ bytes, but manifest\.json lists \d+", refused("import_results", exported))
    path.unlink()
    assert f"{path}: is missing" in refused("import_results", exported)
    (exported / "manifest.json").unlink()
    assert "manifest.json: is missing; name a folder that" in refused("import_results", exported)
    assert not models.Hardware.objects.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format_version": 4}, "format_version is 4 (written by full-cycle-energy-leaderboard"),
        ({"format_version": 4}, "but this site reads 3; update this site first"),
        ({"format_version": "1"}, "format_version is '1', but must be a number from 1"),
        ({"format": "recipes"}, "is no manifest of results"),
        ({"files": {}}, "does not list hardware.jsonl and its count"),
        ({"counts": []}, "lacks counts or files"),
    ],
)
def test_a_manifest_that_can_t_be_read_is_refused(exported, change, said):
    path = exported / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    before = stored()
    assert said in refused("import_results", exported)
    assert stored() == before


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname"])
def test_no_file_outside_the_folder_is_read(exported, name):
    path = exported / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["files"][name] = {"sha256": "0" * 64, "bytes": 1}
    path.write_text(json.dumps(manifest), "utf-8")
    assert f"the file {name!r} is not listed as one of the folder" in refused("import_results", exported)


PRIVATE = "imagefolder-upload-0123456789ab-private-7"


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("runs", lambda line: line.pop("mode"), "runs.jsonl:1: lacks, or has of its own, mode"),
        ("runs", lambda line: line.update(queued_at="noon"), "runs.jsonl: can't be read"),
        ("entries", lambda line: line.update(board=987), "boards.jsonl: lacks 987, which another file names"),
        ("attempts", lambda line: line.update(trace="traces/none"), "does not list the file traces/none"),
        ("entries", lambda line: line.update(source="both"), "the database refuses"),
        ("recipes", lambda line: line.update(track=PRIVATE), "recipes.jsonl: has private results"),
        ("boards", lambda line: line.update(track=PRIVATE), "boards.jsonl: has private results"),
    ],
)
def test_a_line_that_can_t_be_stored_leaves_nothing_behind(exported, settings, kind, change, said):
    empty()
    rewrite(exported, kind, change)
    files = sorted(Path(settings.MEDIA_ROOT).rglob("*"))
    assert said in refused("import_results", exported)
    assert not any(stored().values())
    assert sorted(Path(settings.MEDIA_ROOT).rglob("*")) == files


def test_an_existing_folder_is_not_written_over(exported, tmp_path):
    before = {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()}
    assert f"{exported} is not empty; name a folder that does not exist yet" in refused("export_results", exported)
    assert {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()} == before
    file = tmp_path / "file"
    file.write_text("")
    assert f"{file} is not a folder" in refused("export_results", file)
    (tmp_path / "empty").mkdir()
    assert (export(tmp_path / "empty") / "manifest.json").exists()


def test_an_export_that_fails_leaves_nothing(site, tmp_path, monkeypatch):
    monkeypatch.setattr(queries, "active_runs", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(tmp_path / "moved")
    assert [path.name for path in tmp_path.iterdir() if "moved" in path.name] == []
