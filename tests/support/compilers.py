"""Whether torch.compile can compile here."""

import pytest

from glaciersar.errors import InputError
from glaciersar.models.compiled import check_compiler


def _missing() -> str:
    try:
        check_compiler("cpu")
    except InputError as error:
        return str(error)
    return ""


needs_compiler = pytest.mark.skipif(bool(_missing()), reason=_missing())
