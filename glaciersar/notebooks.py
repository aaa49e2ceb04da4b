"""Run a notebook with checked parameters.

papermill warns at a mistyped parameter, takes the text "false" for true, and runs in the caller's directory. Here an
unknown name or a wrong type is refused before anything runs, and a notebook always runs in its own directory. Paths
that are given here are relative to the caller's directory, as those of any command; a notebook's own start at the
project.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import papermill
from traitlets.config import Config

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write
from glaciersar.io.extras import require_extra
from glaciersar.io.yaml_files import read_sections
from glaciersar.parameters import check_values, read_parameters

KERNEL = Config({"KernelManager": {"transport_encryption": "auto"}})
"""Encrypts the traffic with kernels that can; ipykernel 7 warns in each run where it is not."""
QUIET = ("--IPKernelApp.log_level=CRITICAL",)
"""Keeps a kernel from logging that it was interrupted: jupyter_client does so before it ends one, at times while the
kernel still finishes its last cell. What fails in a cell stands in the notebook."""


RENAMED = {"mean_decay": "ema_decay"}
"""Old names of parameters, which profiles written before may have, and the present ones."""


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
    profile = read_sections(path)
    declared = read_parameters(notebook)
    for name in profile.get("all", {}):
        if RENAMED.get(name) in declared:
            raise InputError(f"{path}: {name} found, {RENAMED[name]} expected, as the parameter is called now")
    common = {name: value for name, value in (profile.get("all", {})).items() if name in declared}
    values = common | profile.get(Path(notebook).stem, {})
    root = path.resolve().parent.parent
    return check_parameters(notebook, values, relative_to=root)


def check_parameters(
    notebook: str | Path, values: Mapping[str, Any], *, relative_to: str | Path = "."
) -> dict[str, Any]:
    """Check names and types against the notebook's parameters, as `parameters.check_values` does."""
    return check_values(read_parameters(notebook), values, of=Path(notebook).name, relative_to=relative_to)


@contextmanager
def _said_by_papermill(watch: bool) -> Iterator[None]:
    """Show what papermill logs, or silence it: it warns of each name in a folded cell, which is checked here."""
    log = logging.getLogger("papermill")
    level, shown = log.level, logging.StreamHandler(sys.stderr)
    log.setLevel(logging.INFO if watch else logging.ERROR)
    if watch:
        shown.addFilter(lambda record: not record.getMessage().startswith("Passed unknown parameter"))
        log.addHandler(shown)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(shown)


def run_notebook(
    notebook: str | Path,
    out: str | Path,
    values: Mapping[str, Any] | None = None,
    *,
    progress: bool = True,
    watch: bool = False,
) -> Path:
    """Run a notebook in its own directory and keep the executed copy.

    Args:
        notebook: The notebook.
        out: Folder for the executed copy, which keeps the notebook's name.
        values: Parameters as `check_parameters` returns them.
        progress: Show what the notebook writes to stderr, such as its progress bars.
        watch: Show on stderr what papermill does: each cell as it starts, all that it prints, and its end.

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
    with atomic_write(executed) as temporary, _said_by_papermill(watch):
        try:
            papermill.execute_notebook(
                str(notebook.resolve()),
                str(temporary),
                dict(values or {}),
                cwd=str(notebook.resolve().parent),
                progress_bar=False,
                log_output=watch,
                stderr_file=sys.stderr if progress and not watch else None,  # the notebook's progress bars as it runs
                coalesce_streams=True,  # keeps only the last state of a progress bar
                kernel_name="python3",
                config=KERNEL,
                extra_arguments=[] if watch else list(QUIET),
            )
        except papermill.PapermillExecutionError as error:
            temporary.replace(failed)
            temporary.touch()  # atomic_write expects the file
            raise InputError(f"{notebook.name}: {error.ename}: {error.evalue} (whole story in {failed})") from error
        nbformat.validate(nbformat.read(temporary, as_version=4))
    return executed
