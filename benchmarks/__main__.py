"""Run benchmarks and write benchmarks/RESULTS.md: `make bench` for all, or python -m benchmarks loading overlap …"""

import datetime
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.machine import limits, name
from glaciersar.io.atomic import atomic_write

RESULTS = Path(__file__).with_name("RESULTS.md")
SECTIONS = (
    "mapping",
    "rounding",
    "overlap",
    "streaming",
    "training",
    "other_processor",
    "settling",
    "seconds",
    "loading",
    "building",
    "starting",
    "growth",
    "gpu",
)
INTRODUCTION = """# Speed and memory

Made by `make bench`; each section says when, and on what. Ways of a table ran in turn, each in a process of its own;
*× base* is how many times as fast a way is as the first (the median of the rounds' ratios), and the peak is the most
memory that its process held."""


def main(chosen: Sequence[str]) -> None:
    """Measure sections, one after another, on an otherwise idle machine; the others stay as they are."""
    if unknown := set(chosen) - set(SECTIONS):
        sys.exit(f"{', '.join(sorted(unknown))} found, some of {', '.join(SECTIONS)} expected")
    text = kept(RESULTS.read_text()) if RESULTS.exists() else {}
    for section in chosen:
        rates = ", ".join(f"{what} {rate:.0f}" for what, rate in limits().items())
        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
        when = f"{datetime.date.today():%Y-%m-%d}: {name()}; {rates}; {gpu}; PyTorch {torch.__version__}."
        title, _, rest = import_module(f"benchmarks.{section}").main().strip().partition("\n")
        text[section] = f"{marked(section)}\n{title}\n\nMeasured on {when}\n{rest}"
        print(text[section], flush=True)
        with atomic_write(RESULTS) as temporary:
            temporary.write_text("\n\n".join([INTRODUCTION, *(text[s] for s in SECTIONS if s in text)]) + "\n")


def marked(section: str) -> str:
    """Give the line that a section of the results begins with."""
    return f"<!-- {section} -->"


def kept(results: str) -> dict[str, str]:
    """Take the results apart into sections."""
    places = sorted((results.index(marked(section)), section) for section in SECTIONS if marked(section) in results)
    ends = [*(place for place, _ in places[1:]), len(results)]
    return {section: results[place:end].strip() for (place, section), end in zip(places, ends, strict=True)}


if __name__ == "__main__":
    main(sys.argv[1:] or SECTIONS)
