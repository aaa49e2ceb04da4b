"""The recurrent network: a residual U-Net with bidirectional convolutional LSTMs.

After ULSTMMini of konstantin-a-maslov/icemapper, whose docstring names it as the LSTM model of the paper.

Dates are folded into the batch, first axis first, so that everything but the recurrence is 2-D: (T·B, C, H, W).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from glaciersar.models.layers import Decoder, Network, conv_norm_act, initialise, max_pool

LARGE = 2**22  # numbers in the gates of one date, from which the gradient recomputes their activations
LEVELS = 2  # times that the authors' encoder halves the sides; dates are never pooled


def hard_sigmoid(x: Tensor) -> Tensor:
    """Clip 0.2 x + 0.5 to 0 … 1: the gate of Keras 2, where PyTorch's has the slope 1/6."""
    return F.hardsigmoid(1.2 * x)


def open_gates(gates: Tensor, cell: Tensor | None) -> tuple[Tensor, Tensor]:
    """Compute the hidden state and the new cell, (B, C, H, W), from gates before activation, (B, 4 C, H, W)."""
    enter, forget, candidate, leave = gates.chunk(4, dim=1)
    new = hard_sigmoid(enter) * candidate.tanh()
    cell = new if cell is None else hard_sigmoid(forget) * cell + new
    return hard_sigmoid(leave) * cell.tanh(), cell


class ConvLSTM(nn.Module):
    """One direction of a convolutional LSTM, 3 × 3, without peepholes, from zero states.

    The kernels hold the gates in the order of Keras: input, forget, candidate, output.
    """

    open_gates = staticmethod(open_gates)  # which `models.compiled` replaces

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        self.filters = filters
        self.input = nn.Conv2d(inputs, 4 * filters, 3, padding=1)
        self.recurrent = nn.Conv2d(filters, 4 * filters, 3, padding=1, bias=False)

    def reset(self) -> None:
        """Draw an orthogonal recurrent kernel, and open the forget gate by a bias of 1."""
        nn.init.orthogonal_(self.recurrent.weight)
        assert self.input.bias is not None
        with torch.no_grad():
            self.input.bias[self.filters : 2 * self.filters] = 1

    def forward(self, x: Tensor, *, dates: int, backward: bool) -> list[Tensor]:
        """Run over the dates; returns the hidden state (B, filters, H, W) at each date, in the order of the dates."""
        # all dates in one go; T of (B, 4 filters, H, W), each gate in one piece of memory
        inputs = self.input(x).contiguous().chunk(dates)
        states: list[Tensor] = []
        cell: Tensor | None = None
        for gates in reversed(inputs) if backward else inputs:
            # the first is copied: kept for the gradient as a view, it would hold all dates in memory
            gates = gates + self.recurrent(states[-1]).contiguous() if states else gates.clone()
            if gates.requires_grad and gates.numel() > LARGE:
                state, cell = checkpoint(self.open_gates, gates, cell, use_reentrant=False, preserve_rng_state=False)
            else:
                state, cell = self.open_gates(gates, cell)
            states.append(state)
        return states[::-1] if backward else states


class BidirectionalConvLSTM(nn.Module):
    """Two convolutional LSTMs, one for each direction of time, their states side by side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.forwards = ConvLSTM(inputs, outputs // 2)
        self.backwards = ConvLSTM(inputs, outputs // 2)

    def forward(self, x: Tensor, *, dates: int) -> tuple[list[Tensor], Tensor]:
        """Return the series, T of (B, outputs, H, W), and the final state of both directions, (B, outputs, H, W)."""
        ahead = self.forwards(x, dates=dates, backward=False)
        back = self.backwards(x, dates=dates, backward=True)
        series = [torch.cat(pair, dim=1) for pair in zip(ahead, back, strict=True)]
        return series, torch.cat((ahead[-1], back[0]), dim=1)


class ULSTM(Network):
    """Segment a series with convolutional LSTMs that run both ways through time at each level.

    Args:
        features: Channels of the input, for example backscatter and coherence.
        width: Channels of the first level, even; each deeper level has twice as many.
        dropout: Share of channels dropped after each pooling, and in the decoder's blocks, while training.
        levels: Times that the encoder halves the sides; 3 is as deep as the 3-D networks.
    """

    input_convs = ("convs.0.0",)

    def __init__(self, *, features: int = 1, width: int = 32, dropout: float = 0.05, levels: int = LEVELS) -> None:
        super().__init__(features=features, width=width, dropout=dropout)
        self.name = "ulstm" if levels == LEVELS else "ulstm_deep"
        self.size_divisor = 2**levels
        widths = [width << level for level in range(levels + 1)]  # 32, 64, 128
        ins = [features, *widths]
        self.convs = nn.ModuleList(conv_norm_act(i, o, dims=2) for i, o in zip(ins, widths, strict=False))
        self.lstms = nn.ModuleList(BidirectionalConvLSTM(o, o) for o in widths)
        self.projects = nn.ModuleList(nn.Conv2d(i, o, 1, bias=False) for i, o in pairwise(widths))
        self.drop = nn.Dropout3d(dropout)
        self.decoder = Decoder(widths[-1], levels=levels, dropout=dropout)
        initialise(self)
        for module in self.modules():
            if isinstance(module, ConvLSTM):
                module.reset()

    def encode(self, x: Tensor) -> list[Tensor]:  # (B, F, T, H, W) -> (B, C_i, H / 2^i, W / 2^i), i = 0 … L
        dates = x.shape[2]
        x = x.movedim(2, 0).flatten(0, 1).to(memory_format=torch.channels_last)  # (T·B, F, H, W)
        maps = []
        *shallow, (deep_conv, deep_lstm) = zip(self.convs, self.lstms, strict=True)
        for level, (conv, lstm) in enumerate(shallow):
            series, skip = lstm(conv(x), dates=dates)
            maps.append(skip)
            out = torch.cat(series)  # (T·B, C_i, H / 2^i, W / 2^i)
            x = self._pool(out + self.projects[level - 1](x) if level else out, dates)  # the first has no residual

        _, deepest = deep_lstm(deep_conv(x), dates=dates)
        residual = self.projects[-1](x).unflatten(0, (dates, -1))  # (T, B, C_L, H / 2^L, W / 2^L)
        return [*maps, deepest + residual.mean(dim=0)]

    def _pool(self, x: Tensor, dates: int) -> Tensor:  # (T·B, C, H, W) -> (T·B, C, H/2, W/2)
        x = max_pool(x[:, :, None])[:, :, 0].unflatten(0, (dates, -1)).movedim(0, 2)  # (B, C, T, H/2, W/2)
        x = self.drop(x)  # a channel drops at all dates or at none
        return x.movedim(2, 0).flatten(0, 1)
