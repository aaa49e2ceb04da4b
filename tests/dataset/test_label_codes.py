"""glaciersar.dataset.label_codes"""

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from glaciersar.dataset.label_codes import LabelCodes, read_mask
from glaciersar.errors import InputError
from tests.support.archives import write_raster

GRID = GeoBox((2, 3), rasterio.Affine(10, 0, 500_000, 0, -10, 8_000_000), "EPSG:32622")
CODES = LabelCodes(glacier=(2, 4), unknown=(0,))


def mask(path, values, nodata=None, dtype=np.uint8):
    return write_raster(path / "m.tif", np.array(values, dtype), GRID, nodata=nodata)


def test_a_mask_is_told_by_its_codes_and_by_the_nodata_of_its_file(tmp_path):
    told = read_mask(mask(tmp_path, [[0, 1, 2], [4, 255, 2]], nodata=255), CODES)
    assert told.glacier.tolist() == [[False, False, True], [True, False, True]]
    assert told.known.tolist() == [[False, True, True], [True, False, True]]
    assert told.assumed == (1,)
    assert told.geobox == GRID


def test_whole_numbers_may_be_floats_and_nan_is_unknown(tmp_path):
    told = read_mask(mask(tmp_path, [[0, 1, 2], [4, np.nan, 2]], dtype=np.float32), CODES)
    assert told.known.sum() == 4
    assert told.glacier.sum() == 3


@pytest.mark.parametrize(
    ("values", "how", "codes", "sentence"),
    [
        ([[0, 1, 2], [2, 2, 7]], {}, LabelCodes(glacier=(2,), other=(0, 1)), "code 7 found, expected glacier 2"),
        ([[0, 1, 0.5], [1, 1, 1]], {"dtype": np.float32}, LabelCodes(glacier=(1,)), "value 0.5 found, whole numbers"),
        ([[2, 2, 2], [2, 2, 2]], {"nodata": 2}, CODES, "nodata 2 found, which is a code here"),
    ],
)  # fmt: skip
def test_a_mask_that_could_be_misread_is_refused(tmp_path, values, how, codes, sentence):
    with pytest.raises(InputError, match=sentence):
        read_mask(mask(tmp_path, values, **how), codes)


def test_files_that_are_no_masks_are_refused(tmp_path):
    (tmp_path / "text.tif").write_text("no raster")
    write_raster(tmp_path / "nowhere.tif", np.ones((2, 3), np.uint8), GRID, nodata=None, crs=None)
    for name, sentence in {
        "text": "cannot be read",
        "nowhere": "no coordinate system",
        "absent": "no such file",
    }.items():
        with pytest.raises(InputError, match=f"{name}.tif: {sentence}"):
            read_mask(tmp_path / f"{name}.tif", CODES)


def test_codes_are_read_from_text():
    assert LabelCodes.parse("1, 2", "0 255") == LabelCodes(glacier=(1, 2), unknown=(0, 255))
    with pytest.raises(InputError, match="'ice' found, whole numbers"):
        LabelCodes.parse("ice")


def test_codes_without_a_glacier_or_with_two_meanings_are_refused():
    with pytest.raises(InputError, match="no code of glacier"):
        LabelCodes(glacier=())
    with pytest.raises(InputError, match="1 found twice"):
        LabelCodes(glacier=(1,), unknown=(1,))
