"""tools.parity"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tools import parity

TABLE = Path(__file__).resolve().parents[2] / "docs" / "parity.md"


def rows():
    """Cells of the rows of the committed tables, by what is compared."""
    lines = [
        re.split(r" *\| *", line.strip("| \n")) for line in TABLE.read_text().splitlines() if line.startswith("| ")
    ]
    return {what: list(map(float, cells)) for what, *cells in lines if what != "largest difference"}


def test_the_committed_table_holds_every_check_with_its_tolerance_and_keeps_it():
    checks = {check.what: check.tolerance for check in (*parity.NETWORK_CHECKS, *parity.OTHER_CHECKS)}
    found = rows()
    assert list(found) == list(checks)
    for what, (*differences, tolerance) in found.items():
        assert tolerance == checks[what], what
        assert len(differences) == (4 if what in {c.what for c in parity.NETWORK_CHECKS} else 1)
        assert max(differences) <= tolerance, what


@pytest.mark.parametrize(
    ("found", "expected", "apart"),
    [
        ([1.0, 2.0], [1.0, 2.5], 0.5),
        ([1.0, np.nan], [1.5, np.nan], 0.5),
        ([1.0, np.nan], [1.0, 2.0], np.inf),
        ([1.0, 2.0], [1.0, np.nan], np.inf),
        ([1.0], [1.0, 1.0], np.inf),
    ],
)
def test_a_difference_is_the_largest_one_and_infinite_where_only_one_is_missing(found, expected, apart):
    assert parity._apart(np.array(found), np.array(expected)) == apart


def test_the_tables_are_written_as_markdown(tmp_path, monkeypatch):
    networks = pd.DataFrame({"unet3d": [3.14e-7], "tolerance": [5e-6]}, index=["probabilities"])
    others = pd.DataFrame({"difference": [0.0], "tolerance": [1e-6]}, index=["loss"])
    monkeypatch.setattr(parity, "tables", lambda folder: (networks, others))
    parity.write("unused", tmp_path / "docs" / "parity.md")
    text = (tmp_path / "docs" / "parity.md").read_text()
    assert re.search(r"\| probabilities +\| 3e-07 +\| 5e-06 +\|", text)
    assert re.search(r"\| loss +\| 0e\+00 +\| 1e-06 +\|", text)
