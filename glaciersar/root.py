"""Find the project: the folder at which relative paths of notebooks start, wherever they are run."""

import os
import tomllib
from pathlib import Path

from glaciersar.errors import InputError

VARIABLE = "GLACIERSAR_ROOT"
"""Environment variable that names the folder instead."""

NAME = "glaciersar"


def find_root(start: str | Path = ".") -> Path:
    """Find the project of a working directory.

    It is what GLACIERSAR_ROOT names; or the nearest folder at or above the working directory whose pyproject.toml is
    this project's; or the checkout that the package was installed from in editable mode.

    Args:
        start: The working directory. A notebook's is its own folder in JupyterLab and under nbval, and with plain
            papermill the one that papermill was called in.

    Raises:
        InputError: GLACIERSAR_ROOT names no folder, or there is no project.
    """
    if given := os.environ.get(VARIABLE):
        if not Path(given).is_dir():
            raise InputError(f"{VARIABLE}: no folder at {given!r}, one expected at which relative paths start")
        return Path(given).resolve()
    start = Path(start).resolve()
    for folder in (start, *start.parents, Path(__file__).resolve().parents[1]):
        if _is_project(folder):
            return folder
    raise InputError(
        f"{start}: no project {NAME} here or above it, at which relative paths would start; "
        f"pass absolute paths or set {VARIABLE}"
    )


def _is_project(folder: Path) -> bool:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project")
    except (OSError, ValueError):  # none, or another project's that cannot be read
        return False
    return isinstance(project, dict) and project.get("name") == NAME
