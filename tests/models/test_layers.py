import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from glaciersar.models.layers import (
    Conv3d,
    ResidualBlock,
    Up,
    batch_norm,
    even_dates,
    halve,
    initialise,
    max_pool,
    pad_to_multiple,
)


@pytest.mark.parametrize("dates", range(1, 10))
def test_halving_dates_and_sides_is_max_pooling_with_a_last_single_date(dates):
    x = torch.rand(2, 3, dates, 6, 8, requires_grad=True)
    ours, theirs = halve(halve(halve(even_dates(x), 2), 3), 4), F.max_pool3d(x, 2, ceil_mode=True)
    assert torch.equal(ours, theirs)
    weights = torch.rand_like(ours)
    gradients = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("dates", [1, 2])
@pytest.mark.parametrize("series", [5, 6])
def test_pooling_is_the_same_whether_a_gradient_is_asked_for_or_not(layout, dates, series):
    x = torch.randn(2, 3, series, 6, 8).to(memory_format=layout)
    found = max_pool(x.clone().requires_grad_(), dates=dates)
    assert torch.equal(max_pool(x, dates=dates), found)
    with torch.inference_mode():
        assert torch.equal(max_pool(x, dates=dates), found)
    assert found.shape == (2, 3, -(-series // dates), 3, 4)


def test_of_equal_values_the_first_gets_the_gradient_of_pooling():
    x = torch.ones(1, 1, 3, 2, 2, requires_grad=True)
    gradient = torch.autograd.grad(max_pool(x, dates=2).sum(), x)[0]
    expected = torch.zeros_like(x)
    expected[0, 0, [0, 2], 0, 0] = 1  # of the first two dates, and of the last one
    assert torch.equal(gradient, expected)


class OnGpu(torch.Tensor):
    """Says that it lies on a GPU, and computes on the CPU."""

    is_cuda = True


@pytest.mark.parametrize("strict", [False, True])
def test_on_a_gpu_each_value_gets_one_term_of_the_gradient_at_most(strict):
    """So the order in which a GPU adds cannot matter; torch's strict mode refuses the kernel, and steps follow."""
    x = torch.randint(3, (2, 3, 5, 6, 8)).float().as_subclass(OnGpu).requires_grad_()  # with equal values
    weights = torch.rand(2, 3, 3, 3, 4)
    torch.use_deterministic_algorithms(strict)
    try:
        found = max_pool(x, dates=2)
    finally:
        torch.use_deterministic_algorithms(False)
    (gradient,) = torch.autograd.grad((found * weights).sum(), x)
    expected = F.max_pool3d(x.detach().as_subclass(torch.Tensor), 2, ceil_mode=True)
    assert torch.equal(found.as_subclass(torch.Tensor), expected)
    sums = F.avg_pool3d(gradient.as_subclass(torch.Tensor), 2, ceil_mode=True, divisor_override=1)  # of each cube
    torch.testing.assert_close(sums, weights, atol=0 if not strict else 1e-6, rtol=0)
    assert bool((gradient != 0).sum() == weights.numel()) is not strict  # steps divide it among equal values


@pytest.mark.slow
@given(height=st.integers(1, 20), width=st.integers(1, 20), multiple=st.sampled_from([4, 8]))
@settings(max_examples=40)
def test_padding_reaches_the_next_multiple_and_keeps_what_was_there(height, width, multiple):
    x = torch.rand(1, 1, 2, height, width)
    padded = pad_to_multiple(x, multiple)
    assert padded.shape[-2] % multiple == padded.shape[-1] % multiple == 0
    assert padded.shape[-2] - height < multiple
    assert padded.shape[-1] - width < multiple
    assert torch.equal(padded[..., :height, :width], x)
    assert torch.equal(padded[..., height:, :], padded[..., height - 1 : height, :].expand_as(padded[..., height:, :]))


def test_up_is_the_sum_over_a_window_that_starts_at_the_pixel():
    up, x = Up(2, 3).eval(), torch.rand(1, 2, 3, 4)
    big = x.repeat_interleave(2, -2).repeat_interleave(2, -1)  # (1, 2, 6, 8)
    expected = torch.zeros(1, 3, 6, 8)
    for i in (0, 1):
        for j in (0, 1):
            moved = torch.zeros_like(big)
            moved[..., : 6 - i, : 8 - j] = big[..., i:, j:]
            expected += torch.einsum("oc,bchw->bohw", up.conv.weight[:, :, i, j], moved)
    torch.testing.assert_close(up(x), up.norm(expected))


@pytest.mark.parametrize("dims", [2, 3])
def test_a_residual_block_is_projection_plus_two_convolutions(dims):
    block, x = ResidualBlock(2, 4, dims=dims, dropout=0).eval(), torch.rand(1, 2, *[6] * dims)
    with torch.no_grad():
        block.project.weight.zero_()
        inside = block(x)
        block.second[0].weight.zero_()
        block.second[0].bias.zero_()
        assert inside.abs().max() > 0
        assert block(x).abs().max() == 0  # the norm's offset is zero at first, and nothing acts on the sum


def test_normalisation_has_the_constants_of_keras():
    norm = batch_norm(1, dims=2)
    x = torch.randn(4, 1, 5, 5)
    y = norm(x)
    variance = x.var(unbiased=False)
    torch.testing.assert_close(y, (x - x.mean()) / torch.sqrt(variance + 1e-3))
    torch.testing.assert_close(norm.running_var, (0.99 + 0.01 * x.var()).reshape(1))


def test_kernels_start_within_glorots_bounds_and_biases_at_zero():
    conv = nn.Conv3d(4, 8, 3)
    initialise(conv)
    bound = (6 / (27 * (4 + 8))) ** 0.5
    assert 0.95 * bound < conv.weight.abs().max() <= bound
    assert conv.bias.abs().max() == 0


def test_a_kernel_of_one_pixel_gives_the_same_with_a_gradient_as_without():
    conv = Conv3d(4, 6, 1).double()
    x = torch.randn(2, 4, 3, 8, 8).double().to(memory_format=torch.channels_last_3d).requires_grad_()
    found, expected = conv(x), F.conv3d(x, conv.weight, conv.bias)
    torch.testing.assert_close(found, expected)
    slope = torch.randn_like(found)
    ours, theirs = (torch.autograd.grad(y, (x, conv.weight, conv.bias), slope) for y in (found, expected))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("features", [1, 2])
def test_a_block_keeps_channels_last_forwards_and_backwards(features):
    block = ResidualBlock(features, 8, dims=3, dropout=0)
    x = torch.randn(2, features, 4, 8, 8).to(memory_format=torch.channels_last_3d).requires_grad_()
    found = block(x)
    gradient = torch.autograd.grad(found.sum(), x)[0]
    assert found.is_contiguous(memory_format=torch.channels_last_3d)
    assert gradient.is_contiguous(memory_format=torch.channels_last_3d)


@pytest.mark.parametrize("dates", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [(3, 3, 3), (3, 1, 1)])
def test_the_kernel_gradient_in_bf16_is_that_of_float32_for_any_number_of_dates(kernel, dates):
    torch.manual_seed(0)
    conv = Conv3d(8, 8, kernel, padding=[side // 2 for side in kernel])
    x, slope = torch.randn(2, 8, dates, 6, 6), torch.randn(2, 8, dates, 6, 6)

    def gradient(*, half):
        for size in (1_000, 10_000, 100_000):  # freed memory that is not zero, for what is left unset to show
            torch.full((size,), float("nan"))
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            found = conv(x)
        return torch.autograd.grad(found, conv.weight, slope.to(found.dtype))[0]

    full, half = gradient(half=False), gradient(half=True)
    assert float((half - full).norm() / full.norm()) < 0.02
    assert torch.equal(half, gradient(half=True))
