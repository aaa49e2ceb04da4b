"""The one error a user is meant to read."""


class InputError(ValueError):
    """Bad input, told in one sentence: the file, what was found, what was expected."""
