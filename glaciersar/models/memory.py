"""Compute the most memory that a pass of a network takes, for any size and precision, without a device at hand.

A pass runs without numbers (torch's device "meta"): every tensor counts from when it is made to when nothing refers to
it any more.
"""

import copy
import weakref
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from glaciersar.models.layers import Network
from glaciersar.models.precision import HALVES, accept_bf16_parts, fold_norms, split_for_bf16
from glaciersar.models.structure import without_numbers

STATES = {False: 1, True: 3}
"""Numbers in memory for each weight: itself, and in training two of Adam; its gradient counts as it is made."""


def peak_bytes(
    network: Network,
    *,
    dates: int = 15,
    side: int = 384,
    batch: int = 1,
    precision: str = "float32",
    training: bool = False,
) -> int:
    """Compute the most memory that tensors take at one time, bytes, with the weights.

    What kernels use for themselves comes on top; on a GPU add 1 to 3 GiB for these and for CUDA.

    Args:
        network: From `models.build` or `pretrained.load`; stays as it is.
        dates: Of the series.
        side: Of the patch or window, pixels.
        batch: How many patches.
        precision: "float32", "bf16" or "fp16"; mapping in 16 bits folds normalisations, as `inference.backends` does.
        training: A step with its gradient and Adam, instead of mapping.
    """
    half = HALVES.get(precision)
    held = 4 * STATES[training] * sum(weight.numel() for weight in network.parameters())
    if half is not None and not training:
        folded = fold_norms(copy.deepcopy(network).eval())
        assert isinstance(folded, Network)
        reduce, ready = without_numbers(folded).reduce, without_numbers(accept_bf16_parts(folded, half)).to(half)
    else:
        ready = without_numbers(network).to(half or torch.float32)
    ready.train(training)
    with torch.set_grad_enabled(training), LiveBytes(ready.state_dict().values()) as tracked:
        series = torch.empty(batch, network.features, dates, side, side, device="meta")
        if half is not None and not training:
            ready(split_for_bf16(reduce(series), half).to(half))
        elif half is not None:
            _learn(ready(series.to(half)))
        elif training:
            _learn(ready(series))
        else:
            ready(series)
    peak: int = tracked.peak
    return held + peak


def _learn(logits: Tensor) -> None:  # (B, 2, H, W)
    labels = torch.empty_like(logits, dtype=torch.float32)
    F.binary_cross_entropy_with_logits(logits.float(), labels).backward()


class LiveBytes(TorchDispatchMode):
    """Count the bytes of the tensors that are alive, but for the given ones."""

    def __init__(self, uncounted: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live: int = 0
        self.peak: int = 0
        self._known: MutableMapping[Any, int] = WeakIdKeyDictionary()
        for tensor in uncounted:
            self._known[tensor.untyped_storage()] = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        self.peak = max(self.peak, self.live)
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage not in self._known:  # a view shares the storage of another tensor
            self._known[storage] = size = storage.nbytes()
            self.live += size
            weakref.finalize(storage, self._release, size)

    def _release(self, size: int) -> None:
        self.live -= size
