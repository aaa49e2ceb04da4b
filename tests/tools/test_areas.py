"""tools.areas"""

from pathlib import Path

import numpy as np

from tests import test_geodesy
from tools.areas import PLACES, compare, write


def test_areas_are_those_on_the_ground_in_every_system_that_the_tests_of_geodesy_have():
    assert {name: (where, list(systems)) for name, (where, systems) in PLACES.items()} == test_geodesy.PLACES
    table = compare()
    np.testing.assert_allclose(table["outline"], table["geodesic"], rtol=1e-6)
    np.testing.assert_allclose(table["pixels"], table["geodesic"], rtol=1e-3)
    np.testing.assert_allclose(table["geodesic"], np.pi * 25, rtol=1e-4)
    plane = table.set_index(["place", "system"])["in the plane"]
    mercator = plane[plane.index.get_level_values("system").str.startswith("EPSG:3857")]
    assert mercator["Svalbard"].iloc[0] > 20 * np.pi * 25


def test_the_page_in_the_documentation_is_what_the_tool_writes(tmp_path):
    write(tmp_path / "areas.md")
    assert (tmp_path / "areas.md").read_text() == Path("docs/areas.md").read_text()
