"""glaciersar.models.pixel_course"""

import numpy as np
import pytest
import torch

from glaciersar import models
from glaciersar.models.pixel_course import follow_pixels

PIXELS = [(0, 0), (9, 14)]


@pytest.fixture
def series():
    return torch.rand(1, 1, 15, 16, 24, generator=torch.Generator().manual_seed(1))


def test_the_course_of_a_network_of_3d_convolutions_is_that_of_its_blocks(series):
    torch.manual_seed(2)
    network = models.build("unet3d", width=4).eval()
    first, second, *_ = found = follow_pixels(network, series, PIXELS)
    with torch.no_grad():
        x = network.blocks[0](series)  # (1, 4, 15, 16, 24)
        y = network.blocks[1](network.downs[0](x))  # (1, 8, 8, 8, 12)
    assert [course.level for course in found] == [0, 1, 2, 3]
    assert [course.activations.shape for course in found] == [(2, 15), (2, 8), (2, 4), (2, 2)]
    for course, maps, step in ((first, x, 1), (second, y, 2)):
        for k, (row, column) in enumerate(PIXELS):
            at = maps[0, :, :, row // step, column // step]  # (C, T)
            np.testing.assert_allclose(course.activations[k], at.mean(0), atol=1e-5)
            np.testing.assert_allclose(course.reduced[k], at.amax(1).mean(), atol=1e-5)


def test_the_course_of_a_network_of_lstms_ends_in_the_last_state_each_way(series):
    network = models.build("ulstm", width=4).eval()
    first, *_ = found = follow_pixels(network, series, PIXELS)
    with torch.no_grad():
        states, last = network.lstms[0](network.convs[0](series[0].transpose(0, 1)), dates=15)
    assert [course.activations.shape for course in found] == [(2, 15)] * 3
    for k, (row, column) in enumerate(PIXELS):
        expected = [state[0, :, row, column].mean() for state in states]
        np.testing.assert_allclose(first.activations[k], expected, atol=1e-5)
        np.testing.assert_allclose(first.reduced[k], last[0, :, row, column].mean(), atol=1e-5)


def test_a_pooled_date_stands_in_the_middle_of_those_it_was_made_of(series):
    courses = follow_pixels(models.build("unet3d", width=2).eval(), series, PIXELS)
    assert [list(course.dates) for course in courses] == [
        list(range(15)),
        [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14],  # the last date alone
        [1.5, 5.5, 9.5, 13],
        [3.5, 11],
    ]
    lstm = follow_pixels(models.build("ulstm", width=2).eval(), series, PIXELS)
    assert all(list(course.dates) == list(range(15)) for course in lstm)
