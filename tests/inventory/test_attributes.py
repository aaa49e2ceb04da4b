"""glaciersar.inventory.attributes"""

import xml.etree.ElementTree as ElementTree
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from glaciersar import outlines
from glaciersar.errors import InputError
from glaciersar.inference.calibration import IsotonicCalibration
from glaciersar.inventory import attributes, change, vectorize
from glaciersar.io import rasters
from tests.support.archives import write_raster

GRID = GeoBox.from_bbox((430_000, 8_780_000, 431_000, 8_780_800), "EPSG:32633", resolution=10, tight=True)  # 80 × 100
HALF = IsotonicCalibration(at=(-8.0, 8.0), value=(0.5, 1.0))


@pytest.fixture
def mapped(tmp_path, rng):
    """A map with two glaciers, of 40 × 30 and 20 × 50 pixels, and the dates of its series."""
    probability = rng.uniform(0.0, 0.4, (80, 100)).astype(np.float32)
    probability[10:50, 5:35] = rng.uniform(0.6, 1.0, (40, 30))
    probability[20:40, 45:95] = rng.uniform(0.6, 1.0, (20, 50))
    probability[0] = np.nan
    path = write_raster(tmp_path / "probability.tif", probability, GRID)
    with rasterio.open(path, "r+") as file:
        file.update_tags(dates="2020-01-04 2020-12-29 2020-07-02", model="unet3d")
    return path, probability


def test_polygons_get_the_attributes_of_the_inventory_and_of_the_map(mapped):
    path, probability = mapped
    traced = (
        vectorize.trace_glaciers(path).iloc[::-1].assign(rgi_id=["a", "b"], area_km2=[99.0, 99.0], zmed_m=[400, 500])
    )
    table = attributes.add_attributes(traced, path, weights="w.safetensors")
    assert table["rgi_id"].tolist() == ["a", "b"]
    assert "zmed_m" not in table  # measured for another state of the ice
    np.testing.assert_allclose(table["area_km2"], [0.12, 0.10], rtol=1e-3)
    np.testing.assert_allclose(table["perimeter_km"], [1.4, 1.4], rtol=1e-3)
    inside = [probability[10:50, 5:35].mean(), probability[20:40, 45:95].mean()]
    np.testing.assert_allclose(table["confidence"], inside, rtol=1e-5)
    assert set(table["src_date"]) == {"2020-07-02T00:00:00"}
    assert set(table["date_first"]) == {"2020-01-04"}
    assert set(table["date_last"]) == {"2020-12-29"}
    assert set(table["model"]) == {"unet3d"}
    assert set(table["weights"]) == {"w.safetensors"}
    places = gpd.GeoSeries(gpd.points_from_xy(table["cenlon"], table["cenlat"]), crs=4326).to_crs(traced.crs)
    assert places.within(traced.geometry.buffer(1e-3), align=False).all()
    assert table["utm_zone"].tolist() == [33, 33]


def test_confidence_is_calibrated_and_the_same_in_any_windows(mapped, monkeypatch):
    path, probability = mapped
    traced = vectorize.simplify_outlines(vectorize.trace_glaciers(path), pixel=10)
    whole = attributes.add_attributes(traced, path, calibration=HALF)["confidence"]
    raw = attributes.add_attributes(traced, path)["confidence"]
    assert (whole != raw).all()
    expected = HALF(probability)[outlines.to_mask(traced.iloc[:1], GRID)].mean()
    assert whole[0] == pytest.approx(expected)
    monkeypatch.setattr(rasters, "iter_windows", partial(rasters.iter_windows, side=17))
    np.testing.assert_allclose(attributes.add_attributes(traced, path, calibration=HALF)["confidence"], whole)


def test_a_map_without_tags_gives_empty_attributes(tmp_path):
    path = write_raster(tmp_path / "p.tif", np.full(GRID.shape, 0.9, np.float32), GRID)
    table = attributes.add_attributes(vectorize.trace_glaciers(path), path)
    assert table["src_date"].isna().all()
    assert table["n_dates"].tolist() == [0]
    assert table["model"].tolist() == [""]


def test_polygons_are_read_as_they_were_written_with_a_style_beside_them(mapped, tmp_path):
    path, _ = mapped
    table = attributes.add_attributes(vectorize.trace_glaciers(path).assign(rgi_id=["a", None]), path)
    written = attributes.write_outlines(tmp_path / "out" / "ice.gpkg", table)
    again = outlines.read_outlines(written, layer="glaciers")
    assert again.geometry.geom_equals(table.geometry).all()
    assert set(again.geom_type) == {"MultiPolygon"}
    pd.testing.assert_frame_equal(
        pd.DataFrame(again.drop(columns=["geometry", "src_date"])),
        pd.DataFrame(table.drop(columns=["geometry", "src_date"])),
        check_dtype=False,
        check_column_type=False,
    )
    style = ElementTree.parse(tmp_path / "out" / "ice.qml").getroot()
    assert style.tag == "qgis"
    assert style.find("renderer-v2").get("attr") in again.columns
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["ice.gpkg", "ice.qml"]


def test_the_same_polygons_give_the_same_bytes(mapped, tmp_path):
    table = attributes.add_attributes(vectorize.trace_glaciers(mapped[0]), mapped[0])
    one, other = (attributes.write_outlines(tmp_path / name / "ice.gpkg", table) for name in "ab")
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
def test_a_map_without_glacier_gives_a_file_without_polygons(tmp_path, suffix):
    path = write_raster(tmp_path / "p.tif", np.full(GRID.shape, 0.1, np.float32), GRID)
    whole = vectorize.trace_glaciers(write_raster(tmp_path / "q.tif", np.full(GRID.shape, 0.9, np.float32), GRID))
    divided = vectorize.split_by_glacier(
        vectorize.simplify_outlines(vectorize.trace_glaciers(path), pixel=10), whole.assign(rgi_id="a")
    )
    written = attributes.write_outlines(tmp_path / f"none{suffix}", attributes.add_attributes(divided, path))
    again = gpd.read_file(written) if suffix == ".gpkg" else gpd.read_parquet(written)
    assert len(again) == 0
    assert again.crs == GRID.crs
    lost = change.gained_and_lost(whole, divided)
    assert lost.groupby("change")["area_km2"].sum().to_dict() == {"lost": pytest.approx(0.8, rel=1e-3)}


def test_geoparquet_is_read_as_it_was_written(mapped, tmp_path):
    table = attributes.add_attributes(vectorize.trace_glaciers(mapped[0]), mapped[0])
    again = gpd.read_parquet(attributes.write_outlines(tmp_path / "ice.parquet", table))
    assert again.geometry.geom_equals(table.geometry).all()
    assert again.crs == table.crs


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
def test_a_full_disk_is_told_in_a_sentence_and_the_old_file_stays(mapped, tmp_path, full_disk, suffix):
    table = attributes.add_attributes(vectorize.trace_glaciers(mapped[0]), mapped[0])
    path = attributes.write_outlines(tmp_path / "out" / f"ice{suffix}", table)
    before = path.read_bytes()
    with full_disk(room=4096), pytest.raises(InputError, match=r"ice.* cannot be written") as error:
        attributes.write_outlines(path, pd.concat([table] * 400))
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, "ice.qml"]


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
def test_a_folder_that_may_not_be_written_is_told_in_a_sentence(mapped, tmp_path, read_only, suffix):
    table = attributes.add_attributes(vectorize.trace_glaciers(mapped[0]), mapped[0])
    folder = tmp_path / "closed"
    folder.mkdir()
    with read_only(folder), pytest.raises(InputError, match=r"ice\..* cannot be written .*Permission denied"):
        attributes.write_outlines(folder / f"ice{suffix}", table)
    assert not [*folder.glob("*")]
    with pytest.raises(InputError, match=r"\.gpkg or \.parquet expected"):
        attributes.write_outlines(folder / "ice.shp", table)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        attributes.write_outlines(tmp_path / "file" / f"ice{suffix}", table)


def test_the_classes_of_confidence_are_those_of_the_style():
    style = ElementTree.parse(attributes.STYLE).getroot()
    ranges = style.findall("renderer-v2/ranges/range")
    outlines_of = {
        symbol.get("name"): symbol.find(".//Option[@name='outline_color']").get("value").split(",")
        for symbol in style.findall("renderer-v2/symbols/symbol")
    }
    colours = {part.get("label"): outlines_of[part.get("symbol")] for part in ranges}
    assert {
        name: "#" + "".join(f"{int(k):02x}" for k in rgba[:3]) for name, rgba in colours.items()
    } == attributes.CONFIDENCE_COLOURS
    middles = pd.Series([(float(part.get("lower")) + float(part.get("upper"))) / 2 for part in ranges])
    assert attributes.confidence_class(middles).tolist() == [part.get("label") for part in ranges]


def test_polygons_of_another_coordinate_system_are_refused(mapped):
    with pytest.raises(InputError, match="EPSG:4326 expected"):
        attributes.add_attributes(vectorize.trace_glaciers(mapped[0]).to_crs(4326), mapped[0])


def test_utm_zones_are_those_of_the_world_and_the_wide_ones_of_svalbard():
    longitude = np.array([-180.0, 0.0, 15.0, 10.0, 8.0, 22.0, 34.0, 15.0])
    latitude = np.array([0.0, 0.0, 0.0, 78.0, 78.0, 78.0, 78.0, -75.0])
    assert attributes.utm_zone(longitude, latitude).tolist() == [1, 31, 33, 33, 31, 35, 37, 33]
