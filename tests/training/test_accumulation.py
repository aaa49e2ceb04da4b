"""glaciersar.training.accumulation"""

import pytest

from glaciersar.errors import InputError
from glaciersar.training.accumulation import choose_accumulation

GIB = 2**30


def needed(patches):
    return (1 + 2 * patches) * GIB


@pytest.mark.parametrize(("free", "parts"), [(17, 1), (16.9, 2), (9, 2), (8.9, 4), (5, 4), (4.9, 8), (3, 8)])
def test_as_few_parts_as_fit_are_taken(free, parts):
    assert choose_accumulation(int(free * GIB), needed, patches=8) == parts


def test_parts_are_equal():
    assert choose_accumulation(11 * GIB, needed, patches=6) == 2  # 5 patches would fit, but leave one over
    assert choose_accumulation(6 * GIB, needed, patches=7) == 7


def test_where_not_one_patch_fits_the_memory_is_named():
    with pytest.raises(InputError, match=r"2\.0 GiB of free memory found, 3\.0 GiB expected for one patch"):
        choose_accumulation(2 * GIB, needed, patches=8)
