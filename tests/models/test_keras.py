import zipfile

import h5py
import numpy as np
import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.inference import sliding_window
from glaciersar.inference.sliding_window import Tiling
from glaciersar.models import pretrained
from glaciersar.models.keras import EXPECTED, from_keras
from tests.support.keras_files import write_keras

NAMES = ("unet3d", "unet3d_weighted", "ulstm")


@pytest.fixture(params=NAMES)
def model(request):
    torch.manual_seed(1)
    model = models.build(request.param, features=2, width=4, dropout=0)
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.uniform_(0.1, 0.5)
    return model.eval()


def test_values_in_another_file_are_refused(tmp_path):
    path = write_keras(models.build("unet3d", width=2), tmp_path / "w.h5")
    (tmp_path / "secret").write_bytes(bytes(1000))
    with h5py.File(path, "r+") as file:
        layer = file[file.attrs["layer_names"][1]]
        name = layer.attrs["weight_names"][0]
        shape = layer[name].shape
        del layer[name]
        layer.create_dataset(name, shape, "f4", external=[(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)])
    with pytest.raises(InputError, match="values in another file found"):
        from_keras(path)


def test_a_file_of_any_width_and_features_gives_the_model_it_came_from(model, tmp_path):
    found = from_keras(write_keras(model, tmp_path / "w.h5"))
    assert (found.name, found.features, found.width, found.training) == (model.name, 2, 4, False)
    for (key, value), (_, expected) in zip(found.state_dict().items(), model.state_dict().items(), strict=True):
        assert torch.equal(value, expected), key
    assert all(weight.requires_grad for weight in found.parameters())


@pytest.mark.parametrize(("name", "features", "width"), [("unet3d", 1, 8), ("unet3d_weighted", 3, 6), ("ulstm", 5, 2)])
def test_width_and_features_are_inferred(name, features, width, tmp_path):
    found = from_keras(write_keras(models.build(name, features=features, width=width), tmp_path / "w.h5"))
    assert (found.name, found.features, found.width) == (name, features, width)


def test_reading_draws_no_random_number(tmp_path):
    path = write_keras(models.build("ulstm", width=2), tmp_path / "w.h5")
    before = torch.get_rng_state()
    from_keras(path)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_shape_off_by_one_is_refused_by_the_weights_name(model, tmp_path):
    path = write_keras(model, tmp_path / "w.h5")
    with h5py.File(path, "a") as file:
        layer = [name.decode() for name in file.attrs["layer_names"]][-1]
        group = file[layer]
        name = group.attrs["weight_names"][0].decode()
        kernel = group[name][()]
        del group[name]
        group[name] = kernel[..., :-1]
    shape = str(kernel[..., :-1].shape).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(
        InputError, match=rf"w\.h5: weight {layer}/{name} has shape {shape}, .* expected for {model.name}"
    ):
        from_keras(path)


def change(path, layer, index, new):
    """Put new(values) in the place of a weight; returns the name of the weight."""
    with h5py.File(path, "a") as file:
        group = file[file.attrs["layer_names"][layer]]
        name = group.attrs["weight_names"][index].decode()
        values = group[name][()]
        del group[name]
        group[name] = new(values)
        return f"{group.name[1:]}/{name}"


@pytest.mark.parametrize("axis", [0, -1])
def test_a_first_kernel_off_by_one_is_refused_by_its_name_too(model, tmp_path, axis):
    path = write_keras(model, tmp_path / "w.h5")
    weight = change(path, 1, 0, lambda kernel: np.concatenate((kernel, kernel.take([0], axis)), axis))
    with pytest.raises(InputError, match=rf"w\.h5: .*{weight}, .*expected"):
        from_keras(path)


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (lambda values: values * np.nan, "holds NaN or infinite values, finite ones expected"),
        (lambda values: values + np.inf, "holds NaN or infinite values, finite ones expected"),
        (lambda values: values.astype(np.float64), "is of type float64, float32 expected"),
        (lambda values: values.astype(np.int32), "is of type int32, float32 expected"),
        (lambda values: np.full(values.shape, b"x"), r"is of type \|S1, float32 expected"),
        (lambda values: h5py.Empty("f4"), "has shape None"),
    ],
)
def test_a_weight_that_is_no_finite_float32_is_refused_by_its_name(model, tmp_path, new, sentence):
    path = write_keras(model, tmp_path / "w.h5")
    weight = change(path, 1, 1, new)
    with pytest.raises(InputError, match=rf"w\.h5: weight {weight} {sentence}"):
        from_keras(path)


@pytest.mark.parametrize("names", [3, [1, 2], "abc", np.array([b"\xff\xfe"]), ["layer_97", "none"]])
@pytest.mark.parametrize("attribute", ["layer_names", "weight_names"])
def test_a_list_of_names_that_leads_nowhere_is_refused(tmp_path, attribute, names):
    path = write_keras(models.build("ulstm", width=2), tmp_path / "w.h5")
    with h5py.File(path, "a") as file:
        (file if attribute == "layer_names" else file["layer_97"]).attrs[attribute] = names
    with pytest.raises(InputError, match=r"w\.h5: cannot be read as Keras weights"):
        from_keras(path)


def test_a_group_in_the_place_of_a_weight_is_refused(tmp_path):
    path = write_keras(models.build("ulstm", width=2), tmp_path / "w.h5")
    with h5py.File(path, "a") as file:
        del file["layer_97/part_97/weight:0"]
        file.create_group("layer_97/part_97/weight:0")
    with pytest.raises(InputError, match=r"w\.h5: weight layer_97/part_97/weight:0: a group or another object found"):
        from_keras(path)


def test_another_architecture_is_refused(model, tmp_path):
    path = write_keras(model, tmp_path / "w.h5")
    with h5py.File(path, "a") as file:
        file.attrs["layer_names"] = file.attrs["layer_names"][:-1]
    with pytest.raises(InputError, match="those of unet3d, unet3d_weighted, ulstm expected"):
        from_keras(path)


def test_a_truncated_file_is_refused(model, tmp_path):
    path = write_keras(model, tmp_path / "w.h5")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"w\.h5: cannot be read as Keras weights"):
        from_keras(path)


def test_a_file_of_something_else_or_none_is_refused(tmp_path):
    text, other = tmp_path / "text.h5", tmp_path / "other.h5"
    text.write_text("not HDF5")
    with h5py.File(other, "w") as file:
        file["grd"] = [1.0]
    for path in (text, other):
        with pytest.raises(InputError, match="cannot be read as Keras weights"):
            from_keras(path)
    for path in (tmp_path / "none.h5", tmp_path):
        with pytest.raises(InputError, match="no such file"):
            from_keras(path)


def test_an_odd_width_is_refused(tmp_path):
    path = tmp_path / "w.h5"
    write_keras(models.unet3d.UNet3D(width=5), path)
    with pytest.raises(InputError, match=r"w\.h5: 1 features and width 5 found"):
        from_keras(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_the_published_width_is_read_and_maps(name, tmp_path, rng):
    torch.manual_seed(2)
    model = models.build(name, width=32).eval()
    found = pretrained.load(write_keras(model, tmp_path / "w.h5"))
    assert found.width == 32
    series = rng.random((1, 15, 40, 52), dtype=np.float32)
    probability = sliding_window.map_array(found, series, tiling=Tiling(window=32))
    assert probability.shape == (40, 52)
    assert probability.std() > 0
    np.testing.assert_array_equal(probability, sliding_window.map_array(model, series, tiling=Tiling(window=32)))


def test_weights_of_keras_3_are_refused_as_that(tmp_path):
    path = tmp_path / "model.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_group("layers/conv3d/vars")["0"] = np.zeros((3, 3, 3, 1, 4), np.float32)
        file.create_group("optimizer/vars")
    for read in (from_keras, pretrained.load):
        with pytest.raises(InputError) as told:
            read(path)
        assert str(told.value) == f"{path}: weights of Keras 3 found, those {EXPECTED}"
    archive = tmp_path / "model.keras"
    archive.write_bytes(b"PK\3\4")
    with pytest.raises(InputError, match=r"model\.keras: a whole model of Keras 3 found"):
        pretrained.load(archive)


@pytest.mark.parametrize("name", ["renamed.h5", "renamed", "model.keras"])
def test_a_whole_model_of_keras_3_is_told_as_that_whatever_its_name(tmp_path, name):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(InputError) as told:
        pretrained.load(tmp_path / name)
    assert str(told.value) == (
        f"{tmp_path / name}: a whole model of Keras 3 found (.keras), its weights alone {EXPECTED}"
    )


def test_a_whole_model_of_keras_2_is_told_as_that(tmp_path):
    path = tmp_path / "whole.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "{}"
        file.create_group("model_weights").attrs["layer_names"] = np.array(["conv"], "S")
    for read in (from_keras, pretrained.load):
        with pytest.raises(InputError) as told:
            read(path)
        expected = f"a whole model of Keras found, as model.save writes it, its weights alone {EXPECTED}"
        assert str(told.value) == f"{path}: {expected}"
