import pytest

from glaciersar.errors import InputError
from glaciersar.files import need, write_json, written_whole


def test_a_file_appears_whole_under_its_own_name(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with written_whole(path) as temporary:
        temporary.write_text("a,b\n")
        assert not path.exists()
        assert temporary.suffix == ".csv"
    assert path.read_text() == "a,b\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "card.json"
    write_json(path, {"tiles": 3})

    def write_half():
        with written_whole(path) as temporary:
            temporary.write_text("{")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert path.read_text() == '{\n  "tiles": 3\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_told_with_the_notebook_that_makes_it(tmp_path):
    with pytest.raises(InputError, match=r"train\.h5: not there yet; notebooks/02-dataset\.ipynb makes it"):
        need(tmp_path / "train.h5", made_by="02-dataset")
