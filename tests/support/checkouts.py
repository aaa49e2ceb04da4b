"""Copies of parts of the checkout, in which snakemake runs."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copy_parts(folder: Path, snakefile: str, *names: str) -> Path:
    """Copy a Snakefile and some folders of the checkout, without what Python has compiled; returns the folder."""
    shutil.copy2(ROOT / snakefile, folder)
    for name in names:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
