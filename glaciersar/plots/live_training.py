"""Show in a notebook how a training goes: its curves, and a validation tile as the weights so far map it.

A thread looks at the files that `training.loop.train` writes after each epoch, and maps the tile with a network of its
own. So a run with pictures takes the same steps and random numbers as one without.
"""

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from glaciersar.dataset.date_sampling import spread_dates
from glaciersar.dataset.patches import WholeTiles
from glaciersar.dataset.summary import dataset_source, most_mixed_tiles, read_tile
from glaciersar.inference.sliding_window import Tiling, map_array
from glaciersar.models import pretrained
from glaciersar.plots.layout import SMALL
from glaciersar.plots.live import LivePicture, time_left
from glaciersar.training.config import TrainConfig

SIDE = 192  # pixels of the validation tile that are shown, at most: mapping them takes little of an epoch
POLL = 0.5  # seconds between two looks at the log
GLACIER = "#D55E00"
LOSS, VALIDATION = "#0072B2", "#009E73"


@dataclass(frozen=True, kw_only=True)
class ValidationSquare:
    """The middle of a validation tile, which is mapped again and again."""

    name: str
    source: str
    """Whether its radar is simulated."""
    series: NDArray[np.float32]
    """(F, T, h, w) as the network takes it."""
    backscatter: NDArray[np.floating]
    """(h, w) dB of one date."""
    glacier: NDArray[np.bool_]
    """(h, w) reference."""


@contextmanager
def watch_training(config: TrainConfig, data: str | Path, out: str | Path, *, shown: bool = True) -> Iterator[None]:
    """Show the training that runs inside of this context, in a notebook; elsewhere do nothing.

    A picture that cannot be drawn is told at the end, and never stops the training.

    Args:
        config, data, out: As for `training.loop.train`.
        shown: Whether to show anything.
    """
    picture = LivePicture()
    if not (shown and picture.possible):
        yield
        return
    square = read_square(config, Path(data) / "val.h5")
    watcher = _Watcher(square, Path(out), config.epochs, picture)
    watcher.thread.start()
    try:
        yield
    finally:
        watcher.stop.set()
        watcher.thread.join()
        if watcher.error is not None:
            warnings.warn(f"no picture of the training: {watcher.error}", stacklevel=3)


def read_square(config: TrainConfig, path: Path, *, date: int = 8) -> ValidationSquare:
    """Read the middle of the validation tile with as much glacier as land, with the dates that the network is shown.

    Args:
        config: Its features and dates.
        path: The dataset file.
        date: Which of the tile's dates is drawn, and shown to a network of single dates.
    """
    (name,) = most_mixed_tiles(path, 1)
    shown = [date] if config.date_sampling == "one" else spread_dates(config.dates)
    tiles = WholeTiles(path, features=config.features, shown=shown)
    series, labels, _ = tiles[[entry.name for entry in tiles.entries].index(name)]  # (F, T, H, W), (2, H, W)
    middle = tuple(slice((side - min(side, SIDE)) // 2, (side + min(side, SIDE)) // 2) for side in series.shape[-2:])
    backscatter = read_tile(path, name, feature=config.features[0]).backscatter
    return ValidationSquare(
        name=name,
        source=dataset_source(path),
        series=series.numpy()[:, :, *middle].copy(),
        backscatter=backscatter[min(date, len(backscatter) - 1)][middle],
        glacier=labels.numpy()[1][middle] > 0.5,
    )


class _Watcher:
    """A thread that draws a picture after an epoch."""

    def __init__(self, square: ValidationSquare, out: Path, epochs: int, picture: LivePicture) -> None:
        self._square, self._out, self._epochs, self._picture = square, out, epochs, picture
        self._drawn = self._log_state()
        self._begin: tuple[float, int] | None = None  # when how many epochs were done
        self._started = time.monotonic()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.error: Exception | None = None

    def _log_state(self) -> int:
        path = self._out / "log.csv"
        return path.stat().st_mtime_ns if path.exists() else 0

    def _watch(self) -> None:
        try:
            while not self.stop.wait(POLL):
                self._look(last=False)
            self._look(last=True)
        except Exception as error:  # whatever it is, the training goes on
            self.error = error

    def _look(self, *, last: bool) -> None:
        """Draw if there is a new row in the log."""
        state = self._log_state()
        if state == self._drawn:
            return
        log = pd.read_csv(self._out / "log.csv")
        left = self._time_left(len(log))

        def draw() -> Figure:
            self._drawn = state
            return draw_training(log, self._epochs, self._square, self._map(), left)

        self._picture.show(draw, last=last)

    def _time_left(self, done: int) -> float:
        """Estimate from the epochs of this run alone: those before a resume took none of its time."""
        now = time.monotonic()
        if self._begin is None:
            self._begin = self._started, done - 1
        begin, before = self._begin
        return (self._epochs - done) * (now - begin) / max(done - before, 1)

    def _map(self) -> NDArray[np.floating]:
        """Map the tile by the weights that are kept so far, (h, w)."""
        network = pretrained.load(self._out / "weights.safetensors")
        tiling = Tiling(window=SIDE)
        return map_array(network, self._square.series, tiling=tiling, backend="torch", precision="float32")


def draw_training(
    log: pd.DataFrame, epochs: int, square: ValidationSquare, probability: NDArray[np.floating], left: float
) -> Figure:
    """Draw loss, validation IoU, and a validation tile: one date of radar, and the probability so far.

    Args:
        log: As `training.loop.train` writes it.
        epochs: Of the whole run; the axes are as long from the beginning, so that only the curves move.
        square: The tile.
        probability: (h, w) of glacier, by the weights that are kept so far.
        left: Seconds that the run still takes.
    """
    figure = Figure(figsize=(10.5, 3.2), layout="constrained")
    losses, ious, radar, mapped = figure.subplots(1, 4)
    losses.plot(log["epoch"], log["loss"], color=LOSS, marker=".", label="training loss")
    losses.plot(log["epoch"], log["val_loss"], color=VALIDATION, marker=".", label="validation loss")
    losses.set(yscale="log", title="focal loss")
    ious.plot(log["epoch"], log["val_iou"], color=VALIDATION, marker=".")
    ious.set(ylim=(0, 1), title="validation IoU, pooled")
    for axis in (losses, ious):
        axis.set(xlim=(0.5, epochs + 0.5))
        axis.set_xlabel("epoch", fontsize=SMALL)
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axis.spines[["top", "right"]].set_visible(False)
    low, high = np.nanpercentile(square.backscatter, (1, 99))
    radar.imshow(square.backscatter, cmap="gray", vmin=low, vmax=high)
    radar.set(title="radar, one date")
    shown = mapped.imshow(probability, cmap="Blues_r", vmin=0, vmax=1)
    mapped.set(title="probability of glacier so far")
    for axis in (radar, mapped):
        _outline(axis, square.glacier)
    bar = figure.colorbar(shown, ax=mapped, shrink=0.75)
    for axis in (losses, ious, radar, mapped, bar.ax):
        axis.title.set_fontsize(9)
        axis.tick_params(which="both", labelsize=SMALL)
    radar.set_xlabel(square.name, fontsize=SMALL)
    handles = [*losses.lines, Line2D([], [], color=GLACIER, label="outlines of the reference")]
    figure.legend(handles=handles, loc="outside upper right", ncols=3, fontsize=8, frameon=False)
    rest = f", {time_left(left)} left" if len(log) < epochs else ""
    figure.suptitle(f"epoch {len(log)} of {epochs}{rest} ({square.source})", fontsize=10, x=0.01, ha="left")
    return figure


def _outline(axis: Axes, glacier: NDArray[np.bool_]) -> None:
    if glacier.any() and not glacier.all():
        axis.contour(glacier, levels=[0.5], colors=[GLACIER], linewidths=0.8)
    axis.set(xticks=[], yticks=[])
