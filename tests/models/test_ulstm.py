import pytest
import torch

from glaciersar.models.ulstm import ULSTM, BidirectionalConvLSTM, ConvLSTM, hard_sigmoid


def test_the_gate_of_keras_is_flat_beyond_two_and_a_half():
    x = torch.tensor([-9.0, -2.5, -1.0, 0.0, 1.0, 2.5, 9.0])
    torch.testing.assert_close(hard_sigmoid(x), torch.tensor([0.0, 0.0, 0.3, 0.5, 0.7, 1.0, 1.0]))


def by_hand(lstm, x):
    """The recurrence written out for one pixel: (T, C) -> (T, filters)."""
    kernel, recurrent = lstm.input.weight[:, :, 1, 1], lstm.recurrent.weight[:, :, 1, 1]
    state, cell, states = torch.zeros(lstm.filters), torch.zeros(lstm.filters), []
    for date in x:
        i, f, c, o = (kernel @ date + lstm.input.bias + recurrent @ state).reshape(4, lstm.filters)
        cell = hard_sigmoid(f) * cell + hard_sigmoid(i) * torch.tanh(c)
        state = hard_sigmoid(o) * torch.tanh(cell)
        states.append(state)
    return torch.stack(states)


@pytest.mark.parametrize("backward", [False, True])
def test_the_recurrence_agrees_with_one_written_out_by_hand(backward):
    lstm, x = ConvLSTM(3, 2), torch.randn(6, 3)
    states = lstm(x[:, :, None, None], dates=6, backward=backward)
    expected = by_hand(lstm, x.flip(0)).flip(0) if backward else by_hand(lstm, x)
    torch.testing.assert_close(torch.stack(states)[:, 0, :, 0, 0], expected)


def test_both_directions_swap_when_time_is_turned_round():
    lstm, x = BidirectionalConvLSTM(3, 4), torch.randn(5, 2, 3, 6, 6)
    lstm.backwards.load_state_dict(lstm.forwards.state_dict())
    series, last = lstm(x.flatten(0, 1), dates=5)
    turned, turned_last = lstm(x.flip(0).flatten(0, 1), dates=5)
    swap = [2, 3, 0, 1]
    torch.testing.assert_close(torch.stack(series)[:, :, swap], torch.stack(turned).flip(0))
    torch.testing.assert_close(last[:, swap], turned_last)


def test_recurrent_kernels_start_orthogonal_and_forget_gates_open():
    model = ULSTM(width=4)
    for lstm in (module for module in model.modules() if isinstance(module, ConvLSTM)):
        kernel = lstm.recurrent.weight.flatten(1)  # (4 f, 9 f)
        torch.testing.assert_close(kernel @ kernel.T, torch.eye(len(kernel)), atol=1e-5, rtol=0)
        bias = torch.zeros(4, lstm.filters)
        bias[1] = 1
        assert torch.equal(lstm.input.bias, bias.flatten())


def test_the_encoder_gives_one_map_a_level_without_time():
    maps = ULSTM(width=4).eval().encode(torch.rand(1, 1, 3, 16, 32))
    assert [tuple(m.shape) for m in maps] == [(1, 4, 16, 32), (1, 8, 8, 16), (1, 16, 4, 8)]


def test_a_deeper_one_halves_the_sides_once_more():
    model = ULSTM(width=4, levels=3).eval()
    assert (model.name, model.size_divisor, ULSTM(width=4).size_divisor) == ("ulstm_deep", 8, 4)
    maps = model.encode(torch.rand(1, 1, 3, 16, 32))
    assert [tuple(m.shape) for m in maps] == [(1, 4, 16, 32), (1, 8, 8, 16), (1, 16, 4, 8), (1, 32, 2, 4)]


def test_dropout_drops_a_channel_at_all_dates_or_at_none():
    model = ULSTM(width=4, dropout=0.5).train()
    kept = model._pool(torch.ones(10, 8, 4, 4), 5).unflatten(0, (5, 2)) > 0  # (T, B, C, H, W)
    assert torch.equal(kept, kept[:1, :, :, :1, :1].expand_as(kept))
    assert kept.any()
    assert not kept.all()
