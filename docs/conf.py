"""Settings of the documentation, which `make docs` builds from docs/, the committed notebooks and the docstrings."""

import re
import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))

ROOMS = ("io", "scenes", "models", "simulate", "dataset", "inference", "evaluation", "training", "inventory", "plots")
SHARED = (
    *("errors", "grid", "geodesy", "radiometry", "outlines", "polygons", "inventory_forms", "vector_files"),
    *("recipe", "parameters", "root"),
)
COMMANDS = ("notebooks", "dependencies", "job_resources", "cli")

project = "glaciersar"
author = "The glaciersar developers"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
default_role = "code"  # docstrings put names between single backticks

nb_execution_mode = "off"  # notebooks are shown as they are committed
nb_merge_streams = True
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "dollarmath"]  # the equations of notebook 03
suppress_warnings = ["mystnb.unknown_mime_type", "config.cache"]

autodoc_inherit_docstrings = False  # those of torch are written in another markup
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88

# every page repeats the navigation: with each function in it a build takes twice as long
toc_object_entries = False
html_theme = "sphinx_book_theme"
html_title = "glaciersar"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"show_toc_level": 2, "home_page_in_toc": True, "use_download_button": False}

linkcheck_anchors = False
nitpick_ignore_regex = [
    ("py:.*", r"(?!glaciersar\.).*"),  # names of other packages
    ("py:class", r"glaciersar\..*\.(R|T|Item|Module|Result|Values|_\w+)"),  # type variables, and what is private
]


def copy_notebooks() -> None:
    """Copy the committed notebooks to where Sphinx finds them; files that did not change keep their time."""
    folder = DOCS / "_notebooks"
    folder.mkdir(exist_ok=True)
    books = sorted((ROOT / "notebooks").glob("*.ipynb"))
    for old in set(folder.glob("*.ipynb")) - {folder / book.name for book in books}:
        old.unlink()
    for book in books:
        copy = folder / book.name
        if not copy.exists() or copy.read_bytes() != book.read_bytes():
            shutil.copy2(book, copy)


def write_api() -> None:
    """Write a page of the API for each room, with a section for each of its modules."""
    folder = DOCS / "_api"
    folder.mkdir(exist_ok=True)
    pages = {"shared": ("Shared by all rooms", [f"glaciersar.{name}" for name in SHARED])}
    for room in ROOMS:
        names = sorted(path.stem for path in (ROOT / "glaciersar" / room).glob("[!_]*.py"))
        pages[room] = (room, [f"glaciersar.{room}", *(f"glaciersar.{room}.{name}" for name in names)])
    pages["commands"] = ("Commands and notebooks", [f"glaciersar.{name}" for name in COMMANDS])
    for page, (title, modules) in pages.items():
        parts = [_heading(title, "=")]
        for module in modules:
            if module != f"glaciersar.{page}":
                parts.append(_heading(module.removeprefix(f"glaciersar.{page}.").removeprefix("glaciersar."), "-"))
            handed_on = ROOT.joinpath(*module.split("."), "__init__.pyi").exists()  # its modules have the members
            parts.append(f".. automodule:: {module}\n" + ("" if handed_on else "   :members:\n"))
        _write(folder / f"{page}.rst", "\n".join(parts))


def _heading(title: str, line: str) -> str:
    return f"{title}\n{line * len(title)}\n"


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:  # an unchanged page is not read again
        path.write_text(text)


ARRAY = re.compile(r"~?(?:numpy\.)?ndarray\[tuple\[~?(?:typing\.)?Any, \.\.\.\], ~?(?:numpy\.)?dtype\[([^\]]*)\]\]")


def shorten_arrays(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, result: str | None
) -> tuple[str | None, str | None]:
    """Show NDArray[float32] as the source has it, not as the type that it stands for."""
    return tuple(ARRAY.sub(r"NDArray[\1]", text) if text else text for text in (signature, result))


PAGES = {  # links that hold in the repository, from any folder -> pages of the site
    r"notebooks/": "_notebooks/",
    r"benchmarks/RESULTS\.md": "benchmarks.md",
    r"CHANGELOG\.md": "changelog.md",
    r"CONTRIBUTING\.md": "contributing.md",
    r"SECURITY\.md": "security.md",
    r"docs/": "",
}


def link_to_pages(text: list[str], page: str) -> None:
    up = "../" * page.count("/")  # to docs/, from _notebooks/00-quickstart or model-cards/index
    for place, target in PAGES.items():
        text[0] = re.sub(rf"\]\((\.\./)*{place}", f"]({up}{target}", text[0])


COLON = "\ue000"  # stands for a colon where none may be seen


def read_sections(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Read Args, Returns and Raises; what precedes a colon in an attribute or in Returns is text, and no type."""
    if what in ("attribute", "data", "property"):
        return
    for before, (index, line) in zip(lines, enumerate(lines[1:], start=1), strict=False):
        if before.strip() in ("Returns:", "Yields:"):
            lines[index] = line.replace(":", COLON)
    read = GoogleDocstring(lines, Config(napoleon_use_rtype=False), app, what, name, obj, options).lines()
    lines[:] = [line.replace(COLON, ":") for line in read]


def setup(app: Sphinx) -> None:
    copy_notebooks()
    write_api()
    app.connect("source-read", lambda app, name, source: link_to_pages(source, name))
    app.connect("include-read", lambda app, path, parent, text: link_to_pages(text, parent))
    app.connect("autodoc-process-docstring", read_sections)
    app.connect("autodoc-process-signature", shorten_arrays)
