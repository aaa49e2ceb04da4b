"""glaciersar.inference with coherence beside backscatter, or alone, as three of the six published files need it"""

from datetime import timedelta

import numpy as np
import pytest
import rasterio
import torch
from odc.geo.geobox import GeoBox
from scipy.ndimage import gaussian_filter

from glaciersar import cli, models, radiometry
from glaciersar.dataset.patches import WholeTiles
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.inference import sliding_window
from glaciersar.inference.large_raster import map_scenes
from glaciersar.inference.place import find_place
from glaciersar.inference.prepared_scenes import look_at, match_polarisations, read_prepared
from glaciersar.inference.region import map_region
from glaciersar.inference.strips import join_strips, map_strip
from glaciersar.inference.yearly import map_years
from glaciersar.models import pretrained
from glaciersar.scenes.chosen_pairs import choose_pairs, pairs_covering
from glaciersar.scenes.coherence import find_pairs, read_coherence
from glaciersar.scenes.coregistration import largest_offset
from glaciersar.scenes.pair_offsets import measure_pair_offsets
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_series
from tests.support import streams
from tests.support.archives import glaciers, write_catalog, write_folder, write_raster, year_of_dates
from tests.support.building import build
from tests.support.streams import PixelModel, contents, values

GRID = streams.GRID[:30, :44]  # too small for offsets between dates, which take longer than the map
TILES = sliding_window.Tiling(window=16, overlap=0.25)


def trained_on(*names, model="unet3d_weighted"):
    torch.manual_seed(4)
    found = models.build(model, features=len(names), width=2).eval()
    found.metadata = {"feature_names": ",".join(names)}
    return found


def write_pairs(folder, rng, *, grid=GRID, count=16, step_days=22, orbit="_ro14", spoilt=()):
    """Write coherence of passes 12 days apart, without a value in some rows of some pairs."""
    for k, first in enumerate(year_of_dates(count, step_days=step_days)):
        coherence = rng.uniform(0.05, 0.95, grid.shape).astype(np.float32)
        if k in spoilt:
            coherence[10:19] = 0
        name = f"S1AA_{first:%Y%m%dT%H%M%S}_{first + timedelta(days=12):%Y%m%dT%H%M%S}_HHP012{orbit}_corr.tif"
        write_raster(folder / name, coherence, grid, nodata=None)
    return folder


@pytest.fixture
def scenes(tmp_path, rng):
    return find_scenes(write_folder(tmp_path / "grd", GRID, year_of_dates(17, step_days=21), rng))


@pytest.fixture
def pairs(tmp_path, rng):
    return find_pairs(write_pairs(tmp_path / "insar", rng, spoilt=(3, 4)))


def test_a_tile_is_mapped_from_its_rasters_as_its_arrays_in_a_dataset_are(tmp_path, rng):
    tiles = [Tile(column=10 + k, row=38) for k in range(3)]
    whole = GeoBox.from_bbox((430_000, 8_780_000, 460_000, 8_790_000), "EPSG:32633", resolution=500, tight=True)
    times = year_of_dates(20, step_days=18)
    scenes = find_scenes(write_catalog(tmp_path / "grd", whole, times, rng, polarisations=("HH",)))
    pairs = find_pairs(write_pairs(tmp_path / "insar", rng, grid=whole, count=30, step_days=12))
    split = dict(zip(tiles, ("train", "val", "test"), strict=True))
    given = {"pixel": 500.0, "features": ("grd", "insar"), "pairs": pairs}
    folder = build(tmp_path / "data", scenes, glaciers(tiles), split, **given)
    for names in (("grd", "insar"), ("insar", "grd"), ("insar",)):
        network = trained_on(*names)
        ((series, _, _),) = WholeTiles(folder / "test.h5", features=names)  # (F, T, H, W)
        with torch.inference_mode():
            expected = network(torch.as_tensor(series)[None]).softmax(1)[0, 1].numpy()
        grid = tiles[2].geobox(pixel=500)
        chosen = choose_series(scenes, polarisation="HH")
        kept = choose_pairs(pairs_covering(pairs, grid), beside=chosen)
        path = tmp_path / "map" / "probability.tif"
        mapped, _ = map_scenes(network, chosen, grid, "HH", path, pairs=kept, precision="float32")
        np.testing.assert_allclose(values(path), expected, atol=1e-6)
        assert mapped.dates == 15
        assert np.ptp(expected) > 1e-3, "a map without contrast would show nothing"


@pytest.mark.parametrize("published", pretrained.PUBLISHED.values(), ids=lambda published: published.name)
def test_each_published_set_of_features_maps_a_region(tmp_path, scenes, pairs, published):
    network = trained_on(*published.features, model=published.model)
    coherent = "insar" in published.features
    alone = published.features == ("insar",)
    mapped, look = map_region(
        network, [] if alone else scenes, tmp_path / "map" / "probability.tif", pairs=pairs if coherent else ()
    )
    assert (mapped.dates, mapped.written) == (15, GRID.shape[0] * GRID.shape[1])
    with rasterio.open(mapped.probability) as file:
        tags = file.tags()
        assert file.transform == GRID.affine
    assert ("coherence" in tags) == coherent
    assert ("polarisation" in tags) != alone
    assert tags["data"] == "Sentinel-1"
    assert ("15 pairs of coherence 12 days apart" in look.summary) == coherent
    assert ("15 dates of HH, 2020-" in look.summary) != alone


def test_windows_hold_what_a_map_in_memory_holds(tmp_path, scenes, pairs):
    network = trained_on("grd", "insar")
    chosen = choose_series(scenes, polarisation="HH")
    kept = choose_pairs(pairs, beside=chosen)
    parts = [
        radiometry.prepare(read_series(chosen, GRID, "HH").power),
        radiometry.prepare_coherence(read_coherence(kept, GRID)[0]),
    ]
    path = tmp_path / "probability.tif"
    mapped, look = map_scenes(network, chosen, GRID, "HH", path, pairs=kept, tiling=TILES)
    prepared = radiometry.stack_features(parts)
    np.testing.assert_array_equal(values(path), sliding_window.map_array(network, prepared.series, tiling=TILES))
    assert mapped.filled_fraction == pytest.approx(prepared.filled_fraction)
    assert prepared.filled_fraction > 0
    assert list(look.gaps.values()) == pytest.approx([0.3] * len(look.gaps))
    assert len(look.gaps) == 2


def test_a_network_of_single_pixels_maps_windows_as_one_window(tmp_path, scenes, pairs):
    network = trained_on("insar", "grd")
    network.forward = PixelModel().forward
    chosen = choose_series(scenes, polarisation="HH")
    kept = choose_pairs(pairs, beside=chosen)
    for name, window in (("one", 640), ("many", 16)):
        tiling = sliding_window.Tiling(window=window)
        map_scenes(network, chosen, GRID, "HH", tmp_path / name / "p.tif", pairs=kept, tiling=tiling)
    np.testing.assert_allclose(values(tmp_path / "many" / "p.tif"), values(tmp_path / "one" / "p.tif"), atol=1e-6)


def test_coherence_on_other_pixels_is_laid_on_those_of_the_scenes(tmp_path, rng, scenes):
    coarse = GRID.pad(40).zoom_out(3.7)
    pairs = find_pairs(write_pairs(tmp_path / "insar", rng, grid=coarse))
    chosen = choose_series(scenes, polarisation="HH")
    kept = choose_pairs(pairs, beside=chosen)
    polarisations = match_polarisations(trained_on("grd", "insar"), "HH")
    whole = read_prepared(chosen, GRID, polarisations, pairs=kept)
    part = read_prepared(chosen, GRID[10:24, 15:40], polarisations, pairs=kept)
    np.testing.assert_allclose(part.series, whole.series[..., 10:24, 15:40], atol=1e-5)
    assert part.valid.all()


def test_strips_with_coherence_are_joined_to_the_map_of_one_run(tmp_path, scenes, pairs):
    network = trained_on("grd", "insar")
    chosen = choose_series(scenes, polarisation="HH")
    kept = choose_pairs(pairs, beside=chosen)
    files = [tmp_path / f"{k}.zip" for k in (1, 2)]
    for k, path in enumerate(files, 1):
        map_strip(network, chosen, GRID, "HH", path, strip=k, strips=2, pairs=kept, tiling=TILES)
    join_strips(files, tmp_path / "joined" / "p.tif")
    map_scenes(network, chosen, GRID, "HH", tmp_path / "whole" / "p.tif", pairs=kept, tiling=TILES)
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("names", "change", "sentence"),
    [
        (("grd", "insar"), {"pairs": ()}, "no pairs of coherence found for weights of grd, insar, some, by the folder"),
        (("insar",), {"pairs": ()}, "no pairs of coherence found for weights of insar"),
        (("grd",), {}, "16 pairs of coherence found for weights of grd, none expected"),
        (("grd", "insar"), {"dates": 0}, "17 dates of backscatter and 16 pairs of coherence found, as many of both"),
        (("grd", "insar"), {"scenes": ()}, "no scene at all found, HH or VV expected"),
        (("grd", "rtc", "insar"), {}, "weights for the features grd, rtc, insar found"),
        (("insar", "insar"), {}, "feature 'insar' found, one made of backscatter power"),
    ],
)
def test_what_lacks_is_said_in_one_sentence(tmp_path, scenes, pairs, names, change, sentence):
    given = {"scenes": scenes, "pairs": pairs} | change
    with pytest.raises(InputError, match=sentence):
        map_region(trained_on(*names), given.pop("scenes"), tmp_path / "new" / "probability.tif", **given)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"orbit": "_ro87"},
            "no pair of coherence with year 2020, relative orbit 14; found 16 pairs; years 2020; .* 87",
        ),
        ({"grid": GRID.translate_pix(900, 0)}, r"no pair of coherence touches the grid from \(600000, 8700700\)"),
        ({"count": 9}, "coherence: 9 dates found"),
    ],
)
def test_pairs_of_another_place_or_orbit_are_refused(tmp_path, rng, scenes, changes, sentence):
    pairs = find_pairs(write_pairs(tmp_path / "insar", rng, **changes))
    with pytest.raises(InputError, match=sentence):
        map_region(trained_on("grd", "insar"), scenes, tmp_path / "new" / "probability.tif", pairs=pairs)


def test_pairs_of_another_orbit_than_the_scenes_and_empty_ones_are_refused(tmp_path, rng, scenes):
    chosen = choose_series(scenes, polarisation="HH")
    network = trained_on("grd", "insar")
    kept = find_pairs(write_pairs(tmp_path / "a", rng, count=15, orbit="_ro87"))
    with pytest.raises(InputError, match="relative orbits 14, 87 of scenes and coherence found, one expected"):
        map_scenes(network, chosen, GRID, "HH", tmp_path / "new" / "p.tif", pairs=kept)
    write_pairs(tmp_path / "b", rng, count=15)
    first = min((tmp_path / "b").iterdir())
    write_raster(first, np.zeros(GRID.shape, np.float32), GRID, nodata=None)
    with pytest.raises(InputError, match=rf"{first.name}: no pixel holds a value on the grid from .*coherence"):
        look_at(chosen, GRID, match_polarisations(network, "HH"), pairs=find_pairs(tmp_path / "b"))


def test_each_year_of_an_archive_takes_its_own_pairs(tmp_path, rng):
    for year in (2020, 2021):
        write_folder(tmp_path / "grd", GRID, year_of_dates(15, year=year, step_days=24), rng)
        for first in year_of_dates(15, year=year, step_days=24):
            name = f"coh_ro14_{first:%Y%m%d}_{first + timedelta(days=12):%Y%m%d}.tif"
            write_raster(tmp_path / "insar" / name, rng.uniform(0.1, 0.9, GRID.shape).astype(np.float32), GRID)
    pairs = find_pairs(tmp_path / "insar")
    map_years(
        trained_on("grd", "insar"), tmp_path / "grd", (2020, 2021), tmp_path, window=640, weights="w", pairs=pairs
    )
    for year in (2020, 2021):
        with rasterio.open(tmp_path / f"probability_{year}.tif") as file:
            days = file.tags()["coherence"].split()
        assert len(days) == 15
        assert all(day.startswith(str(year)) for day in days)


def test_a_place_has_the_pairs_of_a_folder_beside_its_scenes_or_alone(tmp_path, rng):
    grd = write_folder(tmp_path / "grd", GRID, year_of_dates(17, step_days=21), rng)
    insar = write_pairs(tmp_path / "insar", rng, orbit="")
    with pytest.raises(InputError, match=r"no relative orbit found in the name .*relative_orbit expected"):
        find_place(grd, tmp_path, polarisation="HH", coherence=insar)
    place = find_place(grd, tmp_path, polarisation="HH", coherence=insar, relative_orbit=14)
    chosen, pairs = place.choose(polarisation="HH", relative_orbit=14, start="2020-04-01", end="2020-10-01", dates=5)
    assert (len(place.pairs), len(chosen), len(pairs)) == (16, 5, 5)
    assert all(4 <= pair.time.month < 10 for pair in pairs)
    alone = find_place(insar, tmp_path, polarisation="HH", coherence=insar, relative_orbit=14)
    assert alone.geobox == GRID
    assert [len(found) for found in alone.choose(polarisation="HH")] == [0, 15]
    assert find_place(grd, tmp_path, polarisation="HH").choose(polarisation="HH")[1] == []


def test_the_command_maps_with_a_folder_of_coherence(tmp_path, scenes, pairs, capsys):
    network = trained_on("grd", "insar")
    pretrained.save(network, tmp_path / "weights.safetensors", **network.metadata)
    words = ["--weights", str(tmp_path / "weights.safetensors"), "--quiet", "--out", str(tmp_path / "map" / "p.tif")]
    folders = [str(tmp_path / "grd"), "--coherence", str(tmp_path / "insar")]
    assert cli.main(["map", *folders, *words]) == 0
    assert "15 dates of HH, 2020-01-23 to 2020-12-03; 15 pairs of coherence" in capsys.readouterr().out
    assert cli.main(["map", folders[0], *words]) == 2
    assert "no pairs of coherence found for weights of grd, insar" in capsys.readouterr().err
    assert cli.main(["map", *words]) == 2
    assert "no scenes and no --coherence found" in capsys.readouterr().err


def steady_pairs(folder, *, shape=(128, 128), shifted=0):
    """Write six pairs that show the same ground with the noise of few looks, half of them shifted in their file."""
    ground = gaussian_filter(np.random.default_rng(7).normal(size=shape), 3)  # (H, W)
    for k, first in enumerate(year_of_dates(6)):
        noise = np.random.default_rng(k).normal(0, 0.05, shape)
        coherence = np.clip(0.5 + 0.4 * np.tanh(8 * ground) + noise, 0.01, 0.99).astype(np.float32)
        grid = GeoBox(shape, GRID.affine, GRID.crs).translate_pix(shifted * (k % 2), 0)
        name = f"coh_ro14_{first:%Y%m%d}_{first + timedelta(days=12):%Y%m%d}.tif"
        write_raster(folder / name, coherence, grid, nodata=None)
    return find_pairs(folder)


def test_pairs_that_lie_apart_are_refused_and_those_that_do_not_are_mapped(tmp_path, capsys):
    network = trained_on("insar")
    given = {"dates": 0, "pairs": steady_pairs(tmp_path / "same")}
    _, look = map_region(network, [], tmp_path / "a" / "p.tif", **given)
    assert largest_offset(look.offsets) < 0.2
    assert look.offsets["east, pixels"].notna().all()
    given["pairs"] = steady_pairs(tmp_path / "apart", shifted=6)
    with pytest.raises(InputError, match=r"coherence: dates up to 5.83 pixels apart found, .* max_offset"):
        map_region(network, [], tmp_path / "b" / "p.tif", **given)
    map_region(network, [], tmp_path / "b" / "p.tif", max_offset=7, **given)


def test_offsets_of_pairs_are_told_in_their_own_pixels_where_the_scenes_have_smaller_ones(tmp_path):
    pairs = steady_pairs(tmp_path / "apart", shape=(192, 192), shifted=6)
    found = measure_pair_offsets(pairs, GeoBox((768, 768), GRID.affine, GRID.crs).zoom_to(resolution=2.5))
    assert largest_offset(found) == pytest.approx(6, abs=0.3)


def test_an_undeclared_fill_of_coherence_is_no_coherence_and_this_is_said(tmp_path, rng, scenes, capsys):
    write_pairs(tmp_path / "insar", rng)
    for path in (tmp_path / "insar").iterdir():
        coherence = values(path)
        coherence[:10] = 0.77
        write_raster(path, coherence, GRID, nodata=None)
    pairs = find_pairs(tmp_path / "insar")
    mapped, _ = map_region(trained_on("grd", "insar"), scenes, tmp_path / "map" / "p.tif", pairs=pairs)
    said = capsys.readouterr().out
    assert "15 rasters hold values that many pixels share to the bit" in said
    assert "such as 0.77 in 33% of insar/" in said
    assert "not between backscatter and coherence" in said
    assert mapped.unseen_fraction == pytest.approx(1 / 3)


def test_pairs_that_another_year_or_orbit_leaves_out_are_printed(tmp_path, rng, capsys):
    write_pairs(tmp_path, rng, count=3)
    write_pairs(tmp_path, rng, count=2, orbit="_ro87")
    for first in year_of_dates(2, year=2021):
        name = f"coh_ro14_{first:%Y%m%d}_{first + timedelta(days=12):%Y%m%d}.tif"
        write_raster(tmp_path / name, rng.uniform(0.1, 0.9, GRID.shape).astype(np.float32), GRID)
    assert len(choose_pairs(find_pairs(tmp_path), dates=0)) == 2
    said = capsys.readouterr().out
    assert "relative orbit 14 taken of the coherence; left out by their relative orbit: 2 of 87" in said
    assert "year 2021 taken of the coherence, 2 pairs; left out by their year: 3 of 2020, which start and end" in said
