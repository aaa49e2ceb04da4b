import copy
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from odc.geo.geobox import GeoBox

from glaciersar import models, radiometry
from glaciersar.errors import InputError
from glaciersar.inference import large_raster, resumable, sliding_window
from glaciersar.inference.sliding_window import Tiling
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_series
from tests.support.archives import write_folder, write_raster, year_of_dates
from tests.support.streams import GRID, SHARPER, TILES, PixelModel, Source, give_up, ready, run, shares, values


@pytest.mark.parametrize("window", [24, 47, 90, 500])
@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 0.8])
def test_a_map_that_streams_is_the_one_made_in_memory_bit_for_bit(tmp_path, window, overlap):
    source, model = Source(), models.build("unet3d", width=2)
    tiling = Tiling(window=window, overlap=overlap, sigma=0.4, halo=3)
    run(tmp_path / "probability.tif", network=model, source=source, tiling=tiling)
    whole = source.whole()
    expected = sliding_window.map_array(ready(model), whole.series[None], valid=whole.valid, tiling=tiling)
    np.testing.assert_array_equal(values(tmp_path / "probability.tif"), expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["glacier.tif", "probability.tif"]


def test_every_window_is_read_once_and_mapped_only_where_there_is_radar(tmp_path):
    source, model = Source(), PixelModel()
    mapped = run(tmp_path / "probability.tif", network=model, source=source)
    layout = sliding_window.WindowLayout.over(tuple(GRID.shape), TILES)
    valid = source.whole().valid
    windows = [layout.window(row, column) for row in range(len(layout.tops)) for column in range(len(layout.lefts))]
    assert source.reads == len(windows)
    assert model.windows == sum(valid[window].any() for window in windows) < len(windows)
    assert (mapped.valid, mapped.written, mapped.pixels) == (valid.sum(), valid.sum(), valid.size)
    assert mapped.filled_fraction == pytest.approx(source.whole().filled_fraction)


def test_the_finished_pixels_of_all_windows_make_up_the_raster():
    for window, overlap in [(32, 0.2), (32, 0.9), (7, 0), (1, 0), (500, 0.5)]:
        layout = sliding_window.WindowLayout.over((57, 83), Tiling(window=window, overlap=overlap))
        times = np.zeros((57, 83), int)
        for row in range(len(layout.tops)):
            for column in range(len(layout.lefts)):
                times[layout.finished(row, column)] += 1
        assert (times == 1).all()


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_mask_and_confidence_tell_no_data_from_no_glacier(tmp_path, dtype):
    source = Source()
    mapped = run(tmp_path / "probability_2020.tif", source=source, dtype=dtype, calibration=SHARPER, model="anything")
    whole = source.whole()
    logit = np.where(whole.valid, (whole.series[0].astype(float) - 0.665) * 60, np.nan)
    expected = 1 / (1 + np.exp(-logit))
    tolerance = 1e-5 if dtype == "float32" else 1 / 254
    np.testing.assert_allclose(shares(mapped.probability), expected, atol=tolerance)
    np.testing.assert_allclose(shares(mapped.confidence), 1 / (1 + np.exp(-2 * np.abs(logit))), atol=tolerance)
    glacier = np.where(whole.valid, logit > 0, 255)
    np.testing.assert_array_equal(values(mapped.glacier), glacier)
    np.testing.assert_array_equal(shares(mapped.probability) > 0.5, glacier == 1)
    assert mapped.glacier_fraction == pytest.approx((logit > 0)[whole.valid].mean())
    for path in mapped.files:
        with rasterio.open(path) as file:
            assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert (file.transform, file.crs.to_epsg()) == (GRID.affine, 32633)
            np.testing.assert_array_equal(file.read_masks(1) > 0, whole.valid)
    assert mapped.confidence.name == "confidence_2020.tif"


def test_a_confidence_of_an_earlier_map_does_not_stay_beside_another(tmp_path):
    run(tmp_path / "probability.tif", calibration=SHARPER)
    run(tmp_path / "probability.tif")
    assert not (tmp_path / "confidence.tif").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"overlap": 1.0}, "overlap=1.0"),
        ({"window": 0}, "window=0"),
        ({"sigma": 0.0}, "sigma=0.0"),
        ({"halo": -1}, "halo=-1"),
        ({"dtype": "int16"}, "dtype='int16' found, one of float32, uint8 expected"),
    ],
)
def test_an_impossible_setting_is_refused_before_anything_is_read_or_written(tmp_path, setting, message):
    source = Source()
    with pytest.raises(InputError, match=message):
        run(tmp_path / "probability.tif", source=source, **setting)
    assert not source.reads
    assert not list(tmp_path.iterdir())


def test_an_empty_area_and_one_without_radar_are_refused_and_leave_nothing(tmp_path):
    source = Source()
    source.power[:] = np.nan
    with pytest.raises(InputError, match="no radar found in 100 × 130 pixels"):
        run(tmp_path / "probability.tif", source=source)
    empty = GeoBox((0, 10), GRID.affine, GRID.crs)
    with pytest.raises(InputError, match="an area of 0 × 10 pixels found"):
        large_raster.map_raster(ready(PixelModel()), source, empty, tmp_path / "probability.tif", inputs={})
    assert not list(tmp_path.iterdir())


@pytest.fixture
def chosen(tmp_path, rng):
    folder = write_folder(tmp_path / "scenes", GRID, year_of_dates(4), rng)
    return choose_series(find_scenes(folder), polarisation="HH", dates=0)


def network(**settings):
    torch.manual_seed(3)
    return models.build("unet3d", width=4, **settings)


def test_scenes_are_mapped_as_if_they_were_read_whole_and_files_tell_their_making(tmp_path, chosen):
    path = tmp_path / "probability.tif"
    mapped, look = large_raster.map_scenes(network(), chosen, GRID, "HH", path, tiling=TILES, weights="of a test")
    prepared = radiometry.prepare(read_series(chosen, GRID, "HH").power)
    expected = sliding_window.map_array(network(), prepared.series[None], tiling=TILES)
    np.testing.assert_array_equal(values(path), expected)
    median = np.median(10 * np.log10(read_series(chosen, GRID, "HH").power), axis=0)
    np.testing.assert_allclose(look.backscatter, median, atol=1e-4)
    assert (mapped.unseen_fraction, mapped.filled_fraction, mapped.dates, look.gaps) == (0, 0, 4, {})
    with rasterio.open(path) as file:
        tags = file.tags()
    assert tags["model"] == "unet3d"
    assert tags["dates"] == "2020-01-02 2020-01-14 2020-01-26 2020-02-07"
    assert (tags["polarisation"], tags["data"], tags["weights"]) == ("HH", "Sentinel-1", "of a test")


def test_a_network_trained_on_fewer_dates_is_shown_as_many_and_the_files_tell_which(tmp_path, chosen):
    on_two = network()
    on_two.metadata = {"dates": "2"}
    path = tmp_path / "probability.tif"
    mapped, look = large_raster.map_scenes(on_two, chosen, GRID, "HH", path, tiling=TILES)
    prepared = radiometry.prepare(read_series([chosen[1], chosen[3]], GRID, "HH").power)
    np.testing.assert_array_equal(
        values(path), sliding_window.map_array(network(), prepared.series[None], tiling=TILES)
    )
    assert (mapped.dates, look.days) == (2, ("2020-01-14", "2020-02-07"))
    with rasterio.open(path) as file:
        assert file.tags()["dates"] == "2020-01-14 2020-02-07"


def test_a_date_that_misses_the_middle_is_reported_and_filled_from_the_others(tmp_path, chosen):
    broken = Path(chosen[2].hrefs["HH"][0])
    power = values(broken)
    power[30:80, 20:120] = np.nan
    write_raster(broken, power, GRID)
    mapped, look = large_raster.map_scenes(network(), chosen, GRID, "HH", tmp_path / "probability.tif", tiling=TILES)
    assert look.gaps == {"2020-01-26": pytest.approx(50 * 100 / (100 * 130))}
    assert mapped.filled_fraction == pytest.approx(50 * 100 / (4 * 100 * 130))
    assert np.isfinite(values(mapped.probability)).all()


def test_rasters_that_do_not_align_are_laid_on_the_grid_of_the_map(tmp_path, chosen):
    shifted = GeoBox((100, 130), GRID.affine @ rasterio.Affine.translation(0.4, -0.3), GRID.crs)
    mapped, _ = large_raster.map_scenes(network(), chosen, shifted, "HH", tmp_path / "probability.tif", tiling=TILES)
    prepared = radiometry.prepare(read_series(chosen, shifted, "HH").power)
    expected = sliding_window.map_array(network(), prepared.series[None], valid=prepared.valid, tiling=TILES)
    np.testing.assert_allclose(values(mapped.probability), expected, atol=1e-5)


def test_a_raster_that_changed_since_the_kill_starts_the_map_anew(tmp_path, chosen, monkeypatch, capsys):
    path = tmp_path / "probability.tif"
    monkeypatch.setattr(resumable, "finish_rasters", lambda *_: give_up())
    with pytest.raises(InputError):
        large_raster.map_scenes(network(), chosen, GRID, "HH", path, tiling=TILES)
    monkeypatch.undo()
    first = Path(chosen[0].hrefs["HH"][0])
    write_raster(first, values(first) * 2, GRID)
    large_raster.map_scenes(network(), chosen, GRID, "HH", path, tiling=TILES)
    assert "of other settings found" in capsys.readouterr().out


def two_features():
    found = network(features=2)
    found.metadata = {"feature_names": "rtc,insar"}
    return found


def of_coherence():
    found = network()
    found.metadata = {"feature_names": "insar"}
    return found


def of_single_dates():
    found = network()
    found.metadata = {"date_sampling": "one"}
    return found


@pytest.mark.parametrize(
    ("network", "grid", "message"),
    [
        (of_single_dates, GRID, "trained on single dates, a series of 4 found"),
        (lambda: models.build("unet2d_channels", width=2), GRID, "a series of 4 dates found, 15 expected"),
        (two_features, GRID, "no pairs of coherence found for weights of rtc, insar, some"),
        (of_coherence, GRID, "no pairs of coherence found for weights of insar, some"),
        (network, GRID[:0], "an area of 0 × 130 pixels"),
        (network, GRID.translate_pix(500, 0), "does not overlap the grid"),
    ],
)
def test_what_cannot_be_mapped_is_refused_before_anything_is_written(tmp_path, chosen, network, grid, message):
    with pytest.raises(InputError, match=message):
        large_raster.map_scenes(network(), chosen, grid, "HH", tmp_path / "new" / "probability.tif")
    assert not (tmp_path / "new").exists()


def test_both_polarisations_are_mapped_as_if_they_were_read_whole(tmp_path, rng):
    folder = write_folder(tmp_path / "scenes", GRID, year_of_dates(4), rng, polarisations=("HH", "HV"))
    chosen = choose_series(find_scenes(folder), polarisation="HH+HV", dates=0)
    both = network(features=2)
    both.metadata = {"feature_names": "grd,grd_cross"}
    path = tmp_path / "probability.tif"
    mapped, _ = large_raster.map_scenes(both, chosen, GRID, "HH+HV", path, tiling=TILES)
    parts = [radiometry.prepare(read_series(chosen, GRID, kind).power).series for kind in ("HH", "HV")]
    expected = sliding_window.map_array(both, np.stack(parts), tiling=TILES)
    np.testing.assert_array_equal(values(path), expected)
    assert mapped.dates == 4
    with rasterio.open(path) as file:
        assert file.tags()["polarisation"] == "HH+HV"


def test_scenes_of_one_polarisation_are_refused_by_a_network_of_two(tmp_path, chosen):
    both = network(features=2)
    both.metadata = {"feature_names": "grd,grd_cross"}
    for polarisation, message in (
        ("HH", r"both such as HH\+HV expected"),
        ("HH+HV", "S1_ro14_20200102T063005Z: no HV found"),
    ):
        with pytest.raises(InputError, match=message):
            large_raster.map_scenes(both, chosen, GRID, polarisation, tmp_path / "new" / "probability.tif")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("metadata", [{"date_sampling": "subset"}, {"trained_on": "simulated radar"}, {"dates": "15"}])
@pytest.mark.parametrize("name", ["unet3d", "unet2d_mean"])
def test_a_network_sees_a_short_series_as_long_as_in_training(tmp_path, chosen, name, metadata, capsys):
    model = models.build(name, width=4)
    model.metadata = metadata
    path = tmp_path / "probability.tif"
    mapped, _ = large_raster.map_scenes(model, chosen, GRID, "HH", path, tiling=TILES)
    assert f"{name}: 4 dates found, trained on 15: the nearest stand for the others\n" in capsys.readouterr().out
    series = radiometry.prepare(read_series(chosen, GRID, "HH").power).series[None]  # (1, 4, H, W)
    shown = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]
    plain = copy.deepcopy(model)
    plain.metadata = {}
    expected = sliding_window.map_array(plain, series[:, shown], tiling=TILES)
    np.testing.assert_allclose(values(path), expected, atol=1e-6)
    assert mapped.dates == 4
    with rasterio.open(path) as file:
        assert file.tags()["dates"] == "2020-01-02 2020-01-14 2020-01-26 2020-02-07"  # those that there are
