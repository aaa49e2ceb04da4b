"""A stand-in for the notebook that a picture is shown in."""

from collections.abc import Callable
from typing import Any

import pytest

from glaciersar.plots import live


class Shown:
    """What the cell of a notebook shows: the content of its one output, and how often it was replaced."""

    def __init__(self) -> None:
        self.pictures: list[bytes] = []
        self.outputs = 0

    def display(self, image: dict[str, Any], *, raw: bool, display_id: bool) -> "Shown":
        assert raw
        assert display_id
        self.outputs += 1
        self.pictures.append(image["image/png"])
        return self

    def update(self, image: dict[str, Any], *, raw: bool) -> None:
        assert raw
        self.pictures.append(image["image/png"])


def stand_in(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Let pictures be shown in a stand-in, as if this were a notebook."""
    shown = Shown()

    def found() -> Callable[..., Any]:
        return shown.display

    monkeypatch.setattr(live, "_notebook_display", found)
    return shown
