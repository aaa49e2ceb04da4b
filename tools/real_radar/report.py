"""Write docs/real-radar.md from measurements."""

from pathlib import Path

import pandas as pd

from glaciersar.dataset.labelled_patches import FURTHER, key_table, name_groups
from glaciersar.evaluation.metrics import Confusion
from glaciersar.io.atomic import atomic_write, require_file
from glaciersar.models import Network, pretrained
from glaciersar.training.checkpoints import read_log
from tools.real_radar import controls, folds, kongsfjorden, levels, patches

MODELS = ("unet3d", "ulstm")
X_BAND = "X-band, one date, 8 bit, no result comparable with the benchmark's"

HEAD = """# Real radar

Made by `python -m tools.real_radar FOLDER_OF_DATA RUN_FOLDER docs/real-radar.md`. No real Sentinel-1 series with
glacier labels is at hand, so this page shows what can be had: real Sentinel-1 without glaciers, real radar of another
kind over glaciers, and *simulated* radar over real ground. The networks are those of a run of `make reproduce`, trained
on *simulated* radar alone ({trained}).

Intervals are bootstrap intervals of 95 %. They say how much a number varies with the bursts, samples or glaciers drawn,
are too narrow where these are few, and know nothing of the variation between trainings."""

CONTROLS = """## Real Sentinel-1 without glaciers

The share of pixels called glacier (p > 0.5), by networks trained on *simulated* radar; every one of them is false.
Wanted is at most 0.05. California: 15 dates, evenly chosen of 21, all of October to January; VV, 30 m; the first burst
is open ocean. Finland: twelve months from January to December, VV, ascending, 10 m; and the same as the 15 dates that
networks are trained on, each date the month nearest to it. The networks were trained on HH, a calendar year and 40 m,
so season, polarisation and pixel size differ as well as the ground."""

LEVELS = """## Backscatter beside the simulator's

Medians by month (1 to 12) in dB, and standard deviations in dB between the pixels of a date and between the dates of a
pixel. Real: VV. *Simulated*: HH of 2016. The forests' values are taken for sigma nought; gamma nought, which the
simulator gives, would lie 1.0 dB higher at 38 degrees. For glacier no real series is at hand."""

FOLDS = f"""## Real glaciers, another radar

The patches of CaFFe (Gourmelon and others 2022, doi 10.1594/PANGAEA.940950, CC BY 4.0):
{X_BAND}.
Grey 0 to 255 is mapped linearly to where -25 to 0 dB of "grd" lie; it is amplitude stretched for the eye, and no dB.
Pixels are averaged 4 × 4 to 24 or 27 m. Glacier is class 2 of the masks; rock, ocean and mélange are not; pixels
without data are not counted.

Each glacier is mapped by networks that saw no patch of it: six folds, one a glacier. A training takes
{folds.FRESH.steps_per_epoch} steps of {folds.FRESH.batch} patches of {folds.FRESH.patch} pixels, width
{folds.FRESH.width}, seed {folds.FRESH.seed}; fine-tuning starts from the *simulated* weights at a third of the learning
rate, which was set beforehand. Intervals are over the glaciers: six, so wide and still too narrow. The mean leaves out
a glacier whose patches show none of it (–)."""

KEYS = f"""A group of the dataset files is named by the tile of 10 km in which the middle of its patch lies, on the grid
of the patch's own system, and by the year. Orbit 0 says that none is known; a further patch of a tile and year has a
number above {FURTHER} there, which no orbit has."""

KONGSFJORDEN = f"""## *Simulated* radar over real ground

*Simulated* radar of {kongsfjorden.YEAR}, orbit {kongsfjorden.ORBIT}, at {kongsfjorden.PIXEL:.0f} m over the real
elevation model of Kongsfjorden and the real outlines of the Norwegian Polar Institute (CC BY 4.0). The form of ground
and ice is real; radar, snow and zones are *simulated*. One place, so no interval."""

END = """The data are not part of this repository; with them beside a checkout, the tests under `tests/real` read them
and measure the small pieces again."""


def load_models(run: str | Path) -> dict[str, Network]:
    """Load the networks of a run that the page is about."""
    return {name: pretrained.load(weight_file(run, name)) for name in MODELS}


def weight_file(run: str | Path, name: str) -> Path:
    """Name the weight file of a run's network, and refuse a run without it."""
    return require_file(Path(run) / "models" / name / "weights.safetensors", made_by="04-train")


def _describe_training(run: str | Path) -> str:
    """Say how long the networks of a run were trained, from their logs."""
    return ", ".join(f"{name}: {len(read_log(Path(run) / 'models' / name))} epochs" for name in MODELS)


def kongsfjorden_table(counts: dict[str, Confusion]) -> pd.DataFrame:
    """Tabulate the scores on Kongsfjorden, a row a network."""
    names = {"iou": "IoU (*simulated* radar)", "precision": "precision", "recall": "recall"}
    rows = [
        {"network": name} | {heading: f"{getattr(count, score):.3f}" for score, heading in names.items()}
        for name, count in counts.items()
    ]
    return pd.DataFrame(rows)


def write(data: str | Path, run: str | Path, path: str | Path) -> None:
    """Measure all and write the page.

    Args:
        data: Folder of the real data.
        run: Folder of a run of `make reproduce`: its models and archive are read; trainings go to real-radar in it.
        path: The page.
    """
    models, land = load_models(run), controls.read_controls(data)
    named = name_groups(patches.read_patches(Path(data) / "caffe-patches"))
    counts = folds.leave_one_glacier_out(named, weight_file(run, "unet3d"), Path(run) / "real-radar")
    parts = [
        HEAD.format(trained=_describe_training(run)),
        CONTROLS,
        _table(controls.false_shares(models, land)),
        LEVELS,
        _table(levels.level_table(land, Path(run) / "archive")),
        FOLDS,
        _table(folds.summarize_folds(counts)),
        folds.tell_folds(counts),
        KEYS,
        _table(key_table(named)),
        KONGSFJORDEN,
        _table(kongsfjorden_table(kongsfjorden.score_on_kongsfjorden(models, data))),
        END,
    ]
    with atomic_write(path) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _table(table: pd.DataFrame) -> str:
    return str(table.to_markdown(index=False, disable_numparse=True))
