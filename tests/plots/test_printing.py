"""glaciersar.plots.printing"""

import re
import time

import matplotlib.image
import numpy as np
from matplotlib import pyplot as plt

from glaciersar.plots import printing, results
from glaciersar.plots.layout import COLUMN_WIDTH, PAGE_WIDTH, in_print


@in_print
def small_figure():
    figure, axis = plt.subplots(figsize=(COLUMN_WIDTH, 2), layout="constrained")
    axis.plot([0, 1], [1, 5], label="a line")
    axis.set(xlabel="time (s)", ylabel="length (m)", title="a title")
    return figure


def save(folder, name, note="simulated radar, run tests"):
    results.save_figure(small_figure(), folder / name, note=note)
    return folder / name


def test_a_saved_figure_is_a_picture_with_its_note_that_comes_out_the_same_again(tmp_path):
    one, two, other = (
        save(tmp_path, "a.png"),
        save(tmp_path, "b.png"),
        save(tmp_path, "c.png", note="a longer note, run x"),
    )
    assert one.read_bytes() == two.read_bytes()
    assert matplotlib.image.imread(one).ndim == 3
    assert one.read_bytes() != other.read_bytes()


def test_the_pdf_beside_it_holds_its_fonts_and_no_time(tmp_path):
    one = save(tmp_path, "a.png").with_suffix(".pdf").read_bytes()
    time.sleep(1.1)  # a second, which a time in the file would tell
    assert save(tmp_path, "b.png").with_suffix(".pdf").read_bytes() == one
    assert b"/FontFile2" in one  # TrueType, as `pdf.fonttype: 42` asks for: text that can be searched
    assert b"/Type3" not in one
    assert b"CreationDate" not in one


def test_a_pdf_is_as_wide_as_a_column(tmp_path):
    pdf = save(tmp_path, "a.png").with_suffix(".pdf").read_bytes()
    box = re.search(rb"/MediaBox \[ ?([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+)", pdf)
    assert box is not None
    assert 0.9 * 84 < float(box[3]) / 72 * 25.4 <= 84


def test_a_picture_tells_what_was_measured(tmp_path):
    told = printing.read_print(save(tmp_path, "a.png", note="simulated – γ⁰"))
    assert told.source == "simulated – γ⁰"
    assert told.smallest == 8
    assert 0.9 * 84 < told.width <= 84
    assert told.covered == ""


def test_a_picture_of_elsewhere_tells_nothing(tmp_path):
    plt.imsave(tmp_path / "a.png", np.zeros((3, 3)))
    assert printing.read_print(tmp_path / "a.png") is None


def test_the_style_does_not_depend_on_the_one_outside(tmp_path):
    plain = save(tmp_path, "a.png").read_bytes()
    with plt.rc_context({"font.size": 20, "lines.linewidth": 9, "savefig.dpi": 50}):
        assert save(tmp_path, "b.png").read_bytes() == plain


def test_the_smallest_text_is_found_wherever_it_is():
    figure = small_figure()
    assert printing.measure(figure).smallest == 8
    for shrink in (
        lambda axis: axis.set_title("a title", fontsize=5),
        lambda axis: axis.tick_params(labelsize=5),
        lambda axis: axis.text(0.5, 2, "text", fontsize=5),
        lambda axis: axis.figure.text(0, 0, "text", fontsize=5),
        lambda axis: axis.legend(fontsize=5),
    ):
        figure = small_figure()
        shrink(figure.axes[0])
        assert printing.measure(figure).smallest == 5


def test_text_over_a_picture_or_another_text_is_found_and_text_beside_is_not():
    figure, axis = plt.subplots(layout="constrained")
    axis.imshow(np.zeros((4, 4)))
    axis.set(title="beside", xlabel="pixels")
    assert printing.measure(figure).covered == ""
    axis.text(1, 1, "over\ndata")
    assert printing.measure(figure).covered == "over data"
    figure = small_figure()
    figure.axes[0].text(0.5, 2, "one")
    figure.axes[0].text(0.5, 2, "two")
    assert printing.measure(figure).covered == "one / two"


def test_a_long_note_is_wrapped_to_the_width_of_its_figure(tmp_path):
    told = printing.read_print(save(tmp_path, "a.png", note=", ".join(["simulated radar"] * 20)))
    assert told.width <= 25.4 * PAGE_WIDTH / 2
