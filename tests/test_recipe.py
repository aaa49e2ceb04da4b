"""glaciersar.recipe"""

from dataclasses import fields

import pytest

from glaciersar.errors import InputError
from glaciersar.recipe import AS_RELEASED, CORRECTED, find_recipe, run_name


def test_a_recipe_is_found_by_its_name():
    assert find_recipe("as_released") is AS_RELEASED
    assert find_recipe("corrected") is CORRECTED


def test_the_recipes_differ_in_every_field():
    assert all(getattr(AS_RELEASED, field.name) != getattr(CORRECTED, field.name) for field in fields(AS_RELEASED))


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"recipe 'published' is unknown; expected one of as_released, corrected"):
        find_recipe("published")


def test_a_trained_model_is_named_by_model_and_by_recipe_unless_it_is_the_default():
    assert run_name("unet3d") == run_name("unet3d", "corrected") == "unet3d"
    assert run_name("unet3d", "as_released") == "unet3d-as_released"
