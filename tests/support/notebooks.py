"""Write small notebooks, and list those of the repository."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PARAMETERS = """\
work = "runs/mini"  # path: folder of this run
model = "unet3d"
weights = ""  # path or name: of trained weights
epochs = 2
rate = 0.5
fast = True
years = [2016]"""


def executed_notebooks() -> list[Path]:
    """List the notebooks of the repository, which are committed with outputs."""
    return sorted(FOLDER.glob("*.ipynb"))


def write_notebook(path: Path, body: str, *, further: str = "") -> Path:
    """Write a notebook: parameters, further ones in a folded cell if there are any, and a cell of code."""
    cells = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
    if further:
        folded = {"tags": ["further-parameters"], "jupyter": {"source_hidden": True}}
        cells += [new_code_cell(further, metadata=folded), new_code_cell(metadata={"tags": ["injected-parameters"]})]
    book = new_notebook(cells=[*cells, new_code_cell(body)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
    return path
