"""Files in the published layout, padded and with more dates than stand for a year, through notebooks 02 to 05."""

import contextlib
import io
from pathlib import Path

import h5py
import nbformat
import numpy as np
import pandas as pd
import pytest

from glaciersar import notebooks
from glaciersar.training.config import TrainConfig
from glaciersar.training.loop import train

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
TILES = {
    "train": ["SVAL-1-1_2016_ro14", "SVAL-1-1_2020_ro174", "SVAL-2-1_2017_ro14", "SVAL-4-1_2020_ro14"],
    "val": ["SVAL-1-2_2020_ro14"],
    "test": ["SVAL-2-2_2016_ro14", "SVAL-2-2_2020_ro14"],
}
HEIGHT, WIDTH, TOP, LEFT = 72, 76, 3, 5  # windows of 32 leave over 8 rows and 12 columns
TRAINING = {"width": 4, "patch": 32, "batch": 2, "epochs": 3, "learning_rate": 5e-3, "restarts": [3.0], "seed": 7}


def write_published(path, names, rng):
    """Write what the published files hold and no more: nothing tells dates, pixel or kind of data."""
    with h5py.File(path, "w") as file:
        for name in names:
            dates = int(rng.integers(20, 32))
            glacier = np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)) > rng.integers(60, 80)
            values = 0.65 + 0.1 * glacier + rng.normal(0, 0.02, (dates, HEIGHT, WIDTH))
            inner = np.s_[TOP : TOP + 64, LEFT : LEFT + 64]
            padding = np.ones((HEIGHT, WIDTH), bool)
            padding[inner] = False
            values[:, padding] = 0
            labels = np.stack([~glacier, glacier], -1)
            labels[padding] = [1, 0]
            group = file.create_group(name)
            chunks = (dates, 17, 30, 1)  # as odd as chunks may be
            group.create_dataset("grd", data=values[..., None].astype(np.float32), chunks=chunks, compression="gzip")
            group["outlines"] = labels.astype(np.uint8)
            sizes = {"height": HEIGHT, "width": WIDTH, "orig_height": 64, "orig_width": 64}
            group.attrs.update(sizes | {"pad_height": TOP, "pad_width": LEFT})
            group.attrs["grd_base_time_idx"] = np.linspace(0, dates - 1, 15).round().astype(np.int32)


def run_cells(notebook, values):
    """Run a notebook's cells in this process, which is quicker than a kernel each; gives what they print."""
    space, printed = {"In": []}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in nbformat.read(notebook, as_version=4).cells:
            if cell.cell_type == "code":
                space["In"].append(cell.source)  # as a kernel does
                exec(cell.source, space)
            if any(tag.endswith("parameters") for tag in cell.metadata.get("tags", [])):  # the last such cell decides
                space |= notebooks.check_parameters(notebook, values)
    return printed.getvalue()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the notebooks one after the other; gives the run's folder and what each printed."""
    work, data = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(5)
    for subset, names in TILES.items():
        write_published(data / f"{subset}.h5", names, rng)
    train(TrainConfig(**TRAINING, steps_per_epoch=4, threads=1), data, work / "models" / "unet3d", progress=False)
    common = {"work": str(work), "data": str(data)}
    models = {"models": ["unet3d", "unet3d-as_released"]}
    given = {
        "02-dataset": {},
        "03-models": {"width": 4, "patch": 32, "timed_patch": 8, "window": 32},
        "04-train": TRAINING | {"model": "unet3d", "recipe": "as_released", "steps_per_epoch": 0},
        "05-evaluate": models | {"window": 32},
        "10-figures": models | {"window": 32, "tiles": 1},
    }
    printed = {name: run_cells(NOTEBOOKS / f"{name}.ipynb", common | values) for name, values in given.items()}
    return work, printed


def test_the_dataset_is_shown_with_its_card_its_split_and_a_year_without_dates(run):
    work, printed = run
    card = pd.read_csv(work / "tables/dataset.csv", index_col="subset")
    assert list(card["tiles"]) == [3, 1, 1]
    assert list(card["groups"]) == [4, 1, 2]
    assert card.loc["train", "years"] == "2016, 2017, 2020"
    assert card.loc["train", "orbits"] == "14, 174"
    assert (card["glacier"] > 0.3).all()
    assert card["area"].tolist() == pytest.approx([4 * 0.64**2, 0.64**2, 2 * 0.64**2], rel=1e-3)
    assert card["filled"].isna().all()
    assert {path.name for path in (work / "figures").glob("*.png")} >= {
        "split.png", "tiles.png", "year.png", "series.png"
    }  # fmt: skip
    assert "as in the files: 75% of neighbouring tiles lie in different subsets" in printed["02-dataset"]
    assert not (work / "dataset").exists()  # nothing was built


def test_pixels_of_glacier_and_of_the_rest_are_followed_where_nothing_more_is_known(run):
    work, printed = run
    assert "Sentinel-1: glacier, land or sea" in printed["03-models"]
    assert (work / "figures/pixel-course.png").exists()


def test_an_epoch_has_as_many_steps_as_patches_fit(run):
    assert "unet3d-as_released: 3 epochs of 8 steps" in run[1]["04-train"]  # 4 groups of 2 × 2 patches, by 2


def test_both_recipes_are_rows_of_the_table(run):
    work, _ = run
    scores = pd.read_csv(work / "tables/scores.csv", index_col="model")
    assert list(scores.index) == ["unet3d", "unet3d-as_released"]
    assert (scores["IoU, pooled"] > 0.3).all()
    table = (work / "tables/scores.md").read_text()
    assert "| unet3d-as_released |" in table
    assert "simulated" not in table
    assert (work / "figures/errors-unet3d-as_released.png").exists()


def test_every_figure_is_gathered_for_print_and_the_study_area_has_the_tiles_of_the_files(run):
    work, printed = run
    assert "5 tiles of the dataset of 10 km\non the tile grid, no coastline given" in printed["10-figures"]
    listed = pd.read_csv(work / "figures/print/figures.csv")
    assert set(listed["file"]) == {path.stem for path in (work / "figures").glob("*.png")}
    assert all((work / f"figures/print/{name}.pdf").exists() for name in listed["file"])
