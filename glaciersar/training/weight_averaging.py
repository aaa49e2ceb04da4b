"""Settles a network for validation: the mean of its weights over the last steps, with statistics of its own.

While the learning rate is high, the weights jump about, and the running statistics of the normalisation lag behind
them: validation then tells of the statistics of weights that are gone. The mean of the weights moves slowly, and its
statistics are computed anew.
"""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from glaciersar.models import Network


def average_weights(model: Network, *, decay: float) -> AveragedModel:
    """Begin an exponential mean of a network's weights; `update_parameters(model)` takes in a step.

    Args:
        model: The network in training.
        decay: Weight of the mean before a step, 0 to below 1: the mean reaches back over about 1 / (1 − decay) steps.
    """
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))


def copy_average(mean: AveragedModel, series: Iterable[Tensor], autocast: torch.autocast) -> Network:
    """Copy the mean of the weights and compute its statistics of normalisation anew.

    Args:
        mean: From `mean_of_weights`.
        series: Training batches (B, F, T, H, W) on the device of the network.
        autocast: In which training computes.
    """
    model = copy.deepcopy(mean.module)
    assert isinstance(model, Network)
    for module in model.modules():
        if isinstance(module, torch.nn.modules.dropout._DropoutNd):
            module.p = 0.0  # what is dropped in training would widen statistics that validation meets undropped
    with torch.no_grad(), autocast:
        update_bn(series, model)
    return model
