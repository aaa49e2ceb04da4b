"""Write small notebooks."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

PARAMETERS = """\
work = "runs/mini"  # path: folder of this run
model = "unet3d"
weights = ""  # path or name: of trained weights
epochs = 2
rate = 0.5
fast = True
years = [2016]"""


def write_notebook(path: Path, body: str) -> Path:
    """Write a notebook of a cell of parameters and one of code; returns its path."""
    parameters = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    book = new_notebook(cells=[parameters, new_code_cell(body)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
    return path
