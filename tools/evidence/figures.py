"""Draw the figures of the experiment beside its committed tables, of the parts that have some."""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from glaciersar.evaluation.evidence import PARTS, read_part
from glaciersar.plots.experiment import Experiment
from tools.publish import copy_picture

NOTE = "simulated radar, make evidence"


def draw_figures(figures: Path) -> None:
    """Draw what notebook 06 draws into the folder of the tables; says which part has none yet."""
    with tempfile.TemporaryDirectory() as folder:
        _draw(figures, Path(folder))
        for picture in sorted(Path(folder).glob("*.png")):
            copy_picture(picture, figures / picture.name)


def _draw(tables: Path, folder: Path) -> None:
    experiment = Experiment.read(tables, figures=folder, note=NOTE)
    experiment.draw_arms()
    for part in PARTS:
        if "differences" in read_part(tables, part):
            experiment.draw_differences(part)
    experiment.draw_errors()
    experiment.draw_dates()
    experiment.draw_seasons()
    experiment.draw_season_zones()
    experiment.draw_drift()
    plt.close("all")  # a notebook shows figures that stay open; here they are saved
