"""tools.image.checks"""

import os

import pytest

from glaciersar.errors import InputError
from tools.image import checks


def test_what_fails_is_a_row_of_the_page_and_not_its_end():
    def broken():
        raise InputError("port taken")

    assert checks.run(broken) == (False, "**failed**: port taken")
    assert checks.run(lambda: "fine") == (True, "fine")


def test_a_program_that_fails_is_told_with_its_last_words():
    with pytest.raises(InputError, match=r"^sh -c echo so; exit 3 … ends with 3: so$"):
        checks._run("sh", "-c", "echo so; exit 3")
    assert checks._run("echo", "so") == "so\n"


def test_a_login_shell_that_does_not_find_the_programs_fails(monkeypatch):
    monkeypatch.setattr(checks, "WHERE", "command -v no-such-program")
    with pytest.raises(InputError, match="ends with 1"):
        checks.check_login_shell()
    monkeypatch.setattr(checks, "WHERE", "command -v sh")
    assert checks.check_login_shell().endswith("/sh")


def test_more_than_the_limit_fails():
    assert checks._below(1e6, 2e6, "1 MB") == "1 MB"
    with pytest.raises(InputError, match=r"^2 MB; less than 2 MB expected$"):
        checks._below(2e6, 2e6, "2 MB")


def test_root_is_no_user_of_an_image(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 0)
    with pytest.raises(InputError, match=r"^root with home /root found"):
        checks.check_user()


@pytest.mark.parametrize("second", ["iou\n0.5\n", "iou\n0.6\n"])
def test_papermill_has_to_write_the_tables_of_nbval(tmp_path, monkeypatch, second):
    tables = tmp_path / "run" / "tables"
    tables.mkdir(parents=True)
    (tables / "scores.csv").write_text("iou\n0.5\n")
    monkeypatch.setattr(checks, "RUN", tmp_path / "run")
    monkeypatch.setattr(checks, "_run", lambda *_: (tables / "scores.csv").write_text(second))
    if "0.5" in second:
        assert checks.check_papermill() == "scores.csv are the same to the byte"
    else:
        with pytest.raises(InputError, match=r"^scores\.csv found different"):
            checks.check_papermill()
