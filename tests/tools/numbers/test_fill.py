"""tools.numbers.fill"""

from pathlib import Path

import nbformat

from tools.numbers.fill import fill_pages, pages

ROOT = Path(__file__).resolve().parents[3]
MARKER = "<!-- n: t.csv show=a -->?<!-- /n -->"


def test_pages_and_the_text_of_notebooks_are_filled(tmp_path):
    for folder in ("docs/model-cards", "docs/_build", "notebooks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "t.csv").write_text("a\n7\n")
    written = ["README.md", "docs/page.md", "docs/model-cards/index.md"]
    left = ["docs/parity.md", "docs/_build/page.md"]  # a tool writes the one, a build copies the other
    for name in written + left:
        (tmp_path / name).write_text(f"text {MARKER}\n")
    cells = [nbformat.v4.new_markdown_cell(f"text {MARKER}"), nbformat.v4.new_code_cell(f"# {MARKER}")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks/book.ipynb")
    assert sorted(fill_pages(tmp_path, write=False)) == sorted([*written, "notebooks/book.ipynb"])
    assert "?" in (tmp_path / "README.md").read_text()
    assert sorted(fill_pages(tmp_path)) == sorted([*written, "notebooks/book.ipynb"])
    assert all("-->7<!--" in (tmp_path / name).read_text() for name in written)
    assert all("-->?<!--" in (tmp_path / name).read_text() for name in left)
    text, code = nbformat.read(tmp_path / "notebooks/book.ipynb", as_version=4).cells
    assert "-->7<!--" in text.source
    assert "-->?<!--" in code.source
    assert fill_pages(tmp_path) == []


def test_the_numbers_of_the_committed_pages_are_those_of_the_committed_tables():
    assert fill_pages(ROOT, write=False) == []  # else: python -m tools.numbers


def test_the_pages_are_there():
    assert {"README.md", "docs/reproducibility.md"} <= {str(path.relative_to(ROOT)) for path in pages(ROOT)}
