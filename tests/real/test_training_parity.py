"""Loss, schedule, metric and augmentations against the authors' own: ../shared/reference."""

import numpy as np
import pytest
import torch

from glaciersar import augment, losses
from glaciersar.metrics import patch_iou
from glaciersar.schedule import learning_rate


@pytest.fixture
def fixture(shared):
    return lambda name: np.load(shared / "reference" / f"{name}.npz")


def ours(array):  # (B, H, W, 2) -> (B, 2, H, W)
    return torch.from_numpy(np.moveaxis(array, -1, 1).copy())


@pytest.mark.parametrize("labels", ["hard", "smooth", "soft"])
@pytest.mark.parametrize("gamma", [0, 1, 2, 5])
def test_the_focal_loss_agrees(fixture, labels, gamma):
    found = fixture("focal_loss")
    loss = losses.focal_loss_of_probabilities(ours(found["y_pred"]), ours(found[f"y_{labels}"]), gamma=gamma)
    assert loss.item() == pytest.approx(float(found[f"focal_{labels}_gamma{gamma}"]), abs=5e-7)


@pytest.mark.parametrize("labels", ["hard", "smooth", "soft"])
def test_the_focal_loss_with_class_weights_agrees(fixture, labels):
    found = fixture("focal_loss")
    loss = losses.focal_loss_of_probabilities(ours(found["y_pred"]), ours(found[f"y_{labels}"]), alphas=(0.25, 0.75))
    assert loss.item() == pytest.approx(float(found[f"focal_{labels}_gamma2_alphas_0.25_0.75"]), abs=5e-7)


@pytest.mark.parametrize("labels", ["hard", "smooth", "soft"])
def test_gradients_of_the_focal_loss_agree_and_are_zero_where_the_clip_acts(fixture, labels):
    found = fixture("focal_loss")
    for source, kind, loss in (
        ("y_pred", "pred", losses.focal_loss_of_probabilities),
        ("logits", "logits", losses.focal_loss),
    ):
        x, gradient = ours(found[source]).requires_grad_(), ours(found[f"grad_{kind}_{labels}_gamma2"])
        loss(x, ours(found[f"y_{labels}"])).backward()
        torch.testing.assert_close(x.grad, gradient, rtol=1e-6, atol=1e-8)
        assert torch.equal(x.grad == 0, gradient == 0)


def test_the_learning_rate_of_every_step_agrees(fixture):
    found = fixture("lr_schedule")
    steps = int(found["steps_per_epoch"])
    for name in ("lr", "lr_770"):
        rates = [
            learning_rate(step, steps_per_epoch=steps, start=float(found["start"])) for step in range(len(found[name]))
        ]
        np.testing.assert_allclose(rates, found[name], rtol=0, atol=1e-10)


@pytest.mark.parametrize("index", [0, 1])
def test_the_iou_metric_agrees(fixture, index):
    found = fixture("iou_metric")
    truth, called = (found[name].argmax(-1) == index for name in ("y_true", "y_pred"))  # (3, 4, H, W)
    scores = np.stack([patch_iou(t, c) for t, c in zip(truth, called, strict=True)])  # (3, 4)
    np.testing.assert_allclose(scores, found[f"per_sample_class{index}"], rtol=0, atol=1e-6)
    running = np.cumsum(scores.sum(1)) / np.arange(4, 13, 4)
    np.testing.assert_allclose(running, found[f"running_class{index}"], rtol=0, atol=1e-6)


TRANSFORMS = {
    "vflip": lambda x, y: (augment.flip_vertically(x), augment.flip_vertically(y)),
    "hflip": lambda x, y: (augment.flip_horizontally(x), augment.flip_horizontally(y)),
    "rot1": lambda x, y: (augment.turn(x, 1), augment.turn(y, 1)),
    "rot2": lambda x, y: (augment.turn(x, 2), augment.turn(y, 2)),
    "rot3": lambda x, y: (augment.turn(x, 3), augment.turn(y, 3)),
    "crop_size28_y1_x3": lambda x, y: augment.crop_and_scale_scrambled(x, y, size=28, top=1, left=3),
    "gamma_0.9_1.15": lambda x, y: (augment.gamma(x, (0.9, 1.15)), y),
    "shift_0.02_-0.03": lambda x, y: (augment.shift(x, (0.02, -0.03)), y),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_an_augmentation_with_fixed_draws_agrees(fixture, name):
    found = fixture("augmentations")
    series = torch.from_numpy(found["in_inputs"].transpose(3, 0, 1, 2).copy())  # (F, T, H, W)
    labels = torch.from_numpy(found["in_outlines"].transpose(2, 0, 1).copy())  # (2, H, W)
    new, new_labels = TRANSFORMS[name](series, labels)
    np.testing.assert_allclose(new.permute(1, 2, 3, 0), found[f"{name}_inputs"], rtol=0, atol=5e-7)
    np.testing.assert_allclose(new_labels.permute(1, 2, 0), found[f"{name}_outlines"], rtol=0, atol=5e-7)


def test_the_corrected_crop_gives_the_same_labels_but_features_in_their_places(fixture):
    found = fixture("augmentations")
    series = torch.from_numpy(found["in_inputs"].transpose(3, 0, 1, 2).copy())
    labels = torch.from_numpy(found["in_outlines"].transpose(2, 0, 1).copy())
    new, new_labels = augment.crop_and_scale(series, labels, size=28, top=1, left=3)
    np.testing.assert_allclose(new_labels.permute(1, 2, 0), found["crop_size28_y1_x3_outlines"], rtol=0, atol=5e-7)
    assert np.abs(new.permute(1, 2, 3, 0).numpy() - found["crop_size28_y1_x3_inputs"]).max() > 0.1
