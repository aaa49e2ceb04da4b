"""The simulator, held to what is known; each number has its source in `tools.simulator_facts.FACTS`."""

import numpy as np
import pandas as pd
import pytest

from glaciersar.simulate.settings import ArchiveSettings
from tools.simulator_facts import FACTS, compare, standard_errors, write

pytestmark = pytest.mark.slow

COLUMNS = [
    *("all", "sea", "upper", "low", "lowest", "highest", "perimeter", "ice 2016", "ice 2020", "drift"),
    *("both usual", "either usual", "both hard", "either hard", "firn winter deviation"),
    *("firn winter", "firn august", "tongue august"),
]


@pytest.fixture(scope="module")
def table():
    """Eight landscapes of 20 km, coarse; docs/simulator.md has more of them, finer."""
    return compare(8, pixel=80.0).set_index("quantity")


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_the_simulator_keeps_to_what_is_known(table, fact):
    row = table.loc[fact.name]
    simulated = f"{row['simulated']:.3f} ± {row['standard error']:.3f} simulated"
    assert row["within"], f"{simulated}, {fact.known} known ({fact.source})"


def test_the_error_of_a_mean_of_landscapes_is_its_standard_error(rng):
    table = pd.DataFrame(rng.uniform(1, 2, (9, len(COLUMNS))), columns=COLUMNS).assign(all=400.0)
    shares = table["sea"] / 400
    error = standard_errors(table)["sea of a landscape (fraction)"]
    assert error == pytest.approx(shares.std(ddof=1) / np.sqrt(len(table)))


def test_every_fact_has_a_source_and_a_band_about_what_is_known():
    for fact in FACTS:
        assert fact.source
        assert fact.low < fact.high


def test_the_page_names_every_quantity_and_its_source(tmp_path, monkeypatch):
    table = write(tmp_path / "simulator.md", count=2, pixel=200.0)
    text = (tmp_path / "simulator.md").read_text()
    for fact in FACTS:
        assert fact.name in text
        assert fact.source in text
    assert len(table) == len(FACTS)
    assert ArchiveSettings().tiles_per_side == 2  # landscapes are those of an archive
