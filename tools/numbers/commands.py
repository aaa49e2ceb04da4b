"""Which command makes each committed table and figure, read from profile, notebooks and plan of the experiment."""

import re
from pathlib import Path

import nbformat
import yaml

from glaciersar.errors import InputError
from tools.evidence.plan import read_plan
from tools.evidence.tables import BASELINES

PAGES = {
    "docs/fuzz.md": "python -m tools.fuzz",
    "docs/kills.md": "python -m tools.kills page",
    "docs/load.md": "python -m tools.load",
    "docs/gpu-memory.md": "python -m tools.gpu_memory",
    "docs/scaling.md": "python -m tools.scaling",
    "docs/image.md": "python -m tools.image",
    "docs/simulator.md": "python -m tools.simulator_facts",
    "docs/areas.md": "python -m tools.areas",
    "docs/parity.md": "python -m tools.parity FOLDER_OF_FIXTURES docs/parity.md",
    "docs/ensembles.md": "python -m tools.ensembles RUN",
    "docs/inventories.md": "python -m tools.five_glaciers FOLDER_OF_DATA docs/inventories.md",
    "docs/elsewhere.md": "python -m tools.elsewhere FOLDER_OF_DATA WORK_FOLDER docs/elsewhere.md",
    "docs/fine-tuning.md": "python -m tools.finetuning",
    "docs/real-radar.md": "python -m tools.real_radar FOLDER_OF_DATA RUN_FOLDER docs/real-radar.md",
    "docs/model-cards/unet3d-simulated.md": "python -m tools.ship_weights runs/evidence FOLDER_OF_DATA",
    "docs/model-cards/ulstm-simulated.md": "python -m tools.ship_weights runs/evidence FOLDER_OF_DATA",
}
"""Pages that a tool writes as a whole, and its command."""
OWN = {"seconds": "python -m tools.seconds simulated"}
"""Tables of a run that no notebook writes."""
TRAIN, QUICKSTART = "04-train", "00-quickstart"  # a row a model; no step of a profile


def of_steps(root: Path, profile: str = "simulated") -> list[tuple[str, str]]:
    """List the commands of the Snakefile's steps for a profile, each with what it makes in figures/PROFILE.

    Returns:
        Command, and names of tables (without suffix) and figures; a training makes a row of the table of scores.

    Raises:
        InputError: A committed file that no notebook writes.
    """
    models = yaml.safe_load((root / f"config/{profile}.yaml").read_text(encoding="utf-8"))["all"]["models"]
    made = made_by(root, profile)
    rows = []
    for book, files in made.items():
        command, out = f"glaciersar run notebooks/{book}.ipynb --profile {profile}", f"runs/{profile}/notebooks"
        if book == TRAIN:
            for name in models:
                own = [
                    f"row `{name}` of scores and tiles",
                    *(f"`{file}`" for file in files if _of_model(file, models) == name),
                ]
                rows.append((f"{command} {_model(name)} --out {out}/{name}", ", ".join(own)))
            files = [file for file in files if not _of_model(file, models)]
            command += " --model MODEL"
        if files:
            rows.append((f"{command} --out {out}", ", ".join(f"`{file}`" for file in files)))
    return rows + [(command, f"`{name}`") for name, command in OWN.items()]


def made_by(root: Path, profile: str) -> dict[str, list[str]]:
    """Tell which notebook makes each committed table and figure of a profile.

    Raises:
        InputError: A committed file that no notebook writes.
    """
    books = sorted((root / "notebooks").glob("*.ipynb"))
    writers = {book.stem: written(book) for book in books if book.stem != QUICKSTART}
    made: dict[str, list[str]] = {book: [] for book in writers}
    for name in _committed(root / "figures" / profile):
        makers = [book for book, patterns in writers.items() if any(re.fullmatch(text, name) for text in patterns)]
        if makers:
            made[makers[0]].append(name)
        elif name not in OWN:
            raise InputError(f"figures/{profile}: {name} found, a file that a notebook writes expected")
    return made


def _of_model(file: str, models: list[str]) -> str:
    """Find the model that a figure names at its end; "" if it names none."""
    return next((name for name in models if file.endswith(f"-{name}.png")), "")


def written(book: Path) -> list[str]:
    """List patterns of what a notebook writes, tables and figures, from the texts in its code; a web page has a PNG."""
    cells = nbformat.read(book, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    figures = [f"{name}.png" for name in re.findall(r'f?"([^"\n/]+)\.(?:png|html)"', code)]
    tables = re.findall(r'"tables" / f?"([\w{}-]+)"', code)
    return [".+".join(map(re.escape, re.split(r"\{[^}]*\}", text))) for text in (*figures, *tables)]


def _committed(folder: Path) -> list[str]:
    """Name the tables of a folder without their suffix, and its figures with it."""
    return sorted({path.stem for path in folder.glob("*.csv")}) + sorted(path.name for path in folder.glob("*.png"))


def _model(name: str) -> str:
    """Give the parameters of a profile's model as the Snakefile does: unet3d-as_released is unet3d by that recipe."""
    model, _, recipe = name.partition("-")
    return f"--model {model}" + (f" --recipe {recipe}" if recipe else "")


def of_experiment(root: Path) -> list[tuple[str, str]]:
    """List the commands of the experiment's rows: an arm each, with all its seeds.

    Returns:
        Command with ROW for the arm, and the rows.
    """
    plan = read_plan(root / "config/evidence.yaml")
    rows = []
    for name, part in plan.parts.items():
        seeds = " ".join(map(str, part.seeds))
        rows.append(
            (f'make evidence PART={name} SEEDS="{seeds}" ARMS=ROW', ", ".join(f"`{arm}`" for arm in part.scored))
        )
        if name == "main":
            rows.append(
                (f"make evidence PART={name} SEEDS={part.seeds[0]}", ", ".join(f"`{arm}`" for arm in BASELINES))
            )
    return rows
