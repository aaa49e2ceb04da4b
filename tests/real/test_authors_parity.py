"""Networks, training and mapping against the authors' own code: ../shared/reference, by the checks of the package."""

import numpy as np
import pytest
import torch

from glaciersar.dataset.augmentation import Augmentation
from glaciersar.training import losses
from tools import parity


@pytest.fixture
def folder(shared):
    return shared / "reference"


@pytest.mark.parametrize("network", parity.NETWORKS)
@pytest.mark.parametrize("check", parity.NETWORK_CHECKS, ids=lambda check: check.what)
def test_a_network_agrees(check, network, folder):
    assert check.measure(folder, network) <= check.tolerance


@pytest.mark.parametrize("check", parity.OTHER_CHECKS, ids=lambda check: check.what)
def test_training_and_mapping_agree(check, folder):
    assert check.measure(folder) <= check.tolerance


@pytest.mark.parametrize("network", parity.NETWORKS)
def test_labels_are_smoothed_alike(network, folder):
    found = np.load(folder / f"{network}_step.npz")
    smoothed = losses.smooth(torch.from_numpy(np.moveaxis(found["labels"], -1, 1).copy()))
    np.testing.assert_array_equal(smoothed.movedim(1, -1), found["labels_smoothed"])


def test_the_corrected_crop_gives_the_same_labels_but_features_in_their_places(folder):
    found = np.load(folder / "augmentations.npz")
    series, labels = found["in_inputs"].transpose(3, 0, 1, 2), found["in_outlines"].transpose(2, 0, 1)
    new, new_labels = Augmentation(crop=(28, 1, 3)).apply(series, labels)
    np.testing.assert_allclose(new_labels.transpose(1, 2, 0), found["crop_size28_y1_x3_outlines"], rtol=0, atol=5e-7)
    assert np.abs(new.transpose(1, 2, 3, 0) - found["crop_size28_y1_x3_inputs"]).max() > 0.1
