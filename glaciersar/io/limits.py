"""Limits of what a header or a text may ask for, checked before memory is taken; JSON and YAML within them.

Each limit is the default of an environment variable that is named after it: `GLACIERSAR_MAX_PIXELS=1e12` lets larger
rasters pass.
"""

import json
import os
from pathlib import Path
from typing import Any

import yaml

from glaciersar.errors import InputError

LIMITS = {
    "PIXELS": 2**37,
    "BLOCK_BYTES": 2**30,
    "ARRAY_BYTES": 2**38,
    "TEXT_BYTES": 2**28,
    "YAML_BYTES": 2**20,
}
"""Pixels of a raster (70 times Svalbard at 10 m); bytes of one block of a raster or one chunk of an array, which is
read whole; of one array in a file; of a JSON text; of a YAML text."""
DEPTH = 64
"""Levels of a JSON or YAML text; GeoJSON and STAC have about ten."""
NODES = 100_000
"""Values of a YAML text, each counted as often as aliases repeat it."""
SPARSE_ABOVE, RATIO = 2**28, 2000
"""Bytes that a header may ask for whatever the file holds; above them it may ask for `RATIO` times what the file holds.
DEFLATE packs 1032 to 1 at best."""


def limit(name: str) -> int:
    """Return a limit of `LIMITS`, or what the environment says instead.

    Raises:
        InputError: The environment says something that is no positive number.
    """
    variable = f"GLACIERSAR_MAX_{name}"
    text = os.environ.get(variable)
    if text is None:
        return LIMITS[name]
    try:
        chosen = int(float(text))
    except (ValueError, OverflowError):
        chosen = 0
    if chosen < 1:
        raise InputError(f"{variable}={text} found, a positive number expected")
    return chosen


def check_limit(found: int, name: str, what: str) -> None:
    """Refuse a number above its limit.

    Args:
        found: What a header asks for.
        name: Of the limit.
        what: File and thing, as the message names them.

    Raises:
        InputError: It is larger.
    """
    if found > (most := limit(name)):
        unit = "pixels" if name == "PIXELS" else "bytes"
        raise InputError(f"{what}: {found} {unit} found, at most {most} expected (GLACIERSAR_MAX_{name} sets it)")


def check_ratio(asked: int, held: int, what: str) -> None:
    """Refuse a header that asks for far more bytes than the file can hold when it is unpacked.

    Raises:
        InputError: It asks for more than `SPARSE_ABOVE` and more than `RATIO` times the bytes that are there.
    """
    if asked > max(SPARSE_ABOVE, RATIO * held):
        raise InputError(f"{what}: {asked} bytes by its header found, which the {held} bytes in the file cannot hold")


def read_text(path: str | Path, *, name: str = "TEXT_BYTES") -> str:
    """Read a text in UTF-8 that is no larger than its limit.

    Raises:
        OSError: It cannot be read.
        ValueError: It is too large, is no file but a pipe or device, or is not UTF-8.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError("no regular file")
    check_limit(path.stat().st_size, name, str(path))
    return path.read_text(encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read JSON of bounded size and depth; errors as for `read_text` and `parse_json`."""
    return parse_json(read_text(path))


def parse_json(text: str | bytes) -> Any:
    """Parse JSON of bounded size and depth.

    Raises:
        ValueError: It is no JSON, too large or nested too deeply.
    """
    check_limit(len(text), "TEXT_BYTES", "JSON")
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError(f"more than {DEPTH} levels found") from None
    level, depth = [content], 0
    while level := [inner for value in level for inner in _inside(value)]:
        depth += 1
        if depth > DEPTH:
            raise ValueError(f"more than {DEPTH} levels found")
    return content


def _inside(value: Any) -> list[Any]:
    """List what a value holds that may hold something itself."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [inner for inner in values if isinstance(inner, dict | list)]


def read_yaml(path: str | Path) -> Any:
    """Read YAML of bounded size, depth and repetition; errors as for `read_text` and `parse_yaml`."""
    return parse_yaml(read_text(path, name="YAML_BYTES"))


def parse_yaml(text: str) -> Any:
    """Parse YAML, where aliases that repeat each other cannot multiply.

    Raises:
        ValueError: It is no YAML of plain values, too large, nested too deeply, repeats itself too often, or has a
            name twice, of which PyYAML would take the last.
    """
    check_limit(len(text), "YAML_BYTES", "YAML")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, {}, 0)
        return loader.construct_document(node)
    except RecursionError:
        raise ValueError(f"more than {DEPTH} levels found") from None
    except (yaml.YAMLError, TypeError, AttributeError, OverflowError) as error:  # all that odd values raise in PyYAML
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from error


def _count(node: yaml.Node, counted: dict[int, int], depth: int) -> int:
    """Count the values below a node, those of an alias anew each time."""
    if depth > DEPTH:
        raise ValueError(f"more than {DEPTH} levels found")
    if id(node) in counted:
        if not counted[id(node)]:
            raise ValueError("a value that holds itself found")
        return counted[id(node)]
    if isinstance(node, yaml.MappingNode):
        _refuse_twice(node)
    counted[id(node)] = 0  # until it is known
    parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    total = 1 + (0 if isinstance(node, yaml.ScalarNode) else sum(_count(part, counted, depth + 1) for part in parts))
    if total > NODES:
        raise ValueError(f"more than {NODES} values found, those that aliases repeat counted each time")
    counted[id(node)] = total
    return total


def _refuse_twice(node: yaml.MappingNode) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            line = key.start_mark.line + 1
            if (before := lines.setdefault((key.tag, key.value), line)) != line:
                raise ValueError(f"{key.value} in line {before} and again in line {line} found")
