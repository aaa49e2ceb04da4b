"""glaciersar.plots.live"""

import nbformat
import papermill
import pytest
from matplotlib.figure import Figure

from glaciersar.plots import live
from glaciersar.plots.live import LivePicture, time_left
from tests.support.notebook_display import stand_in

CELL = """
import threading
from matplotlib.figure import Figure
from glaciersar.plots.live import LivePicture
picture = LivePicture(seconds=0)
picture.show(Figure)
thread = threading.Thread(target=lambda: picture.show(lambda: Figure(figsize=(2, 1)), last=True))
thread.start()
thread.join()
"""


def test_outside_a_notebook_nothing_is_drawn_or_printed(capsys):
    def draw():
        raise AssertionError("drawn")

    LivePicture().show(draw, last=True)
    assert capsys.readouterr() == ("", "")
    assert not LivePicture().possible


def test_in_a_terminal_of_ipython_nothing_is_shown_either(monkeypatch):
    ipython = pytest.importorskip("IPython")
    monkeypatch.setattr(ipython, "get_ipython", object)
    assert not LivePicture().possible


def test_a_picture_replaces_the_one_before_and_no_sooner_than_it_is_time(monkeypatch):
    shown, now = stand_in(monkeypatch), [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    picture = LivePicture(seconds=3)
    for seconds in (0, 1, 1, 2):  # of which the first and the last are 3 seconds apart
        now[0] += seconds
        picture.show(Figure)
    assert (shown.outputs, len(shown.pictures)) == (1, 2)
    picture.show(Figure, last=True)
    assert (shown.outputs, len(shown.pictures)) == (1, 3)
    assert all(picture.startswith(b"\x89PNG") for picture in shown.pictures)


def test_pictures_that_take_long_to_draw_are_drawn_less_often(monkeypatch):
    shown, now = stand_in(monkeypatch), [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    picture = LivePicture(seconds=1)

    def draw_slowly():
        now[0] += 2
        return Figure()

    for _ in range(100):
        picture.show(draw_slowly)
        now[0] += 1
    assert 2 * len(shown.pictures) <= live.SHARE * 100 + 2


@pytest.mark.slow
def test_in_a_notebook_the_last_picture_is_the_only_output_of_the_cell_also_from_a_thread(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbformat.write(notebook, tmp_path / "in.ipynb")
    papermill.execute_notebook(
        str(tmp_path / "in.ipynb"), str(tmp_path / "out.ipynb"), kernel_name="python3", progress_bar=False
    )
    (output,) = nbformat.read(tmp_path / "out.ipynb", 4).cells[-1].outputs
    assert output.output_type == "display_data"
    assert "image/png" in output.data


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "about 0 s"), (80, "about 80 s"), (100, "about 2 min"), (3e4, "about 8 h")]
)
def test_the_time_left_is_said_in_a_unit_that_suits(seconds, said):
    assert time_left(seconds) == said
