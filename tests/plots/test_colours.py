"""The colours of figures, as people see them who lack the cones for green or for red."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from glaciersar.plots import area, errors_map, layout, results

# Viénot, Brettel and Mollon (1999): linear RGB as a dichromat sees it
KINDS = {
    "deuteranopia": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
    "protanopia": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "full": np.eye(3),
}
SETS = {
    "subsets": results.SUBSET_COLOURS,
    "errors": errors_map.ERROR_COLOURS,
    "classes": results.COLOURS,
    "change": area.CHANGE_COLOURS,
    "intervals": area.INTERVALS,
}
LEAST = 18  # of CIE 1976 ΔE; 2.3 is just noticeable


def lab(rgb, seen_by):
    """Convert sRGB to CIE L*a*b* (D65) after what a kind of sight does to it."""
    linear = np.where(np.asarray(rgb) <= 0.04045, np.asarray(rgb) / 12.92, ((np.asarray(rgb) + 0.055) / 1.055) ** 2.4)
    linear = np.clip(KINDS[seen_by] @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz / (0.9505, 1, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one, other, seen_by):
    return np.linalg.norm(lab(to_rgb(one), seen_by) - lab(to_rgb(other), seen_by))


def test_the_measure_finds_the_pair_that_the_green_blind_confuse():
    assert difference("#d7191c", "#1a9641", "full") > 100
    assert difference("#a52a2a", "#556b2f", "deuteranopia") < LEAST < difference("#a52a2a", "#556b2f", "full")


@pytest.mark.parametrize("seen_by", KINDS)
@pytest.mark.parametrize("name", SETS)
def test_colours_of_one_figure_are_told_apart(name, seen_by):
    for one, other in combinations(SETS[name].items(), 2):
        assert difference(one[1], other[1], seen_by) > LEAST, f"{one[0]} and {other[0]}"


@pytest.mark.parametrize("seen_by", KINDS)
def test_the_first_lines_of_the_style_are_told_apart(seen_by):
    with plt.style.context(layout.STYLE):
        colours = plt.rcParams["axes.prop_cycle"].by_key()["color"][:4]
    for one, other in combinations([f"#{c.lstrip('#')}" for c in colours], 2):
        assert difference(one, other, seen_by) > LEAST


def test_the_outlines_are_seen_on_every_grey_of_the_radar_below_them():
    for grey in errors_map.GREYS:
        for line in (errors_map.REFERENCE, errors_map.MAPPED):
            assert abs(lab(to_rgb(line), "full")[0] - lab(grey[:3], "full")[0]) > LEAST
