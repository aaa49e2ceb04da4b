"""Try everything in an image, from the root of the repository in it, and print docs/image.md."""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tools.evidence.stamp import processor
from tools.image import checks
from tools.image.server import running

PAGE = """\
# The image

What `python -m tools.image` found inside an image of the [Dockerfile](../Dockerfile){built}, run as its user, on
{machine}. [Install](install.md#docker-and-binder) says how to build it and run it.

| tried | found |
|---|---|
{rows}

Memory is that of JupyterLab with its kernels and all processes that they start; pages that several processes share are
divided among them. Sizes are those of files on disk, without compression.
"""


def main() -> int:
    """Print the page; tell by the exit status whether everything passed."""
    parser = argparse.ArgumentParser(prog="python -m tools.image", description=__doc__)
    parser.add_argument("--built-by", default="", help="what built the image, for the page")
    parser.add_argument("--notebooks", nargs="+", help="those that nbval compares, such as 00-quickstart.ipynb; all")
    asked = parser.parse_args()
    books = asked.notebooks or sorted(path.name for path in Path("notebooks").glob("*.ipynb"))
    rows, passed = [], True
    for title, check in _planned(books):
        good, found = checks.run(check)
        print(f"{title}: {found}", file=sys.stderr, flush=True)
        rows.append(f"| {title} | {' '.join(found.split()).replace('|', '/')} |")
        passed &= good
    built = f", built by {asked.built_by}" if asked.built_by else ""
    print(PAGE.format(built=built, machine=processor(), rows="\n".join(rows)), end="")
    return 0 if passed else 1


def _planned(books: list[str]) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "size", checks.check_size
    yield "user", checks.check_user
    yield "`glaciersar doctor`", checks.check_device
    yield "`glaciersar`, `papermill` in a login shell", checks.check_login_shell
    checks.RUN.mkdir(parents=True, exist_ok=True)
    with running(Path.cwd(), checks.RUN.parent / "lab.log") as server:
        yield "JupyterLab on its port", partial(checks.check_lab, server)
        yield "`glaciersar`, `papermill` in JupyterLab's terminal", partial(checks.check_terminal, server)
        for name in ("00-quickstart.ipynb", "01-scenes.ipynb"):
            yield f"{name} by REST and web socket", partial(checks.check_notebook, server, name)
    yield f"nbval: {', '.join(name.removesuffix('.ipynb') for name in books)}", partial(checks.check_nbval, books)
    yield "papermill: 05-evaluate", checks.check_papermill


if __name__ == "__main__":
    sys.exit(main())
