"""tools.seconds"""

from datetime import datetime, timedelta

import nbformat
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glaciersar.errors import InputError
from tools import seconds

START = datetime.fromisoformat("2020-01-01T10:00:00+00:00")


def executed(path, start, end):
    """Write a notebook as papermill leaves it; it began and ended so many seconds after START."""
    times = {"start_time": (START + timedelta(seconds=start)).isoformat()}
    times["end_time"] = (START + timedelta(seconds=end)).isoformat()
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(metadata={"papermill": times}), path)


def steps(spans):
    rows = [("a", START + timedelta(seconds=start), START + timedelta(seconds=start + long)) for start, long in spans]
    return pd.DataFrame(rows, columns=["step", "start", "end"])


def test_steps_side_by_side_count_once_and_pauses_not_at_all(tmp_path):
    executed(tmp_path / "notebooks/01-scenes.ipynb", 0, 10)
    executed(tmp_path / "notebooks/ulstm/04-train.ipynb", 20, 60)
    executed(tmp_path / "notebooks/unet3d/04-train.ipynb", 25, 40)
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "notebooks/02-dataset.failed.ipynb")
    (tmp_path / "tables").mkdir()
    table = pd.read_csv(seconds.write_seconds(tmp_path, note="beside other work"))
    assert dict(zip(table["step"], table["seconds"], strict=True)) == {
        "01-scenes": 10, "04-train ulstm": 40, "04-train unet3d": 15, "all": 50,
    }  # fmt: skip
    (machine,) = set(table["machine"])
    assert machine == f"{seconds.machine()}, beside other work"


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=8))
def test_covered_seconds_are_those_in_which_some_step_runs(spans):
    running = {second for start, long in spans for second in range(start, start + long)}
    assert seconds.covered_seconds(steps(spans)) == len(running)


def test_a_run_without_executed_notebooks_is_refused(tmp_path):
    with pytest.raises(InputError, match="no executed notebook found"):
        seconds.write_seconds(tmp_path)
