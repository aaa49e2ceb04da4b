"""Which files of the package decide what a module or a notebook computes, by its imports."""

import ast
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import grimp

PACKAGE = Path(__file__).parent


def files_behind(*sources: str | Path) -> list[Path]:
    """List the files that modules ("glaciersar.training.loop") and notebooks (paths, .ipynb) import, directly or not.

    Files beside a module that are no code (such as backscatter.yaml) count with it. Sorted.
    """
    imported = {name for source in sources for name in ([source] if isinstance(source, str) else _imports(source))}
    graph = _graph()
    behind = imported & graph.modules
    for module in tuple(behind):
        behind |= graph.find_upstream_modules(module)
    rooms = {parent for module in behind for parent in _parents(module)}
    files = {_file(module) for module in behind | rooms}
    data = {path for folder in {file.parent for file in files} for path in folder.iterdir() if _is_data(path)}
    return sorted(files | data)


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE.name, cache_dir=None)


def _imports(notebook: Path) -> Iterable[str]:
    """Name what the code of a notebook imports; of `from a import b`, both a and a.b, as b may be a module."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _parents(module: str) -> Iterable[str]:
    """Name the packages that Python runs before a module: their __init__ counts, too."""
    while "." in module:
        module = module.rpartition(".")[0]
        yield module


def _file(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _is_data(path: Path) -> bool:
    return path.is_file() and path.suffix in (".yaml", ".qml")
