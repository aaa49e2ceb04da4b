"""The one error a user is meant to read."""


class InputError(ValueError):
    """Bad input. The message is one sentence: the file, what was found, what was expected."""

    def __str__(self) -> str:
        """Leave out the traceback that a worker process of a DataLoader puts before the sentence."""
        return super().__str__().rpartition(f"{__name__}.{type(self).__name__}: ")[2].strip()
