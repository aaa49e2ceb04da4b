import pytest
import torch

from glaciersar.precision import multiplies_bf16


@pytest.mark.parametrize(
    ("found", "able"),
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"bf16": True}, True), ({"avx512_f": True}, False)],
)
def test_a_cpu_multiplies_bf16_where_it_has_an_instruction_for_it(monkeypatch, found, able):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    assert multiplies_bf16("cpu") is able
    assert not multiplies_bf16("mps")


@pytest.mark.parametrize("able", [True, False])
def test_a_gpu_that_only_emulates_it_does_not(monkeypatch, able):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or able)
    assert multiplies_bf16("cuda") is able
