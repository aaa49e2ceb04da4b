"""Tell on what the networks compute here, in which precision, and what fits into its memory: `glaciersar doctor`."""

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from glaciersar import models
from glaciersar.devices import choose_device, slow_convolutions
from glaciersar.models.memory import peak_bytes
from glaciersar.models.precision import fastest_precision

DRIVER = Path("/proc/driver/nvidia/version")
SHARED = Path("/dev/shm")
NETWORKS = ("unet3d", "ulstm")
WINDOWS = (1280, 640, 320, 160)  # pixels
BATCHES = (8, 4, 2, 1)  # patches at a time, which divide the published batch of 8
PATCH = 384
GIB = 2**30
RESERVED = 1.5 * GIB  # for CUDA itself
SLACK = 1.2  # how much more than its tensors a network may take, for what kernels use


def examine(device: str = "auto", *, width: int = 32) -> str:
    """Describe the device that `device` stands for, and what of it the networks can use; works without a GPU.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:1".
        width: Of the networks whose needs are computed; 32 is the published one.

    Returns:
        Lines of text.
    """
    chosen = choose_device(device)
    lines = [*_software(), *_gpus(), *_machine(), f"device: {chosen} (device={device!r})"]
    precision = fastest_precision(str(chosen))
    lines.append(f"fastest precision: {precision}")
    version = torch.backends.cudnn.version() if chosen.type == "cuda" else None
    if slow := slow_convolutions(precision, version):
        lines.append(slow)
    free = free_bytes(chosen)
    lines.append(f"free memory: {free / GIB:.1f} GiB")
    lines += [what_fits(name, free, precision=precision, width=width) for name in NETWORKS]
    return "\n".join(lines)


def what_fits(name: str, free: float, *, precision: str, width: int = 32) -> str:
    """Say how large a window is mapped, and how many patches are trained on at a time, in so many bytes."""
    network, room = models.build(name, width=width), (free - RESERVED) / SLACK
    of_window = peak_bytes(network, side=WINDOWS[-1], precision=precision) / WINDOWS[-1] ** 2
    of_patch = peak_bytes(network, side=PATCH, precision=precision, training=True)
    window = next((side for side in WINDOWS if of_window * side**2 <= room), None)
    batch = next((batch for batch in BATCHES if of_patch * batch <= room), None)
    mapped = f"maps windows of {window} pixels" if window else "has no room to map"
    trained = f"trains on {batch} patches of {PATCH} pixels at a time" if batch else "has no room to train"
    return f"{name}, width {width}, in {precision}: {mapped}, {trained}"


def free_bytes(device: torch.device) -> int:
    """Tell how much memory of a device is free."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    return int(found[1]) * 1024 if found else 0


def why_no_gpu(*, built_for: str | None, driver: str | None) -> str:
    """Say why torch sees no GPU.

    Args:
        built_for: Version of CUDA that torch was built for, None without.
        driver: Version of the driver, None where there is none.
    """
    if built_for is None and driver is None:
        return "no GPU: there is no NVIDIA driver, and PyTorch is built for CPUs"
    if built_for is None:
        return "no GPU: PyTorch is built for CPUs; install its build for CUDA (pytorch.org/get-started)"
    if driver is None:
        return (
            f"no GPU: PyTorch is built for CUDA {built_for}, but there is no NVIDIA driver, or this container has none"
        )
    return (
        f"no GPU: the driver {driver} is too old for PyTorch's CUDA {built_for}, or CUDA_VISIBLE_DEVICES hides it; "
        "install a newer driver, or PyTorch's build for an older CUDA"
    )


def driver_version() -> str | None:
    """Read the version of NVIDIA's driver, None without one."""
    found = re.search(r"(\d+\.\d+(\.\d+)?)", DRIVER.read_text()) if DRIVER.exists() else None
    return found[1] if found else None


def _software() -> Iterator[str]:
    cudnn = torch.backends.cudnn.version()
    yield f"PyTorch {torch.__version__}, built for {f'CUDA {torch.version.cuda}' if torch.version.cuda else 'CPUs'}"
    yield f"driver: {driver_version() or 'none'}; cuDNN: {cudnn or 'none'}"
    found = importlib.util.find_spec("openvino") is not None
    yield "OpenVINO: " + ("found, maps on a CPU" if found else 'not found; pip install "glaciersar[cpu]" maps faster')


def _gpus() -> Iterator[str]:
    if not torch.cuda.is_available():
        yield why_no_gpu(built_for=torch.version.cuda, driver=driver_version())
        return
    for index in range(torch.cuda.device_count()):
        found, free = torch.cuda.get_device_properties(index), torch.cuda.mem_get_info(index)[0]
        bf16 = "multiplies bf16" if fastest_precision(f"cuda:{index}") == "bf16" else "has no bf16, so fp16"
        memory = f"{free / GIB:.1f} of {found.total_memory / GIB:.1f} GiB free"
        yield f"cuda:{index}: {found.name}, {memory}, {bf16}"


def _machine() -> Iterator[str]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield f"cores: {cores}; bf16 on the CPU: {'yes' if fastest_precision('cpu') == 'bf16' else 'no'}"
    if SHARED.exists():
        total = shutil.disk_usage(SHARED).total
        small = "" if total >= GIB else ": less than batches may need; in Docker give --shm-size=8g"
        yield f"shared memory: {total / GIB:.2f} GiB{small}"
