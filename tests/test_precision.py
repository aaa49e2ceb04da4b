import pytest
import torch

from glaciersar import models
from glaciersar.precision import multiplies_bf16, parts, reading_parts


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


def test_parts_add_up_to_the_series_and_bf16_holds_the_first_of_them():
    series = torch.rand(2, 3, 4, 5, 6)
    coarse, rest, again = parts(series).chunk(3, dim=1)
    torch.testing.assert_close(coarse + rest, series, atol=0, rtol=0)
    torch.testing.assert_close(coarse.bfloat16().float(), again, atol=0, rtol=0)
    assert (rest.bfloat16() - rest).abs().max() < 2**-16


@pytest.mark.parametrize("features", [1, 2])
@pytest.mark.parametrize("name", models.NAMES)
@torch.no_grad()
def test_a_network_that_reads_parts_gives_what_it_gives_for_the_series(name, features):
    torch.manual_seed(0)
    model = models.build(name, features=features, width=4).eval()
    series = torch.rand(1, features, 3, 24, 17)
    torch.testing.assert_close(reading_parts(model)(parts(series)), model(series), atol=3e-4, rtol=0)
    assert model.features == features
