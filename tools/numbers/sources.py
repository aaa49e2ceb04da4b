"""Read one value of a committed table: CSV, JSON, YAML, or a table in a Markdown page."""

import csv
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from glaciersar.errors import InputError

TAKEN: dict[str, Callable[[Sequence[float]], float]] = {
    "least": min,
    "largest": max,
    "sum": sum,
    "mean": lambda values: sum(values) / len(values),
    "spread": lambda values: max(values) - min(values),
}
"""How several rows become one number."""
UNITS = {"minutes": 60.0, "hours": 3600.0}
"""Seconds that a unit has."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which value of which file, and how it is written."""

    path: str
    """Relative to the root; PAGE.md#SECTION is the first table of a section."""
    show: str
    """A column; in JSON and YAML keys and indices with dots between them."""
    rows: dict[str, str] = field(default_factory=dict)
    """What columns of the row, or rows, must hold."""
    take: str = ""
    """One of `TAKEN`, for several rows; without it one row is expected."""
    written: str = ""
    """A format of Python such as .3f, or `minutes` or `hours` of seconds; without it the text of the file."""


def look_up(query: Query, root: Path) -> str:
    """Return a value as text.

    Raises:
        InputError: No such file, row or column, more than one row, or no number where one is asked for.
    """
    path = root / query.path.partition("#")[0]
    if not path.is_file():
        raise InputError(f"{query.path}: no such file, a committed table expected")
    if path.suffix in (".json", ".yaml"):
        return _written(_follow(path, query.show), query)
    rows = _read_rows(path, query.path.partition("#")[2])
    found = [row for row in rows if all(row.get(key) == value for key, value in query.rows.items())]
    if not found or query.show not in found[0]:
        asked = ", ".join([*(f"{key}={value}" for key, value in query.rows.items()), f"column {query.show!r}"])
        raise InputError(f"{query.path}: no row with {asked} found, one expected")
    values = [row[query.show] for row in found]
    if query.take:
        return _written(str(TAKEN[query.take]([_number(value, query) for value in values])), query)
    if len(values) > 1:
        raise InputError(f"{query.path}: {len(values)} rows found for {query.rows}, one expected, or take=")
    return _written(values[0], query)


def _read_rows(path: Path, section: str) -> list[dict[str, str]]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines()))
    if path.suffix != ".md":
        raise InputError(f"{path.name}: .csv, .json, .yaml or .md expected")
    start = re.search(rf"^(?:<!-- {re.escape(section)} -->|#+ {re.escape(section)})$", text, re.MULTILINE)
    table = re.search(r"(?:^\|.*\n?)+", text[start.end() :] if start else "", re.MULTILINE)
    if not table:
        raise InputError(f"{path.name}#{section}: no table found, a section with one expected")
    head, _, *lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()]
    return [dict(zip(head, line, strict=True)) for line in lines]


def _follow(path: Path, keys: str) -> str:
    text = path.read_text(encoding="utf-8")
    value = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    for key in keys.split("."):
        try:
            value = value[int(key) if isinstance(value, list) else key]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise InputError(f"{path.name}: no {keys} found, a value expected") from error
    return str(value)


def _number(text: str, query: Query) -> float:
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError as error:
        raise InputError(f"{query.path}: {text!r} found in {query.show}, a number expected") from error


def _written(text: str, query: Query) -> str:
    if not query.written:
        return text
    if query.written in UNITS:
        return f"{_number(text, query) / UNITS[query.written]:.0f}"
    return format(_number(text, query), query.written)
