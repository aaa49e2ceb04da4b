"""Read YAML of sections: profiles of parameters."""

from pathlib import Path
from typing import Any

from glaciersar.errors import InputError
from glaciersar.io.limits import read_yaml


def read_sections(path: Path) -> dict[str, dict[str, Any]]:
    """Read a file of sections, each with names and values; an empty one has none.

    Raises:
        InputError: It cannot be read, is no UTF-8 or no YAML, or has something else than sections.
    """
    try:
        content = read_yaml(path) or {}
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: no text in UTF-8 ({error.reason}), YAML of parameters expected") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), YAML of parameters expected") from error
    except ValueError as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}, parameters by notebook expected") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: {type(content).__name__} found, parameters by notebook expected")
    for name, section in content.items():
        if not isinstance(section, dict | None):
            raise InputError(f"{path}: {name}: {type(section).__name__} found, names and values expected")
    return {str(name): section or {} for name, section in content.items()}
