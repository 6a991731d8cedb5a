"""Text that is too large, too clever or not YAML at all becomes a fault, never another exception."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measurement.documents import MAX_DOCUMENT_BYTES, DocumentError, read_document
from measurement.recipe import read_recipe

CLEVER = {
    "aliases that explode": "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]",
    "a merge": "a: &a {x: 1}\nb: {<<: *a}",
    "a date for a name": "2020-01-01: 1",
    "a boolean that is none": "a: !!bool maybe",
    "a number that is none": "a: !!int ''",
    "a time that is none": "a: !!timestamp soon",
    "a number of many digits": "seed: 0x" + "f" * 30_000,
    "sixties": "a: " + "9:" * 4_000 + "9",
    "a Python object": "a: !!python/object/apply:os.system ['true']",
    "deep nesting": "[" * 500 + "]" * 500,
    "a list": "- 1\n- 2",
    "nothing": "",
    "a name twice": "a: 1\na: 2",
    "not UTF-8": b"\xff\xfe",
    "a control character": "a: \x00",
    "10 MB": "a" * 10_000_000,
}


@pytest.mark.parametrize("text", CLEVER.values(), ids=CLEVER.keys())
def test_clever_text_is_refused_with_a_reason(text):
    with pytest.raises(DocumentError) as refused:
        read_recipe(text)
    assert all(fault.message for fault in refused.value.faults)


def test_the_limit_is_named():
    with pytest.raises(DocumentError, match="at most 65,536"):
        read_document("x" * (MAX_DOCUMENT_BYTES + 1))


def test_numbers_are_read_as_people_write_them():
    assert read_document("a: 1e-3\nb: 3\nc: 1.5e+2") == {"a": 1e-3, "b": 3, "c": 150.0}


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)))
def test_any_text_is_a_mapping_or_a_fault(text):
    with contextlib.suppress(DocumentError):
        assert isinstance(read_document(text), dict)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=20,
    )
)
def test_any_json_is_a_recipe_or_a_fault(value):
    import json

    with pytest.raises(DocumentError):
        read_recipe(json.dumps({"schema_version": 1, "model": value}))
