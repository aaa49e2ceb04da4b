"""Batch normalisation over the patches of all processes, as one process would do it.

`torch.nn.SyncBatchNorm` does this on GPUs only: on a CPU it refuses its input, and DistributedDataParallel refuses it.
`CpuSyncBatchNorm` is the same in plain tensor operations, so that processes on CPUs compute what one process does, and
tests need no GPU.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def _sum_over_processes(values: Tensor) -> Tensor:
    total: Tensor = _SumOverProcesses.apply(values)  # type: ignore[no-untyped-call]
    return total


class _SumOverProcesses(torch.autograd.Function):
    """Sum a tensor over all processes. Its gradient is the sum of theirs, as each of them used the sum."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


class CpuSyncBatchNorm(_BatchNorm):
    """Normalise channels by mean and variance over the patches of all processes."""

    def _check_input_dim(self, input: Tensor) -> None:
        assert input.ndim > 2

    def forward(self, input: Tensor) -> Tensor:  # (B, C, …), in any precision; B may differ between processes
        if not (self.training and dist.is_initialized()):
            return super().forward(input)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        axes = [0, *range(2, input.ndim)]
        shape = [1, -1, *[1] * (input.ndim - 2)]
        values = input.float()
        own = values.new_tensor([input.numel() // input.shape[1]])
        sums = _sum_over_processes(torch.cat((values.sum(axes), own)))  # (C + 1,)
        count = sums[-1].detach()
        centred = values - (sums[:-1] / count).view(shape)
        variance = _sum_over_processes(centred.square().sum(axes)) / count  # (C,)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(sums[:-1] / count, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normalised: Tensor = (centred * scale.view(shape) + self.bias.view(shape)).to(input.dtype)
        return normalised


def share_batch_statistics(model: nn.Module, device: str) -> None:
    """Exchange each batch normalisation of a network, in place, for one over all processes; tensors keep their names.

    Args:
        model: The network, before an optimiser knows its parameters.
        device: Kind of device that it will be on, "cpu" or "cuda".
    """
    kind = CpuSyncBatchNorm if device == "cpu" else nn.SyncBatchNorm
    for name, module in list(model.named_modules()):
        if isinstance(module, _BatchNorm):
            shared = kind(module.num_features, module.eps, module.momentum)
            shared.load_state_dict(module.state_dict())
            parent, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(parent), leaf, shared)
