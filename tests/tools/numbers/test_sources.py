"""tools.numbers.sources"""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from glaciersar.errors import InputError
from tools.numbers.sources import TAKEN, Query, look_up

TABLE = 'model,"IoU, pooled",share,note\nunet3d,0.87994,99.858%,quiet\nulstm,0.83660,99.5%,"loud, too"\n'
PAGE = "<!-- part -->\n## Part\n\ntext\n\n| way | s |\n|:--|--:|\n| a | 0.5 |\n| b | 2 |\n\n| other | s |\n|--|--|\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "scores.csv").write_text(TABLE)
    (tmp_path / "page.md").write_text(PAGE)
    content = {"run": {"seeds": [1, 2], "seconds": 5400}}
    (tmp_path / "plan.json").write_text(json.dumps(content))
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(path="scores.csv", rows={"model": "unet3d"}, show="IoU, pooled", written=".3f"), "0.880"),
        (Query(path="scores.csv", rows={"model": "ulstm"}, show="note"), "loud, too"),
        (Query(path="scores.csv", show="share", take="least", written=".1%"), "99.5%"),
        (Query(path="scores.csv", show="IoU, pooled", take="spread", written=".2f"), "0.04"),
        (Query(path="page.md#part", rows={"way": "b"}, show="s"), "2"),
        (Query(path="page.md#Part", show="s", take="sum", written=".1f"), "2.5"),
        (Query(path="plan.json", show="run.seconds", written="minutes"), "90"),
        (Query(path="plan.yaml", show="run.seeds.1"), "2"),
    ],
)
def test_a_value_is_found_and_written(root, query, expected):
    assert look_up(query, root) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Query(path="none.csv", show="a"), "no such file"),
        (Query(path="scores.csv", rows={"model": "unet5d"}, show="note"), "no row with model=unet5d"),
        (Query(path="scores.csv", show="IoU"), "column 'IoU'"),
        (Query(path="scores.csv", show="note"), "2 rows found"),
        (Query(path="scores.csv", show="note", take="mean"), "a number expected"),
        (Query(path="page.md#nothing", show="s"), "no table found"),
        (Query(path="plan.json", show="run.hours"), "no run.hours found"),
    ],
)
def test_a_value_that_is_not_there_is_refused(root, query, message):
    with pytest.raises(InputError, match=message):
        look_up(query, root)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_one_number_of_several_rows_lies_where_it_must(values):
    assert TAKEN["least"](values) <= TAKEN["mean"](values) + 1e-6
    assert TAKEN["mean"](values) <= TAKEN["largest"](values) + 1e-6
    assert TAKEN["spread"](values) == TAKEN["largest"](values) - TAKEN["least"](values) >= 0
