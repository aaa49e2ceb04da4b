"""What training minimises: the focal loss, on smoothed labels."""

from collections.abc import Sequence

from torch import Tensor

EPSILON = 1e-7  # Keras clips probabilities to [ε, 1 − ε]; beyond the clip the gradient is zero


def smooth(labels: Tensor, amount: float = 0.1) -> Tensor:
    """Soften one-hot labels: with 0.1, 1 becomes 0.95 and 0 becomes 0.05.

    Args:
        labels: (B, 2, …) shares of background and glacier; both 0 where radar never sees the pixel, which stays so.
        amount: Share of certainty given up.

    Returns:
        Same shape.
    """
    seen = labels.sum(dim=1, keepdim=True) > 0  # (B, 1, …)
    return labels * (1 - amount) + seen * (amount / labels.shape[1])


def focal_loss(
    logits: Tensor,
    labels: Tensor,
    *,
    gamma: float = 2.0,
    alphas: Sequence[float] | None = None,
    pixels: Tensor | None = None,
) -> Tensor:
    """Compute the focal loss of logits; arguments as for `focal_loss_of_probabilities`."""
    return focal_loss_of_probabilities(logits.softmax(dim=1), labels, gamma=gamma, alphas=alphas, pixels=pixels)


def focal_loss_of_probabilities(
    probabilities: Tensor,
    labels: Tensor,
    *,
    gamma: float = 2.0,
    alphas: Sequence[float] | None = None,
    pixels: Tensor | None = None,
) -> Tensor:
    """Compute the focal loss (Lin et al. 2017, doi 10.1109/ICCV.2017.324).

    It is a cross-entropy in which confident, right answers count little: the mean over pixels of
    Σₖ −αₖ (1 − pₖ)^γ yₖ log pₖ. The terms of both classes count, as in the authors' code. Pixels whose labels are all 0
    (radar never sees them) are left out; without any other pixel the loss is 0.

    Args:
        probabilities: (B, 2, …) of each class.
        labels: (B, 2, …) one-hot or soft.
        gamma: How strongly confident answers are discounted; 0 is the cross-entropy.
        alphas: A weight for each class; none weighs all alike.
        pixels: Divides the sum, where that is over a part of a batch; None counts the pixels that radar sees here.
    """
    p = probabilities.clamp(EPSILON, 1 - EPSILON)
    terms = -((1 - p) ** gamma) * labels * p.log()  # (B, 2, …)
    if alphas is not None:
        terms = terms * terms.new_tensor(alphas).view(-1, *[1] * (terms.ndim - 2))
    if pixels is None:
        pixels = count_seen(labels).clamp(min=1)
    return terms.sum() / pixels


def count_seen(labels: Tensor) -> Tensor:
    """Count the pixels of labels (B, 2, …) that radar sees."""
    seen = labels.sum(dim=1) > 0  # (B, …)
    return seen.sum()
