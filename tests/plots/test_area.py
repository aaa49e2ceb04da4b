"""glaciersar.plots.area"""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from matplotlib.colors import to_rgba

from glaciersar.plots import area as area_plots
from tests.support.legends import stand_clear


def test_reliability_draws_the_bins_that_hold_pixels_enough():
    table = pd.DataFrame({"pixels": [1, 40_000, 60_000], "confidence": [0.1, 0.7, 0.9], "accuracy": [1.0, 0.6, 0.95]})
    axis, below = area_plots.reliability_diagram({"none": table}).axes
    np.testing.assert_allclose(axis.lines[1].get_xydata(), [[0.7, 0.6], [0.9, 0.95]])
    np.testing.assert_allclose(below.lines[0].get_ydata(), [0.4, 0.6])


def test_intervals_that_miss_the_truth_stand_out_and_are_counted():
    frame = pd.DataFrame({"truth": [5.0, 5.0], "expected": [4.0, 9.0]})
    for name in area_plots.INTERVALS:
        frame[f"low_{name}"], frame[f"high_{name}"] = frame["expected"] - 2, frame["expected"] + 2
    axis = area_plots.interval_coverage_plot(frame).axes[1]
    assert axis.get_title() == "residuals: 50.0% of 2 hold it"
    holds, misses = axis.collections[0].get_colors()
    assert tuple(misses) == to_rgba("#d00000")
    assert tuple(holds) == to_rgba(area_plots.INTERVALS["residuals"])
    np.testing.assert_allclose(axis.collections[0].get_segments()[1][:, 1], [2, 6])  # 7 to 11, less the 5 in truth
    without = frame.drop(columns=["low_boundary", "high_boundary"])
    axes = area_plots.interval_coverage_plot(without, unit="change (km² a year)").axes
    assert [axis.get_title().partition(":")[0] for axis in axes] == ["blocks", "residuals"]
    assert axes[0].get_ylabel() == "interval − true change (km² a year)"


def test_a_kind_of_interval_that_no_landscape_has_has_no_panel_and_one_without_it_does_not_count():
    frame = pd.DataFrame({"truth": [5.0, 5.0, 5.0], "expected": [4.0, 5.0, 6.0]})
    frame["low_residuals"], frame["high_residuals"] = [3.0, 4.0, 5.5], [6.0, 6.0, 6.5]
    frame["low_blocks"] = frame["high_blocks"] = np.nan
    frame["low_boundary"], frame["high_boundary"] = [np.nan, 0.0, 0.0], [np.nan, 9.0, 9.0]
    titles = [axis.get_title() for axis in area_plots.interval_coverage_plot(frame).axes]
    assert titles == ["residuals: 66.7% of 3 hold it", "boundary: 100.0% of 2 hold it"]


def test_changes_too_small_to_detect_are_a_band_about_none():
    table = pd.DataFrame(
        {"area": [1.0, -4.0], "low": [-1.0, -5.0], "high": [3.0, -3.0], "detectable": [2.0, 1.5]}, index=["A", "B"]
    )
    axis = area_plots.interval_plot(table).axes[0]
    bands = [(bar.get_x(), bar.get_width()) for bar in axis.patches]
    assert bands == [(-2.0, 4.0), (-1.5, 3.0)]
    assert not area_plots.interval_plot(table.drop(columns="detectable")).axes[0].patches


def test_areas_stand_in_their_order_from_the_top_with_what_is_true():
    table = pd.DataFrame(
        {"area": [3.0, 8.0], "low": [2.0, 7.0], "high": [4.0, 9.0], "true": [3.5, 7.5]}, index=["A", "B"]
    )
    axis = area_plots.interval_plot(table).axes[0]
    ticks = dict(zip((label.get_text() for label in axis.get_yticklabels()), axis.get_yticks(), strict=True))
    assert ticks["A"] > ticks["B"]
    expected, true = axis.lines
    np.testing.assert_allclose(expected.get_xydata(), [[3, ticks["A"]], [8, ticks["B"]]])
    np.testing.assert_allclose(true.get_xdata(), [3.5, 7.5])


def test_outlines_have_the_colour_of_their_confidence_and_panels_one_extent():
    ice = gpd.GeoDataFrame({"confidence": [0.99]}, geometry=[shapely.box(0, 0, 1000, 2000)], crs="EPSG:32633")
    other = ice.assign(confidence=0.5).translate(5000, 0)
    panels = {"2016": ice, "2020": gpd.GeoDataFrame({"confidence": [0.5]}, geometry=other), "2024": ice.iloc[:0]}
    axes = area_plots.outline_map(panels).axes
    assert [axis.get_title() for axis in axes] == list(panels)
    assert [axis.get_xlim() for axis in axes] == [(0, 6000)] * 3
    edges = [[tuple(part.get_edgecolor()[0]) for part in axis.collections] for axis in axes]
    assert edges == [[to_rgba("#1f78b4")], [to_rgba("#d95f02")], []]


def test_advance_and_retreat_have_their_colours():
    ice = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1000, 1000)], crs="EPSG:32633")
    changed = gpd.GeoDataFrame({"change": ["lost"]}, geometry=[shapely.box(0, 0, 500, 500)], crs="EPSG:32633")
    axis = area_plots.change_map({"here": changed}, {"here": ice}).axes[0]
    assert axis.get_title() == "here"
    assert [tuple(part.get_facecolor()[0]) for part in axis.collections][1:] == [
        to_rgba(area_plots.CHANGE_COLOURS["lost"])
    ]


def test_panels_of_change_have_one_extent():
    parts = {
        name: gpd.GeoDataFrame({"change": ["lost"]}, geometry=[shapely.box(left, 0, left + 500, 500)], crs="EPSG:32633")
        for name, left in (("mapped", 0), ("true", 4000))
    }
    figure = area_plots.change_map(parts, parts)
    assert [(axis.get_xlim(), axis.get_ylim()) for axis in figure.axes] == [((0, 4500), (0, 500))] * 2


def intervals(count):
    rows = {f"SVAL-2{k}-28_2020_ro174": {"area": k + 2.0, "low": k, "high": k + 4.0, "true": k} for k in range(count)}
    return pd.DataFrame.from_dict(rows, orient="index")


CALIBRATED = pd.DataFrame({"pixels": 10_000, "confidence": [0.5, 0.7, 0.9], "accuracy": [0.9, 0.97, 1.0]})
ICE = gpd.GeoDataFrame({"confidence": [0.99]}, geometry=[shapely.box(0, 0, 9000, 9000)], crs="EPSG:32633")
LOST = gpd.GeoDataFrame({"change": ["lost"]}, geometry=[shapely.box(0, 0, 4000, 4000)], crs="EPSG:32633")
RULES = ("as the model says", "isotonic", "temperature", "shannon")
WITH_LEGEND = {
    "reliability": lambda: area_plots.reliability_diagram(dict.fromkeys(RULES, CALIBRATED)),
    "three areas": lambda: area_plots.interval_plot(intervals(3)),
    "changes": lambda: area_plots.interval_plot(intervals(3).assign(detectable=1.0)),
    "many areas": lambda: area_plots.interval_plot(intervals(24)),
    "outlines of one year": lambda: area_plots.outline_map({"2016": ICE}),
    "outlines of three years": lambda: area_plots.outline_map(dict.fromkeys(("2016", "2020", "2024"), ICE)),
    "change": lambda: area_plots.change_map(dict.fromkeys(("mapped", "true"), LOST), {"mapped": ICE, "true": ICE}),
}


@pytest.mark.parametrize("name", WITH_LEGEND)
def test_the_legend_stands_clear_of_the_panels(name, tmp_path):
    stand_clear(WITH_LEGEND[name](), tmp_path)
