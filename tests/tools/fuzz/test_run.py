"""tools.fuzz.run: a small part of what docs/fuzz.md counts, and that every kind of fault is seen."""

import ctypes
import time

import numpy as np
import pytest

from glaciersar.errors import InputError
from tools.fuzz import run
from tools.fuzz.__main__ import is_fault, page
from tools.fuzz.formats import FORMATS, Format, digest
from tools.fuzz.run import CRASH, DIFFERENT, HANG, OUTCOMES, SAME, SENTENCE, TRACEBACK, Result, read_apart, run_cases

EACH = 20


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_spoilt_files_give_a_result_or_a_sentence(name, tmp_path):
    results = list(run_cases(name, range(EACH), tmp_path, seed=1))
    assert [result for result in results if is_fault(result)] == []
    assert len(results) == EACH
    assert any(result.outcome == SENTENCE for result in results)


@pytest.mark.slow
def test_a_case_is_the_same_alone(tmp_path):
    results = list(run_cases("calibration", range(5), tmp_path, seed=3))
    assert list(run_cases("calibration", range(4, 5), tmp_path, seed=3)) == results[4:]


def sentence(path):
    raise InputError("a.tif: nothing found, something expected")


def several_lines(path):
    raise InputError("a.tif: nothing found\n, something expected")


def greedy(path):
    return np.ones(2**32)


def silent(path):
    raise SystemExit(0)


FAULTY = {
    SENTENCE: sentence,
    TRACEBACK: lambda path: 1 / 0,
    "several lines": several_lines,
    "memory": greedy,
    "exit": silent,
    CRASH: lambda path: ctypes.string_at(0),
    HANG: lambda path: time.sleep(100),
    SAME: lambda path: 3,
}


@pytest.mark.parametrize("kind", FAULTY)
def test_every_outcome_is_told_apart(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "SECONDS", 2 if kind == HANG else 60)
    form = Format(file="a", write=lambda path, rng: None, read=FAULTY[kind])
    outcome, said = read_apart(form, tmp_path / "a")
    assert outcome == (kind if kind in OUTCOMES else TRACEBACK)
    assert kind != SAME or said == digest(3)


def test_a_silent_change_is_a_fault_only_where_a_checksum_covers_all():
    faults = {name for name in FORMATS if is_fault(Result(format=name, case=0, outcome=DIFFERENT))}
    assert faults == {"manifest", "safetensors", "calibration"}


def test_the_hash_of_what_was_read_tells_values_types_and_order_apart():
    values = [
        np.arange(3),
        np.arange(3.0),
        np.arange(3)[:, None],
        [1, 2],
        [2, 1],
        "1",
        1,
        1.0,
        None,
        {"a": 1},
        {"b": 1},
    ]
    assert len({digest(value) for value in values}) == len(values)
    assert digest(np.arange(6).reshape(2, 3).T) == digest(np.arange(6).reshape(2, 3).T.copy())


def test_the_page_counts_every_outcome():
    results = [Result(format="map", case=k, outcome=outcome) for k, outcome in enumerate([SAME, SENTENCE, SENTENCE])]
    text = page(results, 3, 7)
    assert "| map | 1 | 2 | 0 | 0 | 0 | 0 |" in text
    assert "| all | 1 | 2 | 0 | 0 | 0 | 0 |" in text
    assert "--seed 7" in text
