"""glaciersar.plots.study_area"""

from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from matplotlib.colors import to_rgb

from glaciersar.errors import InputError
from glaciersar.grid import SVAL, Tile
from glaciersar.plots import printing, study_area
from glaciersar.plots.results import SUBSET_COLOURS
from tests.support.legends import stand_clear

SVALBARD = Path(__file__).resolve().parents[3] / "shared" / "data" / "svalbard"
SUBSETS = {
    Tile(column=10, row=38): "train",
    Tile(column=11, row=38): "train",
    Tile(column=12, row=39): "val",
    Tile(column=14, row=41): "test",
}
LAND = gpd.GeoDataFrame(geometry=[shapely.box(*Tile(column=11, row=38).bounds).buffer(8000)], crs=SVAL.crs)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_subsets_have_their_colours_and_counts_and_tiles_lie_where_they_are():
    figure = study_area.study_area_map(SUBSETS)
    axis = figure.axes[0]
    drawn = {tuple(part.get_facecolor()[0][:3]): part for part in axis.collections if len(part.get_facecolor())}
    assert set(drawn) == {to_rgb(colour) for colour in SUBSET_COLOURS.values()}
    boxes = [tuple(path.get_extents().extents) for path in drawn[to_rgb(SUBSET_COLOURS["train"])].get_paths()]
    assert boxes == [Tile(column=c, row=38).bounds for c in (10, 11)]
    assert legend(figure) == ["train, 2", "val, 1", "test, 1"]


def test_it_is_plain_whether_there_is_a_coast():
    bare, coast = study_area.study_area_map(SUBSETS), study_area.study_area_map(SUBSETS, coastline=LAND.to_crs(4326))
    assert bare.axes[0].get_title() == "4 tiles of 10 km\non the tile grid, no coastline given"
    assert coast.axes[0].get_title() == "4 tiles of 10 km\non the coastline"
    assert "land" in legend(coast)
    assert "land" not in legend(bare)


def test_the_graticule_is_labelled_where_it_meets_the_frame():
    axis = study_area.study_area_map(SUBSETS).axes[0]
    left, _ = axis.get_xlim()
    bottom, _ = axis.get_ylim()
    for ticks, labels, points in (
        (axis.get_xticks(), axis.get_xticklabels(), lambda at: (at, bottom)),
        (axis.get_yticks(), axis.get_yticklabels(), lambda at: (left, at)),
    ):
        assert len(ticks)
        for at, label in zip(ticks, labels, strict=True):
            (place,) = gpd.GeoSeries([shapely.Point(points(at))], crs=SVAL.crs).to_crs(4326)
            degrees, letter = label.get_text().split("° ")
            assert float(degrees) == pytest.approx(place.x if letter == "E" else place.y, abs=1e-3)


def test_the_scale_bar_is_as_long_as_it_says():
    axis = study_area.study_area_map(SUBSETS).axes[0]
    (bar,) = axis.lines
    (label,) = [text for text in axis.texts if "km" in text.get_text()]
    start, end = bar.get_xdata()
    assert end - start == 1000 * float(label.get_text().removesuffix(" km "))


@pytest.mark.parametrize("coastline", [None, LAND])
def test_it_is_fit_for_print(coastline, tmp_path):
    figure = study_area.study_area_map(SUBSETS, coastline=coastline)
    found = printing.measure(figure)
    assert found.smallest >= 8
    assert found.width <= 174
    assert found.covered == ""
    stand_clear(figure, tmp_path)


def write(folder, **columns):
    boxes = [shapely.box(*tile.bounds) for tile in SUBSETS]
    gpd.GeoDataFrame(columns, geometry=boxes, crs=SVAL.crs).to_file(folder / "tiles.gpkg")
    return folder / "tiles.gpkg"


def test_a_list_of_tiles_is_read_by_name(tmp_path):
    path = write(tmp_path, codename=[tile.name for tile in SUBSETS], subset=list(SUBSETS.values()))
    assert study_area.read_subsets(path) == SUBSETS


def test_a_list_of_other_columns_or_subsets_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="columns name, geometry found, codename and subset expected"):
        study_area.read_subsets(write(tmp_path, name=[tile.name for tile in SUBSETS]))
    path = write(tmp_path, codename=[tile.name for tile in SUBSETS], subset=["dev"] * 4)
    with pytest.raises(InputError, match="subset dev found, one of train, val, test expected"):
        study_area.read_subsets(path)


def test_a_note_names_what_is_drawn():
    assert study_area.name_sources("simulated radar") == "simulated radar"
    assert study_area.name_sources("simulated radar", glaciers="a.gpkg") == "simulated radar"
    assert (
        study_area.name_sources("simulated radar", "x/t.geojson", "land.gpkg", "a.gpkg")
        == "t.geojson, land.gpkg, a.gpkg"
    )


@pytest.mark.real
@pytest.mark.skipif(not SVALBARD.exists(), reason="no real data beside the checkout")
def test_the_published_tiles_lie_on_the_coast_of_svalbard(tmp_path):
    subsets = study_area.read_subsets(SVALBARD / "published-tiles-10km.geojson")
    land = gpd.read_file(SVALBARD / "land-gshhg.gpkg")
    figure = study_area.draw_study_area(
        tmp_path, tiles=SVALBARD / "published-tiles-10km.geojson", coastline=SVALBARD / "land-gshhg.gpkg"
    )
    assert figure.axes[0].get_title() == "747 published tiles of 10 km\non the coastline"
    assert legend(figure)[:3] == ["train, 448", "val, 149", "test, 150"]
    ground = land.to_crs(SVAL.crs).union_all()
    on_land = sum(ground.intersects(shapely.box(*tile.bounds)) for tile in subsets)
    assert on_land > 0.98 * len(subsets)  # a front may reach beyond the coast as it is drawn
    assert printing.measure(figure).covered == ""
