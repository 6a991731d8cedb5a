"""What `make check` says of the images' pins: a fault fails, and packages that could not be looked up are named."""

from __future__ import annotations

from deploy.pins import verdict

WELL = {"name": "django", "version": "5.2.19", "vulns": []}
FAULTY = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-2020-1", "fix_versions": ["6.2"]}]}
SKIPPED = {"name": "torch", "version": "2.14.1", "skip_reason": "Dependency not found on PyPI"}


def test_no_known_fault():
    assert verdict([WELL]) == "1 packages have no known fault."


def test_a_fault_is_named_with_the_version_that_mends_it():
    assert verdict([WELL, FAULTY]) == "pillow 1.0: PYSEC-2020-1, fixed in 6.2"


def test_what_could_not_be_looked_up_is_no_pass():
    assert verdict([WELL, SKIPPED]) == "NOT AUDITED, not in PyPI's list: torch."
    assert verdict([SKIPPED]).startswith("NOT AUDITED: ")
