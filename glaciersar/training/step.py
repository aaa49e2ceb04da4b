"""One training step: forward, loss, backward, Adam; in parts and by several processes as if by one."""

from contextlib import nullcontext

import torch
from torch import Tensor

from glaciersar.training import losses
from glaciersar.training.decoder_first import drop_encoder_gradients
from glaciersar.training.setup import Run


def take_step(run: Run, series: Tensor, labels: Tensor, *, encoder_held: bool = False) -> Tensor:
    """Train on this process' patches of a step.

    Args:
        run: What to train; its optimiser has the learning rate of the step.
        series: (B, F, T, P, P).
        labels: (B, 2, P, P).
        encoder_held: Leave the weights of the encoder as they are.

    Returns:
        The loss. Of several processes each has its patches' part of it, times the number of processes: the loss is the
        mean over processes, as the gradient is that torch takes.
    """
    run.optimizer.zero_grad()
    pixels = _seen_pixels(run, labels)
    total = torch.zeros((), device=labels.device)
    parts = list(zip(series.chunk(run.accumulate), labels.chunk(run.accumulate), strict=True))
    for number, (x, y) in enumerate(parts, start=1):
        last = number == len(parts)  # the processes add up their gradients once, with the last part
        with nullcontext() if last else run.accelerator.no_sync(run.wrapped):
            with run.autocast:
                logits = run.wrapped(x)  # (B, 2, P, P)
            loss = losses.focal_loss(logits.float(), losses.smooth(y), pixels=pixels)
            run.scaler.scale(loss).backward()
        total += loss.detach()
    if encoder_held:
        drop_encoder_gradients(run.model)
    run.scaler.step(run.optimizer)  # in fp16 not taken where a gradient is too large; else Adam's step alone
    run.scaler.update()
    return total


def _seen_pixels(run: Run, labels: Tensor) -> Tensor | None:
    """Count what the loss of a part is divided by: the seen pixels of the whole step, a process' share of them.

    Without it, pixels of patches that radar hardly sees would weigh more than others. None where a part is all.
    """
    processes = run.accelerator.num_processes
    if processes == 1 and run.accumulate == 1:
        return None
    count: Tensor = run.accelerator.reduce(losses.count_seen(labels))  # over all processes
    share: Tensor = count.clamp(min=1) / processes
    return share
