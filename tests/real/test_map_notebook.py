"""The map notebook on the real Sentinel-1 series over California, where there is no glacier."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from glaciersar import cli, models
from glaciersar.models import pretrained
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import filter_scenes

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "08-map.ipynb"


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "weights.safetensors"
    pretrained.save(models.build("unet3d", width=4), path, feature_names="grd")
    return path


def run(shared, weights, out, **changed):
    words = {
        "source": str(shared / "data/sentinel1-rtc-california"),
        "weights": str(weights),
        "work": str(out / "work"),
        "polarisation": "VV",
        "start": "2022-01-01",
        "end": "2024-01-01",
        "dates": "0",
        "pixel": "120",  # four times coarser than the archive, to be quick
    } | changed
    pairs = [word for name, value in words.items() for word in (f"--{name}", value)]
    return cli.main(["run", str(NOTEBOOK), "--out", str(out), "--quiet", *pairs])


def test_the_series_of_2022_and_2023_is_mapped_where_it_lies(shared, weights, tmp_path):
    assert run(shared, weights, tmp_path) == 0
    chosen = filter_scenes(find_scenes(shared / "data/sentinel1-rtc-california"), polarisation="VV")
    expected = covering_geobox(chosen, "VV", pixel=120)
    with rasterio.open(tmp_path / "work/map/probability.tif") as file:
        probability = file.read(1)
        assert file.crs.to_epsg() == 32611
        assert file.shape == tuple(expected.shape)
        assert file.transform == expected.affine
        assert file.tags()["data"] == "Sentinel-1"
        dates = file.tags()["dates"].split()
    assert len(dates) == 14
    assert dates[0] == "2022-11-02"
    assert dates[-1] == "2023-12-27"
    seen = np.isfinite(probability)
    assert 0.002 < seen.mean() < 0.01  # four small crops of bursts in their common rectangle
    assert ((probability[seen] >= 0) & (probability[seen] <= 1)).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"polarisation": "HH"}, "polarisation HH"),
        ({"units": "db"}, "look like linear power"),
    ],
)
def test_what_the_series_cannot_give_is_refused_and_no_map_is_left(shared, weights, tmp_path, capsys, changed, message):
    assert run(shared, weights, tmp_path, **changed) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "work/map").exists()
