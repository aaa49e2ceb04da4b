"""A picture in a notebook that is drawn anew, in its place, while a long cell runs."""

import io
import sys
import time
from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

SECONDS = 3.0  # between two pictures, at least
SHARE = 0.05  # of the time that pictures may take, at most
DPI = 90


class LivePicture:
    """One output of a notebook's cell, which each new picture replaces; anywhere else nothing is drawn or printed.

    Figures are to be made by `matplotlib.figure.Figure`, not by pyplot: they may be drawn in a thread.
    """

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._display = _notebook_display()
        self._handle: Any = None
        self._seconds, self._next = seconds, 0.0

    @property
    def possible(self) -> bool:
        """Whether there is a notebook to show it in."""
        return self._display is not None

    def show(self, draw: Callable[[], Figure], *, last: bool = False) -> None:
        """Draw and show a picture, if it is time for one.

        Args:
            draw: Makes the figure; not called where it would not be shown.
            last: It is always time for the last one.
        """
        begin = time.monotonic()
        if self._display is None or (begin < self._next and not last):
            return
        image = {"image/png": _as_png(draw())}
        if self._handle is None:
            self._handle = self._display(image, raw=True, display_id=True)
        else:
            self._handle.update(image, raw=True)
        end = time.monotonic()
        self._next = end + max(self._seconds, (end - begin) / SHARE)


def _notebook_display() -> Callable[..., Any] | None:
    """Find the function that shows something below a cell; None outside a notebook."""
    ipython = sys.modules.get("IPython")  # a notebook's kernel has imported it
    shell = ipython.get_ipython() if ipython is not None else None
    if ipython is None or getattr(shell, "kernel", None) is None:
        return None
    display: Callable[..., Any] = ipython.display.display
    return display


def _as_png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()


def time_left(seconds: float) -> str:
    """Say how long something will take, in a unit that suits."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"about {seconds / size:.0f} {unit}"
    return f"about {seconds:.0f} s"
