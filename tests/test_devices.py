"""glaciersar.devices"""

import pytest
import torch

from glaciersar.devices import choose_device, exact_float32, slow_convolutions
from glaciersar.errors import InputError


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_a_gpu_is_taken_where_there_is_one(two_gpus):
    names = {"auto": "cuda", "cpu": "cpu", "cuda": "cuda", "cuda:1": "cuda:1"}
    assert {name: str(choose_device(name)) for name in names} == names


def test_without_a_gpu_the_cpu_is_taken_unless_a_gpu_is_asked_for(no_gpu):
    assert str(choose_device()) == str(choose_device("cpu")) == "cpu"
    with pytest.raises(InputError, match="'cuda' found, but torch sees no GPU"):
        choose_device("cuda")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:one", "mps", ""])
def test_a_name_that_is_none_is_refused(two_gpus, name):
    with pytest.raises(InputError, match="auto, cpu, cuda or cuda:NUMBER expected"):
        choose_device(name)


def test_a_gpu_beyond_those_there_are_is_refused(two_gpus):
    with pytest.raises(InputError, match="'cuda:2' found, a number below 2 expected"):
        choose_device("cuda:2")


def settings():
    cudnn = torch.backends.cudnn
    precisions = [backend.fp32_precision for backend in (cudnn.conv, cudnn.rnn, torch.backends.cuda.matmul)]
    return precisions, cudnn.deterministic, cudnn.benchmark


@pytest.mark.parametrize(("tf32", "precision"), [(False, "ieee"), (True, "tf32")])
def test_float32_is_exact_inside_the_block_and_as_before_behind_it(tf32, precision):
    before = settings()
    with exact_float32(tf32=tf32):
        assert settings() == ([precision] * 3, True, False)
    assert settings() == before


@pytest.mark.parametrize(
    ("version", "slow"), [(None, False), (90701, False), (90800, True), (91002, True), (91401, True), (91500, False)]
)
def test_versions_of_cudnn_whose_convolutions_pytorch_goes_around_are_named(version, slow):
    assert bool(slow_convolutions("bf16", version)) is slow
    assert slow_convolutions("float32", version) == ""


def test_the_sentence_names_the_version_and_what_to_install():
    assert slow_convolutions("fp16", 91002).startswith("cuDNN 9.10.2: 3-D convolutions in fp16 are slow")
