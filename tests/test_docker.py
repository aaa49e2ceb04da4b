"""The Dockerfile, as far as it can be read: what it takes, from where, for whom; `python -m tools.image` tries it."""

import re
import shlex
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINES = re.sub(r"\\\n(?:\s*#.*\n)*", " ", (ROOT / "Dockerfile").read_text()).splitlines()
QUICKSTART = "lab/tree/notebooks/00-quickstart.ipynb"


def instructions(word):
    """Give what follows an instruction, for each time that it is there."""
    return [line.partition(" ")[2].strip() for line in LINES if line.startswith(f"{word} ")]


def test_pytorch_is_the_cpu_build_unless_one_argument_says_otherwise():
    assert "TORCH_INDEX=https://download.pytorch.org/whl/cpu" in instructions("ARG")
    (index,) = re.findall(r"--index-url (\S+) --requirement (\S+)", (ROOT / "Dockerfile").read_text())
    assert index == ('"${TORCH_INDEX}"', "requirements-torch.txt")


def test_no_other_host_is_named():
    hosts = re.findall(r"https?://([^/\s]+)", (ROOT / "Dockerfile").read_text())
    assert set(hosts) == {"download.pytorch.org"}


def test_packages_are_installed_by_the_hashes_of_the_lock():
    (install,) = [line for line in instructions("RUN") if "requirements-image.lock" in line]
    assert "--require-hashes --requirement requirements-image.lock" in install
    assert "pip check" in install


def test_what_is_copied_exists_and_is_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().split()
    for words in map(shlex.split, instructions("COPY")):
        for name in words[:-1]:
            if not name.startswith(("--", "$")) and f"--from={name}" not in words:
                assert name == "." or (ROOT / name).is_file() or name.startswith("/"), name
                assert not any(fnmatch(name, pattern) for pattern in ignored), name


@pytest.mark.parametrize("name", ["README.md", "pyproject.toml", "Makefile", "Snakefile", "conftest.py", "notebooks"])
def test_what_a_user_of_the_image_needs_is_in_it(name):
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not any(fnmatch(name, pattern) for pattern in ignored)


def test_both_stages_have_one_debian_and_binders_user():
    assert {text.split()[0] for text in instructions("FROM")} == {"debian:bookworm-slim"}
    assert {"NB_USER=jovyan", "NB_UID=1000"} <= {*instructions("ARG")}
    assert instructions("USER")[-1] == "${NB_USER}"


def test_a_login_shell_finds_the_programs():
    assert any("/etc/profile.d/" in line and ".venv/bin" in line for line in instructions("RUN"))


def test_binder_and_docker_open_the_quickstart():
    assert (ROOT / QUICKSTART.removeprefix("lab/tree/")).is_file()
    assert f"--LabApp.default_url=/{QUICKSTART}" in instructions("CMD")[0]
    for page in ("README.md", "docs/install.md"):
        assert f"urlpath={QUICKSTART}" in (ROOT / page).read_text()
