"""glaciersar.training.losses"""

import pytest
import torch
import torch.nn.functional as F

from glaciersar.training.losses import count_seen, focal_loss, focal_loss_of_probabilities, smooth


@pytest.fixture
def sample():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 2, 8, 9, generator=generator)
    labels = F.one_hot(torch.randint(0, 2, (2, 8, 9), generator=generator), 2).movedim(-1, 1).float()
    return logits, labels


def test_without_discount_the_loss_is_cross_entropy(sample):
    logits, labels = sample
    torch.testing.assert_close(focal_loss(logits, labels, gamma=0), F.cross_entropy(logits, labels))
    torch.testing.assert_close(focal_loss(logits, smooth(labels), gamma=0), F.cross_entropy(logits, smooth(labels)))


def test_a_hard_label_costs_the_published_formula():
    logits = torch.tensor([0.0, 1.5]).view(1, 2, 1, 1)
    p = torch.sigmoid(torch.tensor(1.5))
    glacier = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(focal_loss(logits, glacier, gamma=3), -((1 - p) ** 3) * p.log())
    torch.testing.assert_close(focal_loss(logits, glacier, gamma=3, alphas=(1, 0.25)), -0.25 * (1 - p) ** 3 * p.log())


def test_smoothing_takes_a_tenth_of_the_certainty_and_keeps_the_sum(sample):
    _, labels = sample
    torch.testing.assert_close(smooth(labels), torch.where(labels == 1, 0.95, 0.05))
    torch.testing.assert_close(smooth(labels).sum(1), torch.ones(2, 8, 9))
    assert torch.equal(smooth(labels, 0), labels)


def test_pixels_that_radar_never_sees_count_in_nothing(sample):
    logits, labels = sample
    labels[:, :, :, 5:] = 0
    labels = smooth(labels)
    assert labels[:, :, :, 5:].abs().max() == 0
    logits.requires_grad_()
    loss = focal_loss(logits, labels)
    torch.testing.assert_close(loss, focal_loss(logits[..., :5], labels[..., :5]))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient[..., 5:].abs().max() == 0
    assert gradient[..., :5].abs().min() > 0


def test_a_batch_without_any_seen_pixel_costs_nothing(sample):
    logits, labels = sample
    loss = focal_loss(logits.requires_grad_(), torch.zeros_like(labels))
    loss.backward()
    assert loss == 0
    assert logits.grad.abs().max() == 0


def test_beyond_the_clip_the_loss_is_flat():
    sure = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).requires_grad_()
    wrong = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    loss = focal_loss_of_probabilities(sure, wrong)
    loss.backward()
    torch.testing.assert_close(loss, -torch.tensor(1e-7).log(), atol=1e-5, rtol=0)
    assert sure.grad.abs().max() == 0


def test_losses_of_parts_divided_by_the_pixels_of_all_sum_to_that_of_all(sample):
    logits, labels = sample
    labels[0, :, 3:] = 0
    assert count_seen(labels) == 3 * 9 + 8 * 9
    parts = [focal_loss(x[None], y[None], pixels=count_seen(labels)) for x, y in zip(logits, labels, strict=True)]
    torch.testing.assert_close(sum(parts), focal_loss(logits, labels))
