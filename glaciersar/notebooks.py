"""Run a notebook with checked parameters.

papermill warns at a mistyped parameter, takes the text "false" for true, and runs in the caller's directory. Here an
unknown name or a wrong type is refused before anything runs, and a notebook always runs in its own directory.

A notebook's parameters are the assignments of its cell tagged `parameters`, and of a folded one tagged
`further-parameters` for those that most readers never touch; their values are the mini profile. A cell tagged
`injected-parameters` below both is where papermill writes the values that it is given. A parameter whose comment starts
with "path" holds a path, which is relative to the caller's directory.
"""

import ast
import difflib
import logging
import math
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.translators import PythonTranslator
from traitlets.config import Config

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write
from glaciersar.io.extras import require_extra
from glaciersar.io.limits import parse_yaml, read_yaml

TAGS = ("parameters", "further-parameters")
"""Of the cells that declare parameters. papermill knows the first only, but sets what it is given below both."""

KERNEL = Config({"KernelManager": {"transport_encryption": "auto"}})
"""Encrypts the traffic with kernels that can; ipykernel 7 warns in each run where it is not."""


RENAMED = {"mean_decay": "ema_decay"}
"""Old names of parameters, which profiles written before may have, and the present ones."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of a notebook, as its parameters cell declares it."""

    name: str
    default: Any
    help: str

    @property
    def is_path(self) -> bool:
        return self.help.startswith("path")


def read_parameters(notebook: str | Path) -> dict[str, Parameter]:
    """Read the parameters that a notebook declares, with their defaults."""
    notebook = Path(notebook)
    if notebook.suffix != ".ipynb" or not notebook.is_file():
        raise InputError(f"{notebook}: no such notebook, expected an .ipynb file")
    logging.getLogger("papermill").setLevel(logging.ERROR)  # it warns of every comment it cannot parse, and of TAGS[1]
    cells = nbformat.read(notebook, as_version=4).cells
    declaring = [cell for tag in TAGS for cell in cells if tag in cell.metadata.get("tags", [])]
    return {
        found.name: Parameter(name=found.name, default=ast.literal_eval(found.default), help=found.help)
        for cell in declaring
        for found in PythonTranslator.inspect(cell)
    }


def read_profile(path: str | Path, notebook: str | Path) -> dict[str, Any]:
    """Read what a profile sets for one notebook: the `all` section and the notebook's own, the latter winning.

    A name in `all` that the notebook does not declare is ignored; a name in its own section must exist.

    Raises:
        InputError: No such profile, or it is not YAML; a name that has changed since; what `check_parameters` refuses.
    """
    path = Path(path)
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise InputError(f"profile {path.stem!r} is unknown; {path.parent} holds {', '.join(known) or 'none'}")
    try:
        profile = read_yaml(path) or {}
        if not all(isinstance(section, dict) for section in (profile, *profile.values()) if section is not None):
            raise ValueError("a section without names")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}, parameters by notebook expected") from error
    declared = read_parameters(notebook)
    for name in profile.get("all") or {}:
        if RENAMED.get(name) in declared:
            raise InputError(f"{path}: {name} found, {RENAMED[name]} expected, as the parameter is called now")
    common = {name: value for name, value in (profile.get("all") or {}).items() if name in declared}
    values = common | (profile.get(Path(notebook).stem) or {})
    root = path.resolve().parent.parent
    return check_parameters(notebook, values, relative_to=root)


def check_parameters(
    notebook: str | Path, values: Mapping[str, Any], *, relative_to: str | Path = "."
) -> dict[str, Any]:
    """Check names and types against the notebook's parameters.

    Args:
        notebook: The notebook.
        values: Names and values; a text is read as the type of the parameter's default ("false" is False).
        relative_to: Folder that relative paths among the values refer to.

    Returns:
        The values, converted; paths made absolute.

    Raises:
        InputError: A name that the notebook does not declare, or a value of another type.
    """
    declared = read_parameters(notebook)
    checked = {}
    for name, value in values.items():
        if name not in declared:
            close = difflib.get_close_matches(name, declared, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(declared) or 'none'}"
            raise InputError(f"{Path(notebook).name}: no parameter is called {name!r}; {hint}")
        parameter = declared[name]
        converted = _convert(value, parameter.default, where=f"{Path(notebook).name}: parameter {name!r}")
        checked[name] = _resolve(converted, Path(relative_to), parameter) if parameter.is_path else converted
    return checked


def _resolve(value: str, start: Path, parameter: Parameter) -> str:
    """Make a path absolute; leave a URL, an empty text, or a name where the parameter allows one ("path or name")."""
    path = (start / value).resolve()
    named = parameter.help.startswith("path or name") and not path.exists()
    return value if not value or "://" in value or named else str(path)


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
    return value


def run_notebook(
    notebook: str | Path, out: str | Path, values: Mapping[str, Any] | None = None, *, progress: bool = True
) -> Path:
    """Run a notebook in its own directory and keep the executed copy.

    Args:
        notebook: The notebook.
        out: Folder for the executed copy, which keeps the notebook's name.
        values: Parameters as `check_parameters` returns them.
        progress: Show what the notebook writes to stderr, such as its progress bars.

    Returns:
        The executed notebook.

    Raises:
        InputError: ipykernel is not installed, or a cell failed; the message is the cell's own error, and
            NAME.failed.ipynb keeps the evidence.
    """
    require_extra("ipykernel")  # the kernel that runs the cells
    notebook, out = Path(notebook), Path(out)
    executed = out / notebook.name
    failed = out / f"{notebook.stem}.failed.ipynb"
    failed.unlink(missing_ok=True)
    with atomic_write(executed) as temporary:
        try:
            papermill.execute_notebook(
                str(notebook.resolve()),
                str(temporary),
                dict(values or {}),
                cwd=str(notebook.resolve().parent),
                progress_bar=False,
                stderr_file=sys.stderr if progress else None,  # shows the notebook's progress bars while it runs
                coalesce_streams=True,  # keeps only the last state of a progress bar
                kernel_name="python3",
                config=KERNEL,
            )
        except papermill.PapermillExecutionError as error:
            temporary.replace(failed)
            temporary.touch()  # atomic_write expects the file
            raise InputError(f"{notebook.name}: {error.ename}: {error.evalue} (whole story in {failed})") from error
        nbformat.validate(nbformat.read(temporary, as_version=4))
    return executed
