"""glaciersar.plots.networks"""

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from glaciersar import models
from glaciersar.models.structure import POOLS, trace
from glaciersar.plots.networks import COLOURS, PROJECTION, draw_networks
from tests.support.legends import stand_clear

NETWORKS = [
    (("unet3d", "ulstm"), 32, 384, 15),
    (("unet3d", "ulstm"), 4, 48, 15),
    (("unet3d_weighted",), 32, 384, 15),
    (("ulstm", "unet3d_weighted"), 64, 1024, 3),
    (("ulstm_deep", "unet2d"), 8, 64, 5),
]


def drawn(names, width, side, dates):
    blocks = {name: trace(models.build(name, width=width), dates=dates, side=side) for name in names}
    figure = draw_networks(blocks)
    figure.draw_without_rendering()
    return blocks, figure


@pytest.mark.parametrize(("names", "width", "side", "dates"), NETWORKS)
def test_every_block_has_a_box_with_its_shape_in_it(names, width, side, dates):
    blocks, figure = drawn(names, width, side, dates)
    boxed = [b for found in blocks.values() for b in found if b.kind not in (*POOLS, PROJECTION)]
    expected = sorted("×".join(map(str, block.shape)) for block in boxed)
    (axis,) = figure.axes
    boxes = [patch.get_window_extent() for patch in axis.patches if isinstance(patch, Rectangle)]
    found = []
    for text in axis.texts:
        extent, shape = text.get_window_extent(), text.get_text().splitlines()[-1]
        if any(
            box.x0 < extent.x0 and extent.x1 < box.x1 and box.y0 < extent.y0 and extent.y1 < box.y1 for box in boxes
        ):
            found.append(shape)
    assert sorted(found) == expected


@pytest.mark.parametrize(("names", "width", "side", "dates"), NETWORKS)
def test_no_two_texts_meet_and_all_are_large_enough_for_print(names, width, side, dates):
    _, figure = drawn(names, width, side, dates)
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    extents = [text.get_window_extent() for text in texts]
    assert not any(one.overlaps(other) for k, one in enumerate(extents) for other in extents[:k])
    assert all(figure.bbox.x0 <= e.x0 and e.x1 <= figure.bbox.x1 for e in extents)
    assert all(text.get_fontsize() >= (8 if side <= 384 else 7) for text in texts)  # of 1024 a shape is long
    assert figure.get_figwidth() * 25.4 <= 174.01


def test_a_series_is_a_stack_of_cards_that_grows_thin_where_dates_are_pooled():
    _, figure = drawn(("unet3d",), 4, 48, 15)
    edges = [to_hex(patch.get_edgecolor()) for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    series, maps = 5 + 4 + 3 + 2, 3  # of 15, 8, 4 and 2 dates; the blocks of the decoder
    assert edges.count(COLOURS["convolutions"][1].lower()) == series + maps


@pytest.mark.parametrize("names", [("unet3d", "ulstm"), ("unet3d_weighted",)])
def test_the_legend_stands_below_and_names_what_occurs(names, tmp_path):
    _, figure = drawn(names, 4, 48, 15)
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert ("LSTM cells" in labels) == ("ulstm" in names)
    assert ("1×1 projection, added" in labels) == ("ulstm" in names)
    assert len(labels) == len({*labels})
    stand_clear(figure, tmp_path)
