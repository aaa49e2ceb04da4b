"""Start the processes of a training: their device and precision, and what an accelerate configuration may ask of them.

`accelerate launch` hands a user's configuration file on as environment variables. Those that would change what a
`TrainConfig` says are refused.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import accelerate
import torch
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import GradientAccumulationPlugin, broadcast_object_list

from glaciersar.devices import choose_device
from glaciersar.errors import InputError
from glaciersar.models.precision import multiplies_bf16
from glaciersar.training.config import TrainConfig

T = TypeVar("T")
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""Number formats of 16 bits, in which networks compute while their weights stay float32."""

REFUSED = {
    "ACCELERATE_DYNAMO_BACKEND": "`compile` of the training says it",
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "`accumulate` of the training says it",
    "ACCELERATE_TORCH_DEVICE": "`device` of the training says it",
    "ACCELERATE_USE_DEEPSPEED": "each process holds the whole network",
    "ACCELERATE_USE_FSDP": "each process holds the whole network",
    "ACCELERATE_USE_MEGATRON_LM": "each process holds the whole network",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "each process holds the whole network",
}
OFF = ("", "no", "false", "0", "1")  # 1 accumulates nothing


def choose_precision(name: str, device: str) -> str:
    """Give the precision that a device ("cpu", "cuda") computes in, for a choice of `config.PRECISIONS`.

    Raises:
        InputError: fp16 on a CPU, which would take longer than float32.
    """
    if name == "fp16" and device == "cpu":
        raise InputError("precision='fp16' found on a CPU, auto, bf16 or float32 expected there")
    if name != "auto":
        return name
    if multiplies_bf16(device):
        return "bf16"
    return "fp16" if device == "cuda" else "float32"


def make_autocast(precision: str, device: str) -> torch.autocast:
    """Give the context in which a network computes in a precision."""
    return torch.autocast(device, HALF.get(precision, torch.bfloat16), enabled=precision in HALF)


def check_configuration(environment: Mapping[str, str], precision: str) -> None:
    """Refuse what a user's accelerate configuration says otherwise than the configuration of the training.

    Args:
        environment: Environment variables, by which `accelerate launch` hands the configuration file on.
        precision: From `choose_precision`.

    Raises:
        InputError: The sentence names the variable, and what decides in its place.
    """
    for name, reason in REFUSED.items():
        if (value := environment.get(name, "")).lower() not in OFF:
            raise InputError(f"{name}={value} found in the configuration of accelerate, none expected: {reason}")
    asked = environment.get("ACCELERATE_MIXED_PRECISION", "").lower()
    if asked not in ("", "no", precision):
        raise InputError(
            f"mixed_precision={asked} found in the configuration of accelerate, no or {precision} expected, which "
            f"`precision` of the training decides; `accelerate launch --mixed_precision no`"
        )


def start_processes(config: TrainConfig) -> accelerate.Accelerator:
    """Join the processes that a launcher has started, or be the only one; on the device of the configuration.

    Raises:
        InputError: The device is not there, the accelerate configuration says otherwise, or the batch cannot be
            divided.
    """
    device = choose_device("cpu" if _on_cpu(config) else config.device)
    check_configuration(os.environ, choose_precision(config.precision, device.type))
    if device.index is not None:
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise InputError(f"device={config.device!r} found with several processes, cuda expected: one GPU for each")
        torch.cuda.set_device(device)
    _forget_other_device(device.type)
    pinned = device.type == "cuda"  # copies from pinned memory need not wait
    accelerator = accelerate.Accelerator(
        cpu=device.type == "cpu",
        mixed_precision="no",  # the loop computes in the precision of the configuration by itself
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),  # it sums the parts of a batch itself
        dataloader_config=accelerate.DataLoaderConfiguration(non_blocking=pinned),
    )
    if config.threads:
        torch.set_num_threads(config.threads)
    processes = accelerator.num_processes
    if config.batch % processes:
        raise InputError(f"batch={config.batch} found, a multiple of {processes} processes expected")
    if config.batch // processes % max(config.accumulate, 1):
        raise InputError(
            f"accumulate={config.accumulate} found for {config.batch // processes} patches of a process, "
            f"a divisor of these expected"
        )
    return accelerator


def _on_cpu(config: TrainConfig) -> bool:
    """Say whether `accelerate launch --cpu` decides where the configuration leaves it open."""
    asked = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("true", "1", "yes")
    if asked and config.device.startswith("cuda"):
        raise InputError(f"device={config.device!r} found, but accelerate is configured for cpu; cpu or auto expected")
    return asked


def _forget_other_device(device: str) -> None:
    """Let accelerate start anew where an earlier training of this process was on another kind of device."""
    if not PartialState._shared_state or PartialState().num_processes > 1:
        return
    if PartialState().device.type != device or AcceleratorState._shared_state.get("_mixed_precision", "no") != "no":
        AcceleratorState._reset_state(reset_partial_state=True)


def told_by_main(accelerator: accelerate.Accelerator, work: Callable[[], T]) -> T:
    """Do something on the main process alone, and give its result to all, or its InputError."""
    told: list[Any] = [None]
    if accelerator.is_main_process:
        try:
            told[0] = work()
        except InputError as error:
            told[0] = error
    broadcast_object_list(told)
    if isinstance(told[0], InputError):
        raise told[0]
    result: T = told[0]
    return result
