"""Write docs/ensembles.md.

Run it from the root of the repository, after `make evidence`:

    python -m tools.ensembles runs/evidence [--weights FILE --weights FILE …] [--out docs/ensembles.md]

Without weights, those of all seeds of unet3d are taken. Tiles that are mapped already are not mapped again, so a killed
run goes on; --count takes those that there are. With six networks and 66 tiles it takes about ten minutes of a core.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from glaciersar import outlines
from glaciersar.dataset.summary import pixel_size
from glaciersar.errors import InputError
from glaciersar.grid import Group
from glaciersar.inference.ensemble import load_networks
from tools.ensembles import count, maps, page

WANTED = 6
"""Seeds of the experiment, config/evidence.yaml."""


def write(
    run: Path, weights: Sequence[Path], *, kept: Path, out: Path, figure: Path, draws: int, mapping: bool = True
) -> pd.DataFrame:
    """Map what is not mapped yet, count, and write page and figure; returns the table of `count.tabulate`."""
    members, data = load_networks(weights), run / "datasets" / "main"
    if mapping:
        maps.map_members(members, data, kept)
    val, test = (maps.read_maps(members, data, kept, subset) for subset in maps.SUBSETS)
    drawn = outlines.read_outlines(run / "archives" / "main" / "outlines.gpkg", layer="truth")
    pixel = pixel_size(data / "test.h5")
    truth = {}
    for name in test:
        group = Group.parse(name)
        truth[name] = outlines.to_mask(outlines.outlines_of_year(drawn, group.year), group.tile.geobox(pixel=pixel))
    measured = {}
    for size, chosen in count.ensembles_of(len(members)).items():
        sums = [count.sum_ensemble(some, val, test, truth, pixel=pixel) for some in chosen]
        measured[size] = pd.concat([count.measure(one, draws=draws) for one in sums], ignore_index=True)
    table = count.tabulate(measured)
    counts = {"val": len(val), "test": len(test)}
    kinds = [f"{path.parent.parent.name} seed {path.parent.name}" for path in weights]
    page.write_page(out, table, count.describe_spreads(measured), counts=counts, kinds=kinds, wanted=WANTED)
    figure.parent.mkdir(parents=True, exist_ok=True)
    page.draw(table).savefig(figure, dpi=110)
    return table


def main(arguments: Sequence[str]) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tools.ensembles", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, help="folder of make evidence, such as runs/evidence")
    parser.add_argument(
        "--weights", type=Path, action="append", help="of a network, models/NAME/SEED/weights.safetensors"
    )
    parser.add_argument("--maps", type=Path, help="folder for the maps (default: ensembles in the run)")
    parser.add_argument("--out", type=Path, default=Path("docs/ensembles.md"))
    parser.add_argument("--figure", type=Path, default=Path("figures/ensembles/ensembles.png"))
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--count", action="store_true", help="count what is mapped, and map nothing")
    known = parser.parse_args(arguments)
    weights = known.weights or sorted((known.run / "models" / "unet3d").glob("*/weights.safetensors"))
    if len(weights) < 2:
        raise InputError(f"{len(weights)} weight files found, two or more networks expected")
    kept = known.maps or known.run / "ensembles"
    how = {"kept": kept, "out": known.out, "figure": known.figure, "draws": known.draws, "mapping": not known.count}
    print(write(known.run, weights, **how).round(3).to_string())


if __name__ == "__main__":
    torch.set_num_threads(1)  # the numbers do not depend on how many cores there are
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(f"tools.ensembles: {error}")
