"""glaciersar.io.checksums"""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glaciersar.errors import InputError
from glaciersar.io.checksums import json_checksum, tensors_checksum, verify, verify_json, with_checksum

CONTENT = {"a": [1, 2.5, None], "b": {"c": "glacier", "d": (1, 2)}}


@given(st.dictionaries(st.text().filter(lambda name: name != "sha256"), st.floats(allow_nan=False) | st.text()))
def test_what_was_written_is_verified_after_a_way_through_json(content):
    text = json.dumps(with_checksum(content), indent=3)
    verify_json(json.loads(text), "a.json")


def test_the_order_and_a_tuple_change_no_checksum():
    assert json_checksum({"b": {"d": [1, 2], "c": "glacier"}, "a": [1, 2.5, None]}) == json_checksum(CONTENT)


def test_a_change_is_refused_and_the_sentence_says_how_to_keep_it():
    content = with_checksum(CONTENT) | {"a": [1, 2.5, 0]}
    with pytest.raises(InputError, match=r'a\.json: .* where the change is meant, remove "sha256"'):
        verify_json(content, "a.json")


def test_a_file_without_a_checksum_is_told_once(capsys):
    for _ in range(3):
        verify_json(CONTENT, "older.json")
    assert capsys.readouterr().out.count("older.json: no checksum in it") == 1


def test_every_bit_of_a_tensor_and_its_name_type_and_shape_count():
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3)}
    about = {"name": "unet3d"}
    kept = tensors_checksum(tensors, about)
    assert tensors_checksum(dict(reversed(tensors.items())), about | {"sha256": kept}) == kept
    changed = [
        (tensors | {"a": torch.arange(6.0).reshape(3, 2)}, about),
        (tensors | {"a": tensors["a"].int()}, about),
        (tensors | {"b": torch.tensor(2)}, about),
        ({"a": tensors["a"], "c": tensors["b"]}, about),
        (tensors, {"name": "ulstm"}),
    ]
    assert len({kept, *(tensors_checksum(*pair) for pair in changed)}) == 6


def test_a_checksum_that_is_no_text_is_refused():
    with pytest.raises(InputError):
        verify(3, "abc", "a.json")
