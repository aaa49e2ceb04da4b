"""List the files of the package on which the result of a module or a notebook depends, by its imports."""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

from glaciersar.errors import InputError

PACKAGE = Path(__file__).parent
DATA_SUFFIXES = (".yaml", ".qml", ".mplstyle")


def files_behind(*sources: str | Path) -> list[Path]:
    """List the files that modules ("glaciersar.training.loop") and notebooks (paths) import, directly or not; sorted.

    A module's own file counts, also the __init__ of each package around it, and data files such as backscatter.yaml
    that lie in the same folder. Of a room that a notebook imports whole, the modules count whose names it uses.

    Raises:
        InputError: The package has no such module, or a notebook's code cannot be parsed.
    """
    graph = _import_graph()
    pending: set[str] = set()
    for source in sources:
        if isinstance(source, Path):
            pending |= {_exporter(name) for name in _imported_names(source)} & graph.modules
        elif source in graph.modules:
            pending.add(source)
        else:
            raise InputError(f"{source}: no such module, one of the package {PACKAGE.name} expected")
    modules: set[str] = set()
    while pending:
        module = pending.pop()
        modules.add(module)
        pending |= (graph.find_modules_directly_imported_by(module) | set(_parents(module))) - modules
    files = {_file(module) for module in modules}
    data = {path for folder in {file.parent for file in files} for path in folder.iterdir() if _is_data(path)}
    return sorted(files | data)


@cache
def _import_graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE.name, cache_dir=None)


def _imported_names(notebook: Path) -> Iterator[str]:
    """Name what a notebook imports: `from a import b` gives a and a.b, as b may be a module; b.c in the code, a.b.c."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    lines = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code").splitlines()
    code = "\n".join(line for line in lines if not line.startswith(("%", "!")))  # commands of IPython
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        raise InputError(f"{notebook}: code that cannot be parsed ({error}), Python expected") from error
    known: dict[str, str] = {}  # what a name of the notebook stands for
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    yield from known.values()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            yield f"{known[node.value.id]}.{node.attr}"


def _exporter(name: str) -> str:
    """Give the module behind a name that a room hands on by its __init__.pyi; any other name as it is."""
    room, _, attribute = name.rpartition(".")
    return _handed_on(room).get(attribute, name)


@cache
def _handed_on(room: str) -> dict[str, str]:
    stub = PACKAGE.joinpath(*room.split(".")[1:], "__init__.pyi")
    if room.partition(".")[0] != PACKAGE.name or not stub.exists():
        return {}
    lines = [node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ImportFrom)]
    return {
        alias.name: f"{room}.{line.module or alias.name}" for line in lines for alias in line.names
    }  # `from . import module` has no line.module


def _parents(module: str) -> Iterator[str]:
    """Name the packages around a module: Python runs their __init__ before it."""
    while "." in module:
        module = module.rpartition(".")[0]
        yield module


def _file(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _is_data(path: Path) -> bool:
    return path.is_file() and path.suffix in DATA_SUFFIXES
