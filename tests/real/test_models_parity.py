"""The networks against the authors' own, run by Keras on random weights: ../shared/reference."""

import numpy as np
import pytest
import torch

from glaciersar import losses
from glaciersar.metrics import patch_iou
from glaciersar.models.keras import from_keras, read_layers, to_torch, weight_order
from glaciersar.schedule import adam_epsilon

FIXTURES = ("icemapper_v1_w4_f1", "icemapper_v2_w4_f1", "icemapper_v2_w4_f2", "ulstm_w4_f1")


@pytest.fixture(params=FIXTURES)
def case(request, shared):
    """A model and a function that opens its fixtures."""
    folder = shared / "reference"
    path = folder / f"{request.param}.h5"
    return path, lambda kind: np.load(folder / f"{request.param}_{kind}.npz")


def ours(array):  # channels last, as Keras has them -> channels first
    return torch.from_numpy(np.moveaxis(array, -1, 1).copy())


def probabilities(model, series):
    return model(series).softmax(1).detach().movedim(1, -1).numpy()


def keys_of(path, model):
    """Map the names in the file to ours."""
    layers = zip(read_layers(path), weight_order(model.name), strict=True)
    return {name: key for (_, found), keys in layers for (name, _), key in zip(found, keys, strict=True)}


def expected(arrays, prefix, keys, state):
    """Fixture arrays named `prefix|<weight>`, as tensors under our names."""
    names = [name for name in arrays if name.startswith(f"{prefix}|")]
    assert names
    return {(key := keys[name.partition("|")[2]]): to_torch(arrays[name]).reshape(state[key].shape) for name in names}


def test_inference_agrees(case):
    path, fixture = case
    found = fixture("infer")
    model, series = from_keras(path), ours(found["x"])
    np.testing.assert_allclose(probabilities(model, series), found["y"], rtol=0, atol=5e-6)
    np.testing.assert_allclose(probabilities(model.double(), series.double()), found["y_float64"], rtol=0, atol=1e-7)


def test_the_maps_of_the_encoder_agree(case):
    path, fixture = case
    found = fixture("infer")
    maps = from_keras(path).encode(ours(found["x"]))
    assert len(maps) == sum(name.startswith("enc") for name in found)
    for level, skip in enumerate(maps):
        scale = np.abs(found[f"enc{level}"]).max()
        np.testing.assert_allclose(
            skip.detach().movedim(1, -1), found[f"enc{level}"], rtol=0, atol=2e-6 * max(scale, 1)
        )


def test_the_training_forward_and_its_running_statistics_agree(case):
    path, fixture = case
    found = fixture("train")
    model, series = from_keras(path).train(), ours(found["x"])
    np.testing.assert_allclose(probabilities(model, series), found["y"], rtol=0, atol=2e-4)
    state = model.state_dict()
    for key, value in expected(found, "moving", keys_of(path, model), state).items():
        torch.testing.assert_close(state[key], value, rtol=0, atol=1e-6, msg=key)
    model = from_keras(path).double().train()
    np.testing.assert_allclose(probabilities(model, series.double()), found["y_float64"], rtol=0, atol=1e-6)


def test_loss_and_gradients_agree(case):
    path, fixture = case
    found = fixture("step")
    model = from_keras(path).train()
    labels = losses.smooth(ours(found["labels"]))
    np.testing.assert_array_equal(labels.movedim(1, -1), found["labels_smoothed"])
    loss = losses.focal_loss(model(ours(found["x"])), labels)
    assert loss.item() == pytest.approx(float(found["loss"]), abs=5e-6)
    loss.backward()
    weights = dict(model.named_parameters())
    apart = []
    for key, gradient in expected(found, "grad", keys_of(path, model), model.state_dict()).items():
        if not before_a_normalisation(key):
            apart.append(float((weights[key].grad - gradient).norm() / gradient.norm()))
    assert np.median(apart) < 5e-5
    assert max(apart) < 0.05  # kinks of LeakyReLU, maximum and clip in single precision


def before_a_normalisation(key):
    """The gradient of such a bias is mathematically zero: what is left is rounding."""
    return key.endswith(".0.bias")


def test_three_steps_of_the_optimiser_agree(case):
    path, fixture = case
    found = fixture("step")
    model = from_keras(path).train()
    series, labels = ours(found["x"]), losses.smooth(ours(found["labels"]))
    optimizer = torch.optim.Adam(model.parameters(), lr=float(found["adam_lr"]))
    for step in range(3):
        loss = losses.focal_loss(model(series), labels)
        assert loss.item() == pytest.approx(found["losses_3steps"][step], abs=5e-6)
        optimizer.param_groups[0]["eps"] = adam_epsilon(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    state = model.state_dict()
    for key, value in expected(found, "after3", keys_of(path, model), state).items():
        if not before_a_normalisation(key):
            torch.testing.assert_close(state[key], value, rtol=0, atol=3e-4, msg=key)


def test_evaluation_agrees_with_keras(case):
    path, fixture = case
    found = fixture("step")
    labels = ours(found["labels"])
    with torch.no_grad():
        logits = from_keras(path)(ours(found["x"]))
    truth, called = (x.argmax(1).numpy() for x in (labels, logits))
    scores = (
        float(losses.focal_loss(logits, labels)),
        (truth == called).mean(),
        patch_iou(truth == 1, called == 1).mean(),
    )
    np.testing.assert_allclose(scores, found["eval_loss_acc_iou"], rtol=0, atol=1e-6)
