"""glaciersar.io.yaml_files"""

import pytest

from glaciersar.errors import InputError
from glaciersar.io.yaml_files import read_sections


def test_sections_are_read_and_empty_ones_have_no_names(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("all:\n  seed: 2\n04-train:\n", encoding="utf-8")
    assert read_sections(path) == {"all": {"seed": 2}, "04-train": {}}
    path.write_text("")
    assert read_sections(path) == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"all: \xbb\xff", "no text in UTF-8"),
        (b"all: [1, 2", "not YAML"),
        (b"all: \x00", "not YAML"),
        (b"day: 2023-02-31", "day is out of range"),
        (b"- 1", "list found, parameters by notebook expected"),
        (b"words", "str found, parameters by notebook expected"),
        (b"all:\n  seed: 1\n  seed: 2", "seed in line 2 and again in line 3 found"),
        (b"all:\n  seed: 1\nall:\n  width: 2", "all in line 1 and again in line 3 found"),
        (b"all: words", "all: str found, names and values expected"),
    ],
)
def test_a_damaged_profile_is_refused_in_a_sentence(tmp_path, content, sentence):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.yaml: {sentence}"):
        read_sections(path)
