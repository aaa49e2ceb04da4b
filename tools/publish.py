"""Copy results into the repository: figures and tables to figures/PROFILE, and their numbers into README.md and docs/.

Run it from the root of the repository, after `make reproduce`:

    python -m tools.publish PROFILE        or        make publish PROFILE=PROFILE

Tests compare the pages with the tables (tools.numbers).
"""

import shutil
import sys
from pathlib import Path

from PIL import Image

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write, require_file
from tools.numbers.fill import fill_pages

LARGEST_PICTURE = 300_000
"""Bytes; every version of a picture stays in the history of the repository."""
COLOURS = 128
SHRINK = 0.85


def copy_picture(source: Path, target: Path) -> None:
    """Copy a PNG; one above LARGEST_PICTURE bytes with fewer colours, and smaller until it fits."""
    if source.stat().st_size <= LARGEST_PICTURE:
        shutil.copy2(source, target)
        return
    with Image.open(source) as file:
        picture = file.convert("RGB")
    while True:
        with atomic_write(target) as temporary:
            picture.quantize(COLOURS, dither=Image.Dither.NONE).save(temporary, format="PNG", optimize=True)
        if target.stat().st_size <= LARGEST_PICTURE:
            return
        picture = picture.resize([round(SHRINK * side) for side in picture.size], Image.Resampling.LANCZOS)


def publish(profile: str, *, root: Path) -> None:
    """Copy figures and tables of runs/`profile` to figures/`profile`, and fill the numbers of pages and notebooks.

    Raises:
        InputError: The run has no score table yet, or a page has a number that is in no table.
    """
    made = require_file(root / "runs" / profile / "tables" / "scores.md", made_by="05-evaluate").parent
    target = root / "figures" / profile
    target.mkdir(parents=True, exist_ok=True)
    pictures = [*made.parent.glob("figures/*.png"), *made.parent.glob("map/*.png")]
    for file in sorted(made.iterdir()):
        shutil.copy2(file, target / file.name)
    for picture in sorted(pictures):
        copy_picture(picture, target / picture.name)
    fill_pages(root)


if __name__ == "__main__":
    try:
        publish(sys.argv[1] if len(sys.argv) > 1 else "simulated", root=Path(__file__).resolve().parent.parent)
    except InputError as error:
        sys.exit(f"tools.publish: {error}")
