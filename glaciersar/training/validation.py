"""Validate: read tiles ahead, map them, and count on the device."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from glaciersar.training import losses

T = TypeVar("T")


def score_tiles(
    model: nn.Module, tiles: Any, chosen: Iterable[int], *, device: torch.device, autocast: torch.autocast
) -> Tensor:
    """Map tiles and add up their scores; nothing waits for the device before the last.

    Args:
        model: In evaluation mode, on the device; not one that exchanges anything with other processes, which may have
            fewer tiles.
        tiles: Dataset of series (F, T, H, W) and labels (2, H, W).
        chosen: Indices of the tiles.
        device: Where to compute.
        autocast: The precision.

    Returns:
        (4,) float64 on the device: pixels found, pixels missed or false, and sums over tiles of loss and IoU.
    """
    sums = torch.zeros(4, dtype=torch.float64, device=device)

    def load(index: int) -> tuple[Tensor, Tensor]:
        series, labels = (x[None] for x in tiles[index][:2])
        return (series.pin_memory(), labels.pin_memory()) if device.type == "cuda" else (series, labels)

    for loaded in read_ahead(load, chosen):
        series, labels = (x.to(device, non_blocking=True) for x in loaded)
        with autocast:
            logits = model(series)  # (1, 2, H, W)
        found, wrong = count_pixels(logits, labels)
        loss = losses.focal_loss(logits.float(), labels)
        sums += torch.stack([x.double() for x in (found, wrong, loss, iou(found, wrong))])
    return sums


def count_pixels(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Count the pixels of (B, 2, H, W) logits by labels of the same shape, both 0 where none exists.

    Returns:
        Pixels of glacier that were found, and pixels that are missed or false; on the device.
    """
    found, truth = logits[:, 1] > logits[:, 0], labels[:, 1] > labels[:, 0]  # (B, H, W)
    seen = labels.sum(1) > 0
    return (found & truth & seen).sum(), ((found != truth) & seen).sum()


def iou(found: Tensor, wrong: Tensor) -> Tensor:
    """Give the IoU from pixels found and pixels missed or false; 1 where there is no glacier, and none found."""
    found, total = found.double(), (found + wrong).double()
    return torch.where(total > 0, found / total.clamp(min=1), 1.0)


def read_ahead(read: Callable[[int], T], indices: Iterable[int]) -> Iterator[T]:
    """Read items in order, each by a thread while the one before it is used."""
    with ThreadPoolExecutor(1) as thread:
        pending = None
        for index in chain(indices, [None]):
            following = None if index is None else thread.submit(read, index)
            if pending is not None:
                yield pending.result()
            pending = following
