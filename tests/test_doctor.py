"""glaciersar.doctor"""

import contextlib
import types

import pytest
import torch

from glaciersar import cli, doctor
from glaciersar.doctor import GIB, examine, what_fits, why_no_gpu


def test_without_a_gpu_it_says_why_and_what_the_cpu_can_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor, "what_fits", lambda name, free, **settings: f"{name} fits")
    text = examine()
    assert "no GPU: " in text
    for line in ("device: cpu (device='auto')", "cores: ", "OpenVINO: ", "driver: ", "unet3d fits", "ulstm fits"):
        assert line in text


def test_with_a_gpu_it_names_it_and_the_precision_it_has(monkeypatch):
    found = types.SimpleNamespace(name="Tesla T4", total_memory=16 * GIB)
    stubs = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "device": lambda index: contextlib.nullcontext(),
        "get_device_properties": lambda index: found,
        "mem_get_info": lambda index: (15 * GIB, 16 * GIB),
        "is_bf16_supported": lambda including_emulation=True: including_emulation,
    }
    for name, stub in stubs.items():
        monkeypatch.setattr(torch.cuda, name, stub)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    monkeypatch.setattr(doctor, "what_fits", lambda name, free, **settings: f"{name}, {free / GIB}, {settings}")
    text = examine()
    assert "cuda:0: Tesla T4, 15.0 of 16.0 GiB free, has no bf16, so fp16" in text
    assert "device: cuda (device='auto')" in text
    assert "cuDNN 9.10.2: 3-D convolutions in fp16 are slow" in text
    assert "unet3d, 15.0, {'precision': 'fp16', 'width': 32}" in text


@pytest.mark.parametrize(
    ("built_for", "driver", "said"),
    [
        (None, None, "no NVIDIA driver, and PyTorch is built for CPUs"),
        (None, "550.1", "install its build for CUDA"),
        ("13.0", None, "built for CUDA 13.0, but there is no NVIDIA driver"),
        ("13.0", "550.1", "the driver 550.1 is too old for PyTorch's CUDA 13.0"),
    ],
)
def test_a_wheel_that_falls_back_to_the_cpu_is_explained(built_for, driver, said):
    assert said in why_no_gpu(built_for=built_for, driver=driver)


def test_the_driver_is_read_from_its_own_file(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "DRIVER", tmp_path / "version")
    assert doctor.driver_version() is None
    (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar 5\n")
    assert doctor.driver_version() == "550.54.15"


@pytest.mark.slow
def test_more_memory_holds_larger_windows_and_more_patches():
    fits = {free: what_fits("unet3d", free * GIB, precision="float32", width=2) for free in (1, 3, 40)}
    assert fits[1].endswith("has no room to map, has no room to train")
    assert fits[40].endswith("maps windows of 1280 pixels, trains on 8 patches of 384 pixels at a time")


def test_the_command_refuses_a_device_that_is_not_there(capsys):
    assert cli.main(["doctor", "--device", "tpu"]) == 2
    assert "device='tpu' found" in capsys.readouterr().err
