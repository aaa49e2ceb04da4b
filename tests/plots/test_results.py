"""glaciersar.plots.results"""

from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from matplotlib.colors import to_rgb

from glaciersar.grid import SVAL, Tile
from glaciersar.plots import results
from glaciersar.scenes.scene import Scene
from tests.support.legends import stand_clear


def test_tiles_stand_side_by_side_above_their_reference(rng):
    names = ("SVAL-1-1_2020_ro14", "SVAL-1-2_2020_ro14", "SVAL-2-2_2020_ro174")
    examples = [
        results.Example(name=name, backscatter=rng.normal(-10, 3, (8, 8)), reference=rng.random((8, 8)) > 0.5)
        for name in names
    ]
    figure = results.tile_strip(examples)
    assert len(figure.axes) == 6
    assert [axis.get_title() for axis in figure.axes[:3]] == [
        "SVAL-1-1\n2020, orbit 14",
        "SVAL-1-2\n2020, orbit 14",
        "SVAL-2-2\n2020, orbit 174",
    ]


def test_the_split_map_colours_each_tile_by_its_subset():
    split = {Tile(column=c, row=1): s for c, s in enumerate(("train", "val", "test"))}
    outlines = gpd.GeoDataFrame(geometry=[shapely.box(*Tile(column=1, row=1).bounds).buffer(-2000)], crs=SVAL.crs)
    figure = results.split_map({"random": split, "blocks": split}, outlines)
    colours = {tuple(c.get_facecolor()[0][:3]) for c in figure.axes[0].collections}
    assert {to_rgb(colour) for colour in results.SUBSET_COLOURS.values()} <= colours


def test_a_year_of_backscatter_has_a_line_and_a_band_for_each_class():
    figure = results.backscatter_year(year_of_backscatter())
    assert [len(axis.lines) for axis in figure.axes] == [2, 2]
    assert [len(axis.collections) for axis in figure.axes] == [2, 2]


def test_a_series_is_shown_on_one_stretch(rng):
    times = [datetime(2020, month, 1, tzinfo=UTC) for month in range(1, 8)]
    figure = results.series_strip(rng.normal(-10, 3, (7, 8, 8)), times, columns=3)
    images = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(images) == 7
    assert len({image.get_clim() for image in images}) == 1
    assert figure.axes[6].get_title() == "2020-07-01"


def test_the_dates_that_stand_for_a_year_are_ringed_and_the_longest_gap_is_marked():
    times = [datetime(2020, 1, day, tzinfo=UTC) for day in (1, 13, 25)]
    scenes = [Scene(id=str(t), time=t, relative_orbit=14, orbit_state="ascending", hrefs={}) for t in times]
    (axis,) = results.date_coverage(scenes, {(2020, 14): times[::2]}).axes
    dots, rings, wishes = axis.collections
    np.testing.assert_array_equal(dots.get_offsets()[:, 0], [1, 13, 25])
    np.testing.assert_array_equal(rings.get_offsets()[:, 0], [1, 25])
    assert len(wishes.get_segments()) == 15
    (gap,) = axis.patches
    assert (gap.get_x(), gap.get_width()) == (25, 342)  # 25 January to the end of the leap year
    assert [text.get_text() for text in axis.texts] == ["7% near, gap 342 d"]


def test_training_curves_have_a_line_for_each_model():
    log = pd.DataFrame({"epoch": [1, 2], "loss": [0.2, 0.1], "val_loss": [0.3, 0.2], "val_iou": [0.4, 0.5]})
    losses, ious = results.training_curves({"unet3d": log, "ulstm": log}).axes
    assert len(losses.lines) == 4
    assert [line.get_label() for line in ious.lines] == ["unet3d", "ulstm"]


def test_the_inter_annotator_agreement_stands_in_the_figure_of_scores():
    scores = pd.DataFrame({"model": ["unet3d"] * 3, "tile": ["a", "b", "c"], "iou": [0.5, 0.6, np.nan]})
    (axis,) = results.iou_by_tile(scores, agreement=0.9).axes
    assert any(np.allclose(line.get_xdata(), 0.9) for line in axis.lines)
    assert sum(len(points.get_offsets()) for points in axis.collections) == 2


def test_the_figure_of_scores_is_the_same_every_time(tmp_path, rng):
    scores = pd.DataFrame({"model": ["unet3d", "ulstm"] * 20, "iou": rng.random(40)})
    for name in ("one", "other"):
        results.save_figure(results.iou_by_tile(scores), tmp_path / f"{name}.png", note="")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


def test_a_map_lies_where_its_grid_says(rng):
    geobox = Tile(column=10, row=38).geobox(pixel=1000)
    figure = results.glacier_map(rng.random((10, 10)), geobox, background=rng.normal(-10, 3, (10, 10)))
    radar, found = (axis.images[0] for axis in figure.axes[:2])
    left, bottom, right, top = Tile(column=10, row=38).bounds
    assert tuple(radar.get_extent()) == tuple(found.get_extent()) == (left, right, bottom, top)


def test_a_series_without_dates_is_numbered(rng):
    figure = results.series_strip(rng.random((7, 4, 4)), ())
    assert [axis.get_title() for axis in figure.axes[:7]] == [f"date {k}" for k in range(1, 8)]


def year_of_backscatter():
    times = pd.date_range("2020-01-10", periods=15, freq="24D", tz="UTC")
    return pd.concat(
        pd.DataFrame({"panel": panel, "time": times, "kind": kind, "low": -15.0, "median": -10.0, "high": -5.0})
        for panel in ("2016, relative orbit 14", "2020, relative orbit 14")
        for kind in ("glacier", "land and sea")
    )


def logs(*names):
    rng, epoch = np.random.default_rng(1), np.arange(1, 19)
    return {
        name: pd.DataFrame(
            {"epoch": epoch} | {kind: rng.uniform(0.1, 0.6, 18) for kind in ("loss", "val_loss", "val_iou")}
        )
        for name in names
    }


def passes(*orbits):
    times = [datetime(2020, month, 7, tzinfo=UTC) for month in range(1, 13)]
    return [
        Scene(id=f"{orbit} {time}", time=time, relative_orbit=orbit, orbit_state="ascending", hrefs={})
        for orbit in orbits
        for time in times
    ]


def map_with_outlines():
    rng, tile = np.random.default_rng(1), Tile(column=10, row=38)
    drawn = gpd.GeoDataFrame(geometry=[shapely.box(*tile.bounds).buffer(-2000)], crs=SVAL.crs)
    values = rng.random((50, 50))
    return results.glacier_map(values, tile.geobox(pixel=200), background=values, outlines=drawn)


SPLIT = {Tile(column=c, row=r): s for r in range(3) for c, s in enumerate(("train", "val", "test"))}
WITH_LEGEND = {
    "split": lambda: results.split_map({"random": SPLIT, "blocks": SPLIT}),
    "a single split": lambda: results.split_map({"as in the files": SPLIT}),
    "year": lambda: results.backscatter_year(year_of_backscatter()),
    "dates of one orbit": lambda: results.date_coverage(passes(14), {}),
    "dates of four orbits": lambda: results.date_coverage(passes(14, 174, 43, 112), {}),
    "training of one model": lambda: results.training_curves(logs("unet3d")),
    "training of four models": lambda: results.training_curves(logs("unet2d", "unet3d", "ulstm", "unet3d-as_released")),
    "map": map_with_outlines,
}


@pytest.mark.parametrize("name", WITH_LEGEND)
def test_the_legend_stands_clear_of_the_panels(name, tmp_path):
    stand_clear(WITH_LEGEND[name](), tmp_path)
