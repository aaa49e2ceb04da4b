import numpy as np
import openvino
import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.models import export
from tests.support.networks import dates_for
from tests.support.processors import needs_avx2

pytestmark = pytest.mark.slow

SHAPES = [(1, 2, 3, 24, 40), (3, 2, 3, 33, 17), (2, 2, 3, 9, 64)]  # batch and sides differ, and are no multiples


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return models.build("unet3d", features=2, width=2).eval()


@torch.no_grad()
def test_an_exported_network_gives_the_same_for_any_batch_height_and_width(network):
    program = export.export_program(network, dates=3).module()
    for shape in SHAPES:
        series = torch.rand(shape)
        torch.testing.assert_close(program(series), network(series), atol=1e-5, rtol=0)


@needs_avx2("OpenVINO then refuses the interpolation of a 3D graph that was read from ONNX")
@torch.no_grad()
def test_an_onnx_file_gives_the_same_in_another_program_for_any_batch_height_and_width(network, tmp_path):
    path = export.write_onnx(network, tmp_path / "network.onnx", dates=3)
    core = openvino.Core()
    other = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert other.input().any_name == "series"
    for shape in SHAPES:
        series = torch.rand(shape)
        np.testing.assert_allclose(other(series.numpy())["logits"], network(series).numpy(), atol=1e-5)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [name for name in models.NAMES if name != "unet3d"])
@torch.no_grad()
def test_every_network_is_exported(name):
    model = models.build(name, width=2).eval()
    dates = dates_for(model, 2)
    program = export.export_program(model, dates=dates).module()
    series = torch.rand(1, 1, dates, 19, 30)
    torch.testing.assert_close(program(series), model(series), atol=1e-5, rtol=0)


def test_a_series_without_dates_is_not_exported(network):
    with pytest.raises(InputError, match="dates=0 found, 1 or more expected"):
        export.export_program(network, dates=0)


def test_another_number_of_dates_than_a_network_takes_is_not_exported():
    with pytest.raises(InputError, match="unet2d_channels: a series of 3 dates found, 15 expected"):
        export.export_program(models.build("unet2d_channels", width=2), dates=3)


def test_onnx_without_its_packages_is_refused_with_what_to_install(network, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install \"glaciersar\[onnx\]\""):
        export.write_onnx(network, tmp_path / "network.onnx")
    assert not list(tmp_path.iterdir())
