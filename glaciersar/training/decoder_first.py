"""Let only the decoder learn in the first epochs of a training that starts from trained weights.

A new region has few labels, and the first steps from a high learning rate undo much of what an encoder has learned of
series. The decoder, which joins its maps and classifies, learns first then.
"""

from collections.abc import Iterator

from torch import nn

from glaciersar.models import Network

DECODER = "decoder."
"""What the names of a decoder's weights begin with, in every network."""


def encoder_weights(model: Network) -> Iterator[nn.Parameter]:
    """Give all weights of a network but its decoder's."""
    return (weight for name, weight in model.named_parameters() if not name.startswith(DECODER))


def hold_encoder(model: Network, *, held: bool) -> None:
    """Compute no gradients of the encoder while it is held, which saves more than half of a step."""
    for weight in encoder_weights(model):
        weight.requires_grad_(not held)


def drop_encoder_gradients(model: Network) -> None:
    """Leave the encoder out of a step: Adam passes over weights without a gradient, their moments too."""
    for weight in encoder_weights(model):
        weight.grad = None
