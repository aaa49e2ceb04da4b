"""Draw the functions that the networks and their loss are made of, as the code computes them."""

import matplotlib.pyplot as plt
import seaborn as sns
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from glaciersar.models.layers import SLOPE
from glaciersar.models.ulstm import hard_sigmoid
from glaciersar.plots.layout import PAGE_WIDTH, in_print
from glaciersar.training.losses import focal_loss_of_probabilities, smooth

GAMMAS = (0.0, 1.0, 2.0, 5.0)


@in_print
def draw_functions() -> Figure:
    """Draw gates, activation and focal loss beside those that PyTorch's defaults, or another γ, would give."""
    figure, (gates, activation, loss) = plt.subplots(
        1, 3, figsize=(PAGE_WIDTH, 3.0), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.12)
    )
    z = torch.linspace(-4, 4, 401)
    gates.plot(z, hard_sigmoid(z), label="clip(0.2 z + 0.5), here and in Keras", color="#0072B2")
    gates.plot(z, F.hardsigmoid(z), "--", label="clip(z / 6 + 0.5), PyTorch", color="#D55E00")
    gates.plot(z, torch.sigmoid(z), ":", label="sigmoid", color="0.3")
    gates.set(xlabel="z", ylabel="share let through")
    gates.set_title("gate of the LSTM")
    activation.plot(z, F.leaky_relu(z, SLOPE), label=f"slope {SLOPE}, here and in Keras", color="#0072B2")
    activation.plot(z, F.leaky_relu(z), "--", label="slope 0.01, PyTorch", color="#D55E00")
    activation.set(xlabel="z", ylabel="φ(z)")
    activation.set_title("LeakyReLU")
    p = torch.linspace(0.005, 0.995, 397)
    for gamma, style, colour in zip(GAMMAS, ("-", "-.", "-", ":"), ("0.3", "0.3", "#0072B2", "0.3"), strict=True):
        used = ", hard labels" if gamma == 2 else ", cross-entropy" if gamma == 0 else ""
        label = f"γ = {gamma:g}{used}"
        loss.plot(p, [_cost(value, gamma, 0) for value in p], style, label=label, color=colour, linewidth=1.4)
    loss.plot(p, [_cost(value, 2.0, 0.1) for value in p], "--", label="γ = 2, smoothed: used here", color="#009E73")
    loss.set(ylim=(0, 2.5))
    loss.set(xlabel="probability of the true class", ylabel="loss")
    loss.set_title("focal loss of a pixel")
    for axis in (gates, activation, loss):
        axis.legend(frameon=False, handlelength=1.8, loc="upper center", bbox_to_anchor=(0.5, -0.28))
    sns.despine(figure)
    return figure


def _cost(p: torch.Tensor, gamma: float, smoothing: float) -> float:
    """Compute the loss of one pixel of glacier whose predicted probability of glacier is p."""
    probabilities = torch.stack((1 - p, p)).view(1, 2, 1)
    labels = smooth(torch.tensor([0.0, 1.0]).view(1, 2, 1), smoothing)
    return float(focal_loss_of_probabilities(probabilities, labels, gamma=gamma))
