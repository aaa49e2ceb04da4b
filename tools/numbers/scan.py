"""Find numbers in prose that look like a result and have no marker: decimals, percentages, and numbers with a unit.

Not looked at: code, links, formulas, comments, and what markers and blocks hold. Allowed are the kinds in `KINDS`, and
what `given.yaml` lists with its reason: a parameter, a limit that a test holds, or a fact with its source. Counts
without a unit are not found, nor numbers written as words but for times.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
import yaml

from tools.numbers.fill import pages
from tools.numbers.markers import MARKER

GIVEN = Path("tools/numbers/given.yaml")
EVERYWHERE = "everywhere"
UNITS = r"%|km²|dB|min(?:utes?)?|hours?|h|s(?:econds?)?|ms|[kMGT]i?B|G?FLOPs?|m|km|metres|times"
NUMBER = r"[-+−±]?\d+(?:[.,]\d+)*(?:e[-−+]?\d+)?"
WORDS = r"half an|quarters? of an|two|three|four|five|ten|twenty|thirty"
RESULT = re.compile(
    rf"(?<![\w.])(?:(?:{NUMBER}\s?(?:to|and|–|…)\s?)?{NUMBER}\s?(?:{UNITS})(?!\w)"
    rf"|[-+−±]?\d+(?:\.\d+|e[-−]\d+)(?![\w])|(?:{WORDS}) (?:seconds?|minutes?|hours?)\b)"
)
KINDS = {
    "an identifier": r"10\.\d{4,}/\S*\w|arXiv[: ]*\d{4}\.\d{4,}",
    "a version": r"(?:Python|PyTorch|TensorFlow|CUDA|MLM|Croissant|GPL-?|CC BY|version) ?\d+(?:\.\d+)+|\d+\.\d+\.\d+",
    "the paper's number": r"0\.964",
    "a caption": r"(?:Figures?|Tables?) \d+\.\d+(?: and \d+\.\d+)?",
    "the level of an interval": r"95 ?%(?= (?:intervals?|confidence))",
}
"""Patterns of numbers that are no result of ours."""
SKIPPED = (
    r"\A---\n.*?\n---\n",  # front matter
    r"<!-- ([a-z-]+): made by .*?<!-- end of \1 -->",
    MARKER.pattern,
    r"^ *(```+|~~~+)[^\n]*\n.*?^ *\1 *$",
    r"<!--.*?-->",
    r"\$\$.*?\$\$",
    r"\$[^$\n]+\$",
    r"`[^`]+`",
    r"(?<=\])\([^)]*\)",
    r"https?://\S+",
)
"""Parts of a page that are no prose."""


def hand_typed(root: Path) -> list[str]:
    """List numbers that look like a result and were typed by hand, and entries of `given.yaml` that no text has now.

    Returns:
        A line each: page, number, and what stands around it.
    """
    given: Mapping[str, Mapping[str, str]] = yaml.safe_load((root / GIVEN).read_text(encoding="utf-8"))
    used: set[tuple[str, str]] = set()
    found = []
    for name, text in texts(root):
        prose = without_code(text)
        for page in (EVERYWHERE, name):
            for phrase in given.get(page, {}):
                pattern = _loosely(phrase)
                if re.search(pattern, prose):
                    used.add((page, phrase))
                    prose = re.sub(pattern, " … ", prose)
        found += [f"{name}: {match} typed by hand in “{around}”" for match, around in results(prose)]
    listed = {(page, phrase) for page, phrases in given.items() for phrase in phrases}
    return found + [f"{GIVEN}: {phrase!r} of {page} is in no text any more" for page, phrase in sorted(listed - used)]


def texts(root: Path) -> Iterator[tuple[str, str]]:
    """Give every text that people write, by its name: pages, and the Markdown of notebooks."""
    for path in pages(root):
        yield str(path.relative_to(root)), path.read_text(encoding="utf-8")
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        yield str(path.relative_to(root)), "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def without_code(text: str) -> str:
    """Blank out what is no prose; of commands in a shell block their comments stay, as people write times there."""
    comments = re.findall(
        r"^[^#\n]+ # ([^\n]*)$", "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)), re.MULTILINE
    )
    for pattern in SKIPPED:
        text = re.sub(pattern, " … ", text, flags=re.DOTALL | re.MULTILINE)
    return "\n".join([text, *comments])


def results(prose: str) -> Iterator[tuple[str, str]]:
    """Find numbers that look like a result in prose, each with what stands around it."""
    for pattern in KINDS.values():
        prose = re.sub(pattern, "…", prose)
    for match in RESULT.finditer(prose):
        around = prose[max(match.start() - 40, 0) : match.end() + 30]
        yield match[0], " ".join(around.split())


def _loosely(phrase: str) -> str:
    """Make a pattern of a phrase, which may be broken over lines, and is no part of a longer number."""
    return r"(?<![\w.])" + r"\s+".join(map(re.escape, phrase.split())) + r"(?![\w]|\.\d)"
