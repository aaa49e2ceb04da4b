"""Run every benchmark and write benchmarks/RESULTS.md: python -m benchmarks, or `make bench`."""

import datetime
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.machine import limits, name
from glaciersar.files import written_whole

RESULTS = Path(__file__).with_name("RESULTS.md")
SECTIONS = ("mapping", "overlap", "streaming", "training", "seconds", "loading", "building", "starting", "growth")


def main() -> None:
    """Measure all sections, one after another, on an otherwise idle machine."""
    rates = ", ".join(f"{what} {rate:.0f}" for what, rate in limits().items())
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    text = [
        "# Speed and memory",
        f"Made by `make bench` on {datetime.date.today():%Y-%m-%d}: {name()}; {rates}; {gpu}; "
        f"PyTorch {torch.__version__}. Ways of a table ran in turn, each in a process of its own; *× base* is how many "
        "times as fast a way is as the first (the median of the rounds' ratios), and the peak is the most memory "
        "that its process held.",
    ]
    for section in SECTIONS:
        text.append(import_module(f"benchmarks.{section}").main().strip())
        print(text[-1], flush=True)
        with written_whole(RESULTS) as temporary:
            temporary.write_text("\n\n".join(text) + "\n")


if __name__ == "__main__":
    main()
