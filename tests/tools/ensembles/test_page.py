"""tools.ensembles.page"""

import pandas as pd
import pytest

from tools.ensembles import count, page


@pytest.fixture
def table():
    rows = {}
    for size in (1, 2, 4):
        for source in ("validation tiles", "other test tiles"):
            for part, wider in zip(count.PARTS, (0.0, 2.0, 1.0), strict=True):
                width = 4.0 + (wider if size > 1 else 0)
                rows[size, source, part] = {
                    "n": 48 // size, "coverage": 0.9 + wider / 50, "standard_error": 0.03, "width": width,
                    "score": width + 1, "bias": 0.0, "error": 1.0 / size, "verdict": "",
                }  # fmt: skip
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.index = pd.MultiIndex.from_tuples(rows, names=["networks", "source", "interval"])
    return frame


def test_the_page_says_simulated_how_many_networks_and_how_much_wider(tmp_path, table):
    spreads = pd.DataFrame({"spread": [2.0], "deviation": [1.0], "error": [0.5], "rank": [0.3]}, index=[4])
    page.write_page(
        tmp_path / "page.md", table, spreads, counts={"val": 16, "test": 48}, kinds=["unet3d seed 1"] * 4, wanted=6
    )
    text = (tmp_path / "page.md").read_text()
    assert "from 4 networks" in text
    assert "48 test landscapes" in text
    assert "6 seeds were wanted" in text
    assert "*simulated*" in text
    assert "1.50 times as wide" in " ".join(text.split())
    assert "0.90 → 0.94, nearer to 0.95" in " ".join(text.split())


def test_coverage_beyond_the_level_is_no_nearer(table):
    table.loc[(4, "validation tiles", "bound"), "coverage"] = 1.0
    assert "0.90 → 1.00, no nearer to 0.95" in page.conclude(table)
    assert "too few to tell" not in page.conclude(table)
    assert "100 landscapes are too few to tell" in page.conclude(table.assign(verdict="too few to tell"))


def test_the_figure_has_width_and_coverage_of_each_source(table):
    figure = page.draw(table)
    assert [axis.get_ylabel() for axis in figure.axes] == ["median width (km²)", "coverage"] * 2
    assert "simulated" in figure.get_suptitle()
    for axis in figure.axes[::2]:
        assert axis.get_ylim()[0] == 0
        assert axis.get_ylim()[1] > table["width"].max()
