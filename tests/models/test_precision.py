import pytest
import torch

from glaciersar import models
from glaciersar.models.precision import accept_bf16_parts, fastest_precision, multiplies_bf16, split_for_bf16
from tests.support.networks import dates_for


@pytest.mark.parametrize(
    ("found", "able"),
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, False), ({"bf16": True}, True), ({"avx512_f": True}, False)],
)
def test_a_cpu_multiplies_bf16_where_it_has_an_instruction_for_it(monkeypatch, found, able):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert multiplies_bf16("cpu") is able
    assert not multiplies_bf16("mps")


def test_a_cpu_that_is_held_to_avx2_does_not_multiply_bf16(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert not multiplies_bf16("cpu")


@pytest.mark.parametrize("able", [True, False])
def test_a_gpu_that_only_emulates_it_does_not(monkeypatch, able):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or able)
    assert multiplies_bf16("cuda") is able
    assert fastest_precision("cuda") == ("bf16" if able else "fp16")


def test_parts_add_up_to_the_series_and_bf16_holds_the_first_of_them():
    series = torch.rand(2, 3, 4, 5, 6)
    coarse, rest, again, one = split_for_bf16(series).split(3, dim=1)
    torch.testing.assert_close(coarse + rest, series, atol=0, rtol=0)
    torch.testing.assert_close(coarse.bfloat16().float(), again, atol=0, rtol=0)
    assert (rest.bfloat16() - rest).abs().max() < 2**-16
    assert torch.equal(one, torch.ones(2, 1, 4, 5, 6))


@pytest.mark.parametrize("features", [1, 2])
@pytest.mark.parametrize("name", models.NAMES)
@torch.no_grad()
def test_a_network_that_reads_parts_gives_what_it_gives_for_the_series(name, features):
    torch.manual_seed(0)
    model = models.build(name, features=features, width=4).eval()
    for conv in map(model.get_submodule, model.input_convs):
        if conv.bias is not None:
            torch.nn.init.normal_(conv.bias, std=5)
    series = torch.rand(1, features, dates_for(model, 3), 24, 17)
    found = accept_bf16_parts(model)(split_for_bf16(model.reduce(series)))
    torch.testing.assert_close(found, model(series), atol=3e-4, rtol=0)
    assert model.features == features


@pytest.mark.parametrize("name", models.NAMES)
@torch.no_grad()
def test_what_meets_the_series_first_loses_nothing_in_bf16(name):
    torch.manual_seed(0)
    model = models.build(name, width=4).eval()
    series = model.reduce(0.7 + 0.03 * torch.randn(1, 1, dates_for(model, 3), 16, 16))
    for path in model.input_convs:
        exact = model.get_submodule(path)
        given = series if isinstance(exact, torch.nn.Conv3d) else series[:, :, 0]
        if exact.bias is not None:
            torch.nn.init.normal_(exact.bias, std=5)  # as a multiplied-in normalisation makes it
        apart = accept_bf16_parts(model).get_submodule(path)
        for parameter in apart.parameters():
            parameter.copy_(parameter.bfloat16())
        found = apart(split_for_bf16(given).bfloat16().float())
        torch.testing.assert_close(found, exact(given), atol=2e-4, rtol=0)
