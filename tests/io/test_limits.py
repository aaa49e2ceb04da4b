"""glaciersar.io.limits"""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from glaciersar.errors import InputError
from glaciersar.io import limits
from glaciersar.io.limits import check_limit, check_ratio, parse_json, parse_yaml, read_json, read_yaml

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES)
def test_json_is_parsed_as_by_the_library(value):
    assert parse_json(json.dumps(value)) == value


@given(VALUES)
def test_yaml_is_parsed_as_by_the_library(value):
    text = yaml.safe_dump(value)
    assert parse_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("levels", [70, 1000, 100_000])
@pytest.mark.parametrize("parse", [parse_json, parse_yaml])
def test_deep_texts_are_refused(opening, levels, parse):
    text = opening * levels + "1" + {"[": "]"}.get(opening, "}") * levels
    with pytest.raises(ValueError, match="more than 64 levels found"):
        parse(text)


def test_aliases_that_multiply_are_refused_before_anything_is_made_of_them():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 9))
    with pytest.raises(ValueError, match="those that aliases repeat counted each time"):
        parse_yaml(bomb)
    with pytest.raises(ValueError, match="a value that holds itself"):
        parse_yaml("&a [*a]")


def test_aliases_within_reason_pass():
    assert parse_yaml("a: &a {b: 1}\nc: {<<: *a, d: 2}") == {"a": {"b": 1}, "c": {"b": 1, "d": 2}}


@pytest.mark.parametrize("text", ["{", "!!python/object:os.system {}", "{[a]: 1}", "? {a: 1}\n", "2020-99-99", "\x00"])
def test_what_is_no_plain_yaml_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        parse_yaml(text)


def test_texts_that_are_too_large_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text(json.dumps("a" * 100))
    assert read_json(path) == read_yaml(path) == "a" * 100
    monkeypatch.setenv("GLACIERSAR_MAX_TEXT_BYTES", "50")
    monkeypatch.setenv("GLACIERSAR_MAX_YAML_BYTES", "50")
    for read in (read_json, read_yaml):
        with pytest.raises(InputError, match=r"a\.json: 102 bytes found, at most 50 expected \(GLACIERSAR_MAX_"):
            read(path)


def test_a_limit_is_the_environments_where_it_says_one(monkeypatch):
    check_limit(limits.LIMITS["PIXELS"], "PIXELS", "a.tif")
    monkeypatch.setenv("GLACIERSAR_MAX_PIXELS", "1e3")
    with pytest.raises(InputError, match=r"^a\.tif: 1001 pixels found, at most 1000 expected"):
        check_limit(1001, "PIXELS", "a.tif")
    monkeypatch.setenv("GLACIERSAR_MAX_PIXELS", "many")
    with pytest.raises(InputError, match="GLACIERSAR_MAX_PIXELS=many found, a positive number expected"):
        check_limit(1, "PIXELS", "a.tif")


def test_a_header_may_ask_for_what_its_file_can_hold():
    check_ratio(2**28, 10, "a.tif")
    check_ratio(2**31, 2**21, "a.tif")
    with pytest.raises(InputError, match=r"a\.tif: 4294967296 bytes by its header found, which the 1000 bytes"):
        check_ratio(2**32, 1000, "a.tif")
