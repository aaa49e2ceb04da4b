"""glaciersar.dataset: dates that do not lie on one another are refused in a build, as before a map"""

import numpy as np
import pytest
from odc.geo.geobox import GeoBox
from scipy.ndimage import gaussian_filter

from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.scenes.search import find_scenes
from tests.support.archives import glaciers, write_raster, year_of_dates
from tests.support.building import build

TILES = [Tile(column=10 + k, row=38) for k in range(3)]
SPLIT = dict(zip(TILES, ("train", "val", "test"), strict=True))
GRID = GeoBox.from_bbox((430_000, 8_780_000, 460_000, 8_790_000), "EPSG:32633", resolution=100, tight=True)
TIMES = year_of_dates(6, step_days=60)


@pytest.fixture
def archive(tmp_path, rng):
    """Write one ground under speckle; of some dates a tile, by its number, lies two pixels to the east."""
    terrain = 10 ** (gaussian_filter(rng.normal(size=GRID.shape), 3) * 3 - 1)

    def archive(name, *, moved=(), tile=0):
        for k, time in enumerate(TIMES):
            power = terrain.copy()
            if k in moved:
                columns = slice(100 * tile, 100 * tile + 100)
                power[:, columns] = np.roll(power[:, columns], 2, axis=1)
            power *= np.random.default_rng(k).gamma(4, 1 / 4, power.shape)
            write_raster(tmp_path / name / f"S1_ro14_{time:%Y%m%dT%H%M%SZ}_HH.tif", power.astype(np.float32), GRID)
        return find_scenes(tmp_path / name)

    return archive


def test_a_tile_with_moved_dates_is_named_and_the_allowance_can_be_raised(tmp_path, archive):
    scenes = archive("grd", moved=(1, 4, 5), tile=1)
    given = {"pixel": 100, "dates": 5, "spacing_days": 60}
    with pytest.raises(
        InputError, match=r"^SVAL-11-38_2020_ro14: dates up to \d\.\d\d pixels apart found, .*max_offset"
    ):
        build(tmp_path / "data", scenes, glaciers(TILES), SPLIT, **given)
    assert not list((tmp_path / "data").glob("[!.]*"))
    build(tmp_path / "data", scenes, glaciers(TILES), SPLIT, max_offset=3, **given)


def test_moved_dates_of_the_second_backscatter_are_found_and_aligned_files_stay_as_they_were(tmp_path, archive):
    scenes, moved = archive("grd"), archive("rtc", moved=(2,), tile=0)
    with pytest.raises(InputError, match="SVAL-10-38_2020_ro14: dates up to"):
        build(
            tmp_path / "a",
            scenes,
            glaciers(TILES),
            SPLIT,
            pixel=100,
            dates=5,
            spacing_days=60,
            features=("grd", "rtc"),
            rtc=moved,
        )
    checked = build(tmp_path / "b", scenes, glaciers(TILES), SPLIT, pixel=100, dates=5, spacing_days=60)
    free = build(tmp_path / "c", scenes, glaciers(TILES), SPLIT, pixel=100, dates=5, spacing_days=60, max_offset=np.inf)
    assert (checked / "train.h5").read_bytes() == (free / "train.h5").read_bytes()
