"""A training on a GPU repeats itself: shown by what it is computed by, as no GPU is needed for that."""

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from glaciersar import models
from glaciersar.training import loop, losses
from tests.training.test_loop import CONFIG, write_dataset

DOCUMENTED = (
    "adaptive_avg_pool", "adaptive_max_pool", "avg_pool3d_backward", "bincount", "ctc_loss", "cumsum", "embedding_bag",
    "fractional_max_pool", "gather", "grid_sampler", "histc", "index_add", "index_copy", "index_put", "index_select",
    "max_pool3d_with_indices_backward", "max_unpool", "median", "nll_loss", "put", "reflection_pad",
    "repeat_interleave", "replication_pad1d_backward", "replication_pad2d_backward", "replication_pad3d_backward",
    "scatter", "upsample_bicubic2d_backward", "upsample_bilinear2d_backward", "upsample_linear1d_backward",
    "upsample_trilinear3d_backward",
)  # fmt: skip
"""What torch.use_deterministic_algorithms names, by how it begins; convolutions, too, obey cudnn.deterministic."""


class Operations(TorchDispatchMode):
    """Notes the name of each operation, forwards and backwards."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(function.name().removeprefix("aten::").lstrip("_").partition(".")[0])
        return function(*args, **(kwargs or {}))


def operations_of_a_step(name, side):
    model = models.build(name, width=2)
    series, labels = torch.rand(2, 1, 15, side, side), torch.ones(2, 2, side, side) / 2
    with Operations() as seen:
        losses.focal_loss(model(series), losses.smooth(labels)).backward()
    return seen.names


@pytest.mark.parametrize("name", ["unet3d", "ulstm"])
@pytest.mark.parametrize("side", [16, 20])  # one of them is padded
def test_a_step_has_no_operation_whose_gradient_varies(name, side):
    names = operations_of_a_step(name, side)
    assert "convolution_backward" in names  # what is noted reaches the gradient
    varying = {found for found in names if found.startswith(DOCUMENTED)}
    # pooling on a GPU is in `models.layers.max_pool`; its windows do not overlap, so that no gradient is a sum
    assert varying <= {"max_pool3d_with_indices_backward"}


@pytest.mark.parametrize(("precision", "expected"), [("float32", "ieee"), ("tf32", "tf32")])
def test_a_training_takes_kernels_that_repeat_themselves_in_the_precision_asked_for(
    tmp_path, rng, monkeypatch, precision, expected
):
    write_dataset(tmp_path / "train.h5", ["SVAL-1-1_2020_ro14"], rng)
    write_dataset(tmp_path / "val.h5", ["SVAL-9-9_2020_ro14"], rng)
    cudnn, found = torch.backends.cudnn, []
    train_epoch, validate = loop._train_epoch, loop._validate

    def note(function):
        def noted(*arguments):
            found.append((cudnn.deterministic, cudnn.benchmark, cudnn.conv.fp32_precision))
            return function(*arguments)

        return noted

    monkeypatch.setattr(loop, "_train_epoch", note(train_epoch))
    monkeypatch.setattr(loop, "_validate", note(validate))
    before = cudnn.deterministic, cudnn.conv.fp32_precision
    config = replace(
        CONFIG, model="unet2d_mean", width=2, batch=1, epochs=1, steps_per_epoch=1, restarts=[1], precision=precision
    )
    loop.train(config, tmp_path, tmp_path / "run", progress=False)
    assert found == [(True, False, expected)] * 2
    assert (cudnn.deterministic, cudnn.conv.fp32_precision) == before
