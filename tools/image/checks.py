"""What is tried in an image: each check gives a sentence of what it found, or raises an InputError."""

import filecmp
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from glaciersar.errors import InputError
from tools.image.memory import MB, PeakMemory
from tools.image.server import Server

QUICKSTART = "00-quickstart.ipynb"
WHERE = "command -v glaciersar && command -v papermill && command -v jupyter"
"""Fails unless all three are found, in any shell."""
RUN = Path("runs/mini")
MEMORY = 2000 * MB
"""Bytes that Binder gives."""
SIZE = 2500 * MB
"""Bytes of files that the image may have."""
OUTSIDE = ("dev", "mnt", "proc", "run", "sys", "tmp")
"""Folders of the root that are no part of an image."""


def check_size() -> str:
    """Add up the files of the image, before anything has run in it."""
    roots = [path for path in Path("/").iterdir() if path.name not in OUTSIDE and not path.is_symlink()]
    size, pythons = 0, 0
    for root in roots:
        for folder, _, names in os.walk(root):
            held = sum(os.lstat(os.path.join(folder, name)).st_blocks * 512 for name in names)
            size += held
            pythons += held if "/site-packages" in folder else 0
    return _below(size, SIZE, f"{size / MB:.0f} MB, of which {pythons / MB:.0f} MB are Python packages")


def check_user() -> str:
    """Be somebody else than root, whose home can be written to."""
    user = pwd.getpwuid(os.getuid())
    if user.pw_uid == 0 or not os.access(user.pw_dir, os.W_OK):
        raise InputError(f"{user.pw_name} with home {user.pw_dir} found, a user with a home of its own expected")
    return f"{user.pw_name} ({user.pw_uid}), who may write to {user.pw_dir}"


def check_device() -> str:
    """Say which build of PyTorch it is."""
    return _run("glaciersar", "doctor", "--device", "cpu").splitlines()[0]


def check_login_shell() -> str:
    """Find the programs where nothing but /etc/profile sets the PATH."""
    said = _run("env", "--ignore-environment", "sh", "-l", "-c", WHERE)
    return "found: " + ", ".join(said.split())


def check_terminal(server: Server) -> str:
    """Find the programs in a terminal of JupyterLab."""
    return "found: " + ", ".join(server.ask_terminal(WHERE))


def check_lab(server: Server) -> str:
    """Open the address that the badge of Binder names."""
    page = server.get(f"lab/tree/notebooks/{QUICKSTART}").text
    if "jupyter-config-data" not in page:
        raise InputError(f"lab/tree/notebooks/{QUICKSTART}: another page than JupyterLab found")
    version = server.get("api").json()["version"]
    return f"jupyter_server {version} answers, lab/tree/notebooks/{QUICKSTART} is JupyterLab"


def check_notebook(server: Server, name: str) -> str:
    """Run a notebook by REST and web socket, and hold the memory of server and kernels to Binder's."""
    root = Path.cwd()
    with PeakMemory(server.pid) as memory:
        cells = server.run_notebook(root / "notebooks" / name, root=root)
    found = (
        f"{cells} code cells ran; at most {memory.together / MB:.0f} MB at one time, "
        f"{memory.apart / MB:.0f} MB if each process's own largest are added up"
    )
    return _below(memory.together, MEMORY, found)


def check_nbval(notebooks: list[str]) -> str:
    """Run notebooks anew and compare their outputs with the committed ones."""
    shutil.rmtree(RUN, ignore_errors=True)
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"]
    said = _run(*words, *(f"notebooks/{name}" for name in notebooks))
    return said.strip().splitlines()[-1].strip("= ")


def check_papermill() -> str:
    """Run notebook 05 by papermill, after nbval has, and compare the tables that both wrote."""
    tables = RUN / "tables"
    kept = Path(shutil.copytree(tables, RUN / "of-nbval", dirs_exist_ok=True))
    for table in tables.glob("scores.*"):
        table.unlink()
    _run(
        "papermill", "--no-progress-bar", "--cwd", "notebooks", "notebooks/05-evaluate.ipynb", f"{RUN}/papermill.ipynb"
    )
    names = sorted(path.name for path in kept.glob("scores.*"))
    _, differ, missing = filecmp.cmpfiles(kept, tables, names, shallow=False)
    if not names or differ or missing:
        raise InputError(f"{', '.join(differ + missing) or 'no table'} found different, the tables of nbval expected")
    return f"{', '.join(names)} are the same to the byte"


def run(check: Callable[[], str]) -> tuple[bool, str]:
    """Give whether a check passes, and what it says."""
    try:
        return True, check()
    except (InputError, OSError) as error:
        return False, f"**failed**: {error}"


def _below(found: float, limit: float, sentence: str) -> str:
    if found >= limit:
        raise InputError(f"{sentence}; less than {limit / MB:.0f} MB expected")
    return sentence


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = " ".join((done.stdout + done.stderr).split())[-600:]
        raise InputError(f"{' '.join(command[:3])} … ends with {done.returncode}: {last}")
    return done.stdout
