"""The parameters of a notebook: what it declares, whether values fit, and where its relative paths start.

They are the assignments of its cell tagged `parameters`, and of a folded one tagged `further-parameters` for those that
most readers never touch; their values are the mini profile. A cell tagged `injected-parameters` below both is where
papermill writes the values that it is given. A parameter whose comment starts with "path" holds a path; one whose
comment says "or a list of" takes a list of texts, too.
"""

import ast
import difflib
import io
import json
import math
import os
import textwrap
import tokenize
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from glaciersar.errors import InputError
from glaciersar.io.limits import parse_yaml
from glaciersar.root import find_root

TAGS = ("parameters", "further-parameters")
"""Of the cells that declare parameters. papermill knows the first only, but sets what it is given below both."""

GIVEN = "# Parameters\n"
"""First line of the cell that papermill writes."""

CHECK = "parameters.check("
"""In the cell that checks; a notebook declares its parameters above it."""

PLAIN = (str, int, float, bool, list, dict, tuple, type(None))
"""Types of what papermill or a hand may write. Other values the notebook has made, where a cell is run again."""


KINDS = {
    "path": "PATH",
    "path or name": "PATH|NAME",
    "path or name, or a list of them": "PATH|NAME|LIST",
    str: "TEXT",
    int: "INTEGER",
    float: "NUMBER",
    bool: "true|false",
    list: "LIST",
}
"""What the help calls the type of a default, or what a comment begins with."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of a notebook, as its parameters cell declares it."""

    name: str
    default: Any
    help: str
    """The comment beside it."""

    @property
    def is_path(self) -> bool:
        return self.help.startswith("path")

    @property
    def may_be_name(self) -> bool:
        return self.help.startswith("path or name")

    @property
    def may_be_list(self) -> bool:
        return isinstance(self.default, str) and "or a list of" in self.help


class ParameterError(InputError):
    """A wrong parameter, which a notebook shows as its sentence alone, without the calls that led to it."""

    def _render_traceback_(self) -> list[str]:  # IPython asks for it
        return [f"{type(self).__name__}: {self}"]


def read_parameters(notebook: str | Path) -> dict[str, Parameter]:
    """Read the parameters that a notebook declares, with their defaults.

    Raises:
        InputError: No such notebook, or one that is no JSON or whose parameters are no Python.
    """
    notebook = Path(notebook)
    if notebook.suffix != ".ipynb" or not notebook.is_file():
        raise InputError(f"{notebook}: no such notebook, expected an .ipynb file")
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        declaring = [cell for tag in TAGS for cell in cells if tag in cell["metadata"].get("tags", [])]
        found = [declared_in("".join(cell["source"])) for cell in declaring]
    except (ValueError, KeyError, TypeError, SyntaxError) as error:
        raise InputError(f"{notebook}: {error!r} on reading it, a notebook of format 4 expected") from error
    return {name: parameter for cell in found for name, parameter in cell.items()}


def declared_in(source: str) -> dict[str, Parameter]:
    """Read the parameters of a cell: names to which it assigns a literal, and the comment at the end of that line.

    Raises:
        SyntaxError: The cell is no Python.
    """
    found = {}
    assigned = _assigned(source)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    for name, value in assigned.items():
        comment = comments.get(value.end_lineno or 0, "").lstrip("#").strip()
        with suppress(ValueError):  # no literal
            found[name] = Parameter(name=name, default=ast.literal_eval(value), help=comment)
    return found


def _assigned(source: str) -> dict[str, ast.expr]:
    """Give what a cell assigns to each name."""
    found: dict[str, ast.expr] = {}
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)  # None where a name is but annotated
        if isinstance(node, ast.Assign | ast.AnnAssign) and value is not None:
            found |= {target.id: value for target in targets if isinstance(target, ast.Name)}
    return found


def describe(notebook: str | Path) -> str:
    """List the parameters of a notebook for its help: how each is given, its meaning and its default."""
    lines = []
    for parameter in read_parameters(notebook).values():
        default = json.dumps(parameter.default, ensure_ascii=False)  # as the command line reads it: true, not True
        prefix, _, meaning = parameter.help.partition(": ") if parameter.is_path else ("", "", parameter.help)
        kind = KINDS.get(prefix or type(parameter.default), "VALUE") + "|LIST" * (parameter.may_be_list and not prefix)
        said = f"{meaning} (default {default})".strip()
        name = f"--{parameter.name} {kind}"
        lines.append(textwrap.fill(f"{name:<27} {said}", 110, initial_indent="  ", subsequent_indent=" " * 30))
    return f"parameters of {Path(notebook).name}:\n" + "\n".join(lines or ["  none"])


def check_values(
    declared: Mapping[str, Parameter], values: Mapping[str, Any], *, of: str, relative_to: str | Path = "."
) -> dict[str, Any]:
    """Check names and types against declared parameters.

    Args:
        declared: From `read_parameters` or `declared_in`.
        values: Names and values; a text is read as the type of the parameter's default ("false" is False).
        of: Whose they are, for messages.
        relative_to: Folder that relative paths among the values refer to.

    Returns:
        The values, converted; paths made absolute.

    Raises:
        InputError: A name that is not declared, or a value of another type.
    """
    checked = {}
    for name, value in values.items():
        if name not in declared:
            close = difflib.get_close_matches(name, declared, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(declared) or 'none'}"
            raise InputError(f"{of}: no parameter is called {name!r}; {hint}")
        parameter = declared[name]
        converted = _convert_text(value, parameter, where=f"{of}: parameter {name!r}")
        checked[name] = _resolve(converted, Path(relative_to), parameter) if parameter.is_path else converted
    return checked


def _convert_text(value: Any, parameter: Parameter, *, where: str) -> Any:
    """Bring a value to the type of the default, or to a list of texts where the parameter takes one."""
    if not parameter.may_be_list:
        return _convert(value, parameter.default, where=where)
    if isinstance(value, str) and value.startswith("["):
        value = _convert(value, [""], where=where)
    if not isinstance(value, list):
        return _convert(value, parameter.default, where=where)
    if not value or not all(isinstance(item, str) and item for item in value):
        raise InputError(f"{where}: {value!r} found, one text or a list of some expected")
    return value


def _resolve(value: str | list[str], start: Path, parameter: Parameter) -> str | list[str]:
    """Make a path absolute; leave a URL, an empty text, or a name where the parameter allows one ("path or name")."""
    if isinstance(value, list):
        return [str(_resolve(item, start, parameter)) for item in value]
    path = (start / value).resolve()
    named = parameter.may_be_name and not path.exists()
    return value if not _is_relative(value) or named else str(path)


def _texts(value: Any) -> list[str]:
    """List the texts of a value, which may be one or a list."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]


def _is_relative(value: str) -> bool:
    return bool(value) and "://" not in value and not Path(value).is_absolute()


def _convert(value: Any, default: Any, *, where: str) -> Any:
    """Bring a value to the type of the default, or refuse it."""
    if isinstance(value, str) and not isinstance(default, str):
        try:
            value = parse_yaml(value)
        except ValueError as error:
            raise InputError(f"{where}: {value!r} cannot be read as {type(default).__name__}") from error
    if isinstance(default, float) and type(value) in (int, str):
        with suppress(ValueError):
            value = float(value)  # also 5e-4, which YAML takes for a text
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where}: {value} found, a finite number expected")
    if type(value) is not type(default):
        raise InputError(
            f"{where}: {value!r} is {type(value).__name__}, expected {type(default).__name__} (default {default!r})"
        )
    if isinstance(value, list) and len({type(item) for item in default}) == 1:
        return [_convert(item, default[0], where=f"{where}, item {k}") for k, item in enumerate(value, start=1)]
    return value


def check(namespace: MutableMapping[str, Any]) -> None:
    """Check the parameters of the notebook that runs; its relative paths become absolute and start at the project.

    So a path means the same whether the notebook was opened in JupyterLab or run by nbval or by papermill, from
    whatever folder (`root.find_root`). papermill itself only warns at an unknown name, and takes the text "false"
    for true. What the notebook declares is read from its cells that ran above this call, without its file: a copy
    of it works as well.

    Args:
        namespace: `globals()`, in the first cell below the parameters.

    Raises:
        ParameterError: papermill was given a name that the notebook does not declare, a value of another type than the
            default's, or there is a relative path and no project.
    """
    if not (cells := namespace.get("In")):  # what IPython calls the cells that ran
        raise ParameterError("no cells found, the globals() of a notebook expected")
    above = list(takewhile(lambda cell: CHECK not in cell, cells))
    names = {name for cell in above if not cell.startswith(GIVEN) for name in _declared(cell)}
    declared: dict[str, Parameter] = {}
    given: list[str] = []
    for cell in cells[:-1]:  # cells may have been changed and run again: the last of each counts
        if cell.startswith(GIVEN):
            given = list(_assigned(cell))
        else:
            declared |= {name: found for name, found in _declared(cell).items() if name in names}
    present = [name for name in (*declared, *given) if isinstance(namespace.get(name), PLAIN)]
    try:
        if not any(cells):  # nbval keeps none of the cells that it runs, and gives no parameters
            os.chdir(find_root())
        values = {name: namespace[name] for name in present if name in namespace}
        namespace.update(check_values(declared, values, of="this notebook", relative_to=_start(declared, values)))
    except InputError as error:
        raise ParameterError(str(error)) from None


def _declared(cell: str) -> dict[str, Parameter]:
    """Read the parameters of a cell that ran; a cell that is no Python has none."""
    try:
        return declared_in(cell)
    except SyntaxError:
        return {}


def _start(declared: Mapping[str, Parameter], values: Mapping[str, Any]) -> Path:
    """Give the folder at which relative paths start; a project is needed only where a text can be nothing else."""
    relative = [
        parameter
        for parameter in declared.values()
        if parameter.is_path and any(_is_relative(text) for text in _texts(values.get(parameter.name)))
    ]
    try:
        return find_root() if relative else Path()
    except InputError:
        if all(parameter.may_be_name for parameter in relative):
            return Path()
        raise
