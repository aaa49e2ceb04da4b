"""glaciersar.inference.out_of_memory"""

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch

from glaciersar.errors import InputError
from glaciersar.inference import large_raster, raster_run
from glaciersar.inference.out_of_memory import smaller_tilings
from glaciersar.inference.sliding_window import Tiling, WindowLayout, map_array
from tests.support.streams import GRID, TILES, PixelModel, Source, contents, give_up, ready, run, values

SIDE = 64  # of the windows that are asked for; 32 fit


class Small(PixelModel):
    """Finds the memory of a GPU too small for windows of more than 32 pixels."""

    def forward(self, x):
        if x.shape[-1] > 32:
            raise torch.OutOfMemoryError(f"no room for {x.shape}")
        return super().forward(x)


def on_gpu(model):
    return replace(ready(model), device="cuda:0")


def test_windows_are_halved_and_overlap_by_as_many_pixels_up_to_half():
    found = smaller_tilings(Tiling(window=640, overlap=0.05), (9000, 9000))
    assert [(t.window, t.window * t.overlap) for t in found] == [(320, 32), (160, 32), (80, 32), (40, 20)]
    assert [(t.window, t.overlap) for t in smaller_tilings(Tiling(window=384, overlap=0.5), (999, 999))] == [
        (192, 0.5), (96, 0.5), (48, 0.5),
    ]  # fmt: skip
    assert smaller_tilings(Tiling(window=640), (100, 60))[0].window == 50
    assert smaller_tilings(Tiling(window=32, overlap=0), (900, 900)) == []


def test_a_map_in_memory_is_that_of_the_small_windows_from_the_start(capsys):
    series = torch.rand(1, 2, 100, 90)
    asked, small = Tiling(window=SIDE, overlap=0.25), Tiling(window=32, overlap=0.5)
    found = map_array(Small(), series, tiling=asked)
    assert np.array_equal(found, map_array(PixelModel(), series, tiling=small))
    assert capsys.readouterr().out == (
        "windows of 64 pixels need more memory than the GPU has: started anew with windows of 32\n"
    )


def test_a_map_on_disk_is_that_of_the_small_windows_and_says_so_in_its_metadata(tmp_path, capsys):
    (tmp_path / "small").mkdir()
    report = run(tmp_path / "probability.tif", network=Small(), window=SIDE, overlap=0.25)
    run(tmp_path / "small/probability.tif", window=32, overlap=0.5)
    assert np.array_equal(values(report.probability), values(tmp_path / "small/probability.tif"), equal_nan=True)
    with rasterio.open(report.glacier) as file:
        assert file.tags()["window"] == "32 pixels, as memory was not enough for 64"
    assert capsys.readouterr().out.endswith("started anew with windows of 32\n")


def test_a_killed_map_goes_on_with_the_windows_that_it_was_halved_to(tmp_path, capsys):
    path, whole = tmp_path / "killed/probability.tif", tmp_path / "whole/probability.tif"
    path.parent.mkdir(), whole.parent.mkdir()
    settings = {"network": Small(), "window": SIDE, "overlap": 0.25}
    run(whole, **settings)
    with pytest.raises(InputError, match="cannot be read"):
        run(path, source=Source(fail_at=20, fail=give_up), **settings)
    begun = json.loads((path.parent / ".probability-unfinished/settings.json").read_text())
    assert begun["windows"][:2] == list(WindowLayout.over(GRID.shape, Tiling(window=32, overlap=0.5)).size)
    capsys.readouterr()
    run(path, **settings)
    assert "an unfinished map of the same settings found, 2 rows of it kept" in capsys.readouterr().out
    assert contents(path.parent) == contents(whole.parent)


def test_where_even_small_windows_are_too_large_it_says_what_to_do():
    class Full(PixelModel):
        def forward(self, x):
            raise torch.OutOfMemoryError("no room")

    with pytest.raises(InputError, match="windows of 32 pixels need more memory than the GPU has; expected a GPU"):
        map_array(Full(), torch.rand(1, 1, 64, 64), tiling=TILES)


def test_for_a_gpu_several_threads_read_and_the_map_is_the_same_to_the_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(raster_run.os, "cpu_count", lambda: 4)
    for name, predictor in {"cpu": ready(PixelModel()), "gpu": on_gpu(PixelModel())}.items():
        (tmp_path / name).mkdir()
        report = large_raster.map_raster(
            predictor, Source(), GRID, tmp_path / name / "probability.tif", tiling=TILES, inputs={}
        )
        assert report.predictor == str(predictor)
    assert contents(tmp_path / "cpu") == contents(tmp_path / "gpu")
