"""Numbers in a sentence, between two comments that GitHub and the site don't show.

    an IoU of <!-- n: figures/simulated/scores.csv model=unet3d show="IoU, pooled" as=.3f -->0.880<!-- /n -->

`name=value` chooses the row, `show=` the column, or keys with dots in JSON and YAML; `take=` (least, largest, mean,
sum, spread) makes one number of several rows; `as=` is a format of Python, `minutes` or `hours`. A line must not begin
with a marker: Markdown takes such a line for HTML.
"""

import re
import shlex
from pathlib import Path

from glaciersar.errors import InputError
from tools.numbers.sources import TAKEN, Query, look_up

MARKER = re.compile(r"(?P<open><!-- n: (?P<query>[^\n]*?) -->)(?P<value>[^\n]*?)(?P<close><!-- /n -->)")
AT_START = re.compile(r"^[ \t]*(?:[-*>]|\d+\.)?[ \t]*<!-- n: ", re.MULTILINE)


def fill(text: str, root: Path, *, where: str) -> str:
    """Fill every marker of a page.

    Args:
        text: The page.
        root: Of the repository.
        where: Name of the page, for errors.

    Raises:
        InputError: A marker at the start of a line or without an end, or one whose value isn't there.
    """
    if AT_START.search(text):
        raise InputError(f"{where}: a marker begins a line, which Markdown takes for HTML; a word before it expected")
    if text.count("<!-- n: ") != len(MARKER.findall(text)) or text.count("<!-- /n -->") != text.count("<!-- n: "):
        raise InputError(f"{where}: a marker without an end found, <!-- n: … -->value<!-- /n --> on a line expected")

    def value(marker: re.Match[str]) -> str:
        try:
            return marker["open"] + look_up(parse(marker["query"]), root) + marker["close"]
        except InputError as error:
            raise InputError(f"{where}: {marker['open']}: {error}") from error

    return MARKER.sub(value, text)


def parse(text: str) -> Query:
    """Read what stands in a marker.

    Raises:
        InputError: No file, no `show=`, or a `take=` that is not known.
    """
    path, *terms = shlex.split(text)
    given = dict(term.split("=", 1) for term in terms if "=" in term)
    if len(given) < len(terms) or "show" not in given:
        raise InputError(f"{text!r} found, FILE name=value … show=COLUMN expected")
    show, take, written = given.pop("show"), given.pop("take", ""), given.pop("as", "")
    if take and take not in TAKEN:
        raise InputError(f"take={take} found, one of {', '.join(TAKEN)} expected")
    return Query(path=path, show=show, rows=given, take=take, written=written)
