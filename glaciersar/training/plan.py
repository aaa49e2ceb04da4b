"""Say what a training computes by: device, precision, processes, and over which patches it normalises."""

import sys

import torch

from glaciersar.models.compiled import compiled_parts
from glaciersar.training.setup import Run


def print_plan(run: Run, *, all_of_it: bool) -> None:
    """Print the plan to stderr, or only what makes it unlike a training on one device at once, on the main process."""
    if not run.is_main:
        return
    for line in describe_plan(run)[0 if all_of_it else 1 :]:
        print(line, file=sys.stderr)


def describe_plan(run: Run) -> list[str]:
    """Describe what a training computes by, a sentence each; first device, precision and number of processes."""
    config, processes, device = run.config, run.accelerator.num_processes, run.accelerator.device
    each = config.batch // processes
    lines = [f"{config.model} trains on {_name_device(device)} in {run.precision}, {_count(processes, 'process')}"]
    if device.type == "cuda" and processes == 1 < torch.cuda.device_count():
        lines[0] += (
            f"; {torch.cuda.device_count()} GPUs are there, which `accelerate launch -m glaciersar.training` would use"
        )
    at_once = config.batch // run.accumulate
    if processes > 1:
        kind = "SyncBatchNorm" if device.type == "cuda" else "CpuSyncBatchNorm, as SyncBatchNorm knows GPUs only"
        lines.append(f"batch normalisation is over the {at_once} patches that all processes compute at once ({kind})")
    if run.accumulate > 1:
        lines.append(
            f"{_count(each, 'patch', 'patches')} of a step are computed in {run.accumulate} parts to need less memory: "
            f"batch statistics are of {_count(at_once, 'patch', 'patches')}, not of all {config.batch}, and results "
            f"differ from those of a device that holds them at once"
        )
    if config.compile:
        parts = compiled_parts(run.model)
        lines.append(
            f"compiled, which takes a minute in the first step: {' and '.join(parts) or 'nothing'}"
            + ("; normalisation is left as it is, as processes wait for each other in it" if processes > 1 else "")
        )
    if run.started_from:
        first = f"; only the decoder learns for {_count(config.decoder_first, 'epoch', 'epochs')}"
        lines.append(f"starts from {run.started_from}{first if config.decoder_first else ''}")
    if run.precision == "fp16":
        lines.append("the loss is scaled for fp16; a step whose gradients overflow is left out")
    return lines


def _name_device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"


def _count(number: int, noun: str, many: str = "") -> str:
    return f"{number} {noun if number == 1 else many or noun + 'es'}"
