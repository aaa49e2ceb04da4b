"""Average the weights over the last steps (EMA), and recompute batch-norm statistics for the average.

At a high learning rate the weights change much from step to step, and the running statistics of batch normalisation
lag behind them, so that validation fails. Averaged weights change slowly, and get statistics of their own.
"""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from glaciersar.models import Network


def average_weights(model: Network, *, decay: float, trained: bool = False) -> AveragedModel:
    """Start an exponential moving average of a network's weights; `update_parameters(model)` adds a step.

    Args:
        model: The network in training.
        decay: Weight of the average so far, 0 to below 1: it averages over about 1 / (1 − decay) steps.
        trained: The weights are worth keeping, so that the average starts from them; random ones it forgets with the
            first step.
    """
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
    if trained:
        average.n_averaged.fill_(1)
    return average


def copy_average(average: AveragedModel, series: Iterable[Tensor], autocast: torch.autocast) -> Network:
    """Copy the averaged weights and recompute their batch-norm statistics, without dropout.

    Args:
        average: From `average_weights`.
        series: Training batches (B, F, T, P, P) on the device of the network.
        autocast: The precision in which training computes.
    """
    model = copy.deepcopy(average.module)
    assert isinstance(model, Network)
    for module in model.modules():
        if isinstance(module, torch.nn.modules.dropout._DropoutNd):
            module.p = 0.0  # dropout would widen the statistics, and validation has none
    with torch.no_grad(), autocast:
        update_bn(series, model)
    return model
