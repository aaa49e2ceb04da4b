"""Fill the pages of the repository: README.md, CONTRIBUTING.md, docs/, and the text of notebooks."""

from pathlib import Path

import nbformat

from glaciersar.io.atomic import atomic_write
from tools.numbers import blocks, markers
from tools.numbers.commands import PAGES

COPIED = {"_build", "_notebooks", "_api"}
"""Folders of docs/ that a build makes."""


def pages(root: Path) -> list[Path]:
    """List the pages that people write: without those that a tool writes whole, and the parts that builds copy."""
    own = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    parts = {path: path.relative_to(root).parts for path in own if path.exists()}
    return [path for path, part in parts.items() if "/".join(part) not in PAGES and not COPIED & {*part}]


def fill_pages(root: Path, *, write: bool = True) -> list[str]:
    """Fill every marker and block of the pages and of the text of notebooks.

    Args:
        root: Of the repository.
        write: Change the files; without it they are only compared.

    Returns:
        Names of the files that change.

    Raises:
        InputError: A marker or block that cannot be filled.
    """
    changed = []
    for path in pages(root):
        name, before = str(path.relative_to(root)), path.read_text(encoding="utf-8")
        after = markers.fill(blocks.fill(before, root, where=name), root, where=name)
        if after != before:
            changed.append(name)
            if write:
                with atomic_write(path) as temporary:
                    temporary.write_text(after, encoding="utf-8")
    return changed + _fill_notebooks(root, write=write)


def _fill_notebooks(root: Path, *, write: bool) -> list[str]:
    changed = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        name, book = str(path.relative_to(root)), nbformat.read(path, as_version=4)
        texts = [cell for cell in book.cells if cell.cell_type == "markdown" and "<!-- n: " in cell.source]
        before = [cell.source for cell in texts]
        for cell in texts:
            cell.source = markers.fill(cell.source, root, where=name)
        if before != [cell.source for cell in texts]:
            changed.append(name)
            if write:
                with atomic_write(path) as temporary:
                    nbformat.write(book, temporary)
    return changed
