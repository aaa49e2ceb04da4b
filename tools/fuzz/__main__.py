"""python -m tools.fuzz [--cases N] [--seed N] [--format NAME] [--case K] [--jobs N] [--out PAGE]"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from glaciersar.io import process_pool
from glaciersar.io.atomic import atomic_write
from tools.fuzz.formats import FORMATS
from tools.fuzz.run import CRASH, DIFFERENT, HANG, OUTCOMES, TRACEBACK, Result, run_part
from tools.fuzz.spoil import HEAD

PART = 250
"""Cases that a process runs before it is given others."""
PAGE = """# Spoilt files

Made by `python -m tools.fuzz --cases {count} --seed {seed} --out docs/fuzz.md`: {each} cases of each kind of file.
A valid file is spoilt in one of five ways (a bit flipped, bytes written, cut off, cut out or put in), half of the time
in its first {head} bytes, and read in a process of its own, with limits of time and memory. Seed and number of a case
determine its bytes: `python -m tools.fuzz --format "STAC JSON" --case 17 --seed {seed}` repeats one.

{table}

- *same result*: the change lies where nothing is read, such as in a space, or a number is written in another way.
- *sentence*: refused with one sentence that names the file.
- *silently different*: read, with another result. It is a fault where a checksum covers all that is read: {checked}.
  HDF5 verifies the arrays of a dataset, not its attributes; of a GeoTIFF the manifest holds a checksum.
- *traceback*, *crash*, *hang*: faults.
"""


def main() -> int:
    """Fuzz, print each fault, and write the table where a page is named; exit status 1 if there is a fault."""
    parser = argparse.ArgumentParser(prog="tools.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=200, help="cases in all, spread over the formats")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", action="append", choices=FORMATS, help="only this one; may be given again")
    parser.add_argument("--case", type=int, help="only the case of this number, and print what came of it")
    parser.add_argument("--jobs", type=int, default=1, help="processes that run cases beside each other")
    parser.add_argument("--out", help="page to write the table to")
    given = parser.parse_args()
    names = given.format or list(FORMATS)
    each = -(-given.cases // len(names))
    cases = range(each) if given.case is None else range(given.case, given.case + 1)
    parts = [(name, cases[k : k + PART], given.seed) for name in names for k in range(0, len(cases), PART)]
    results: list[Result] = []
    for number, found in process_pool.run_all(run_part, parts, workers=given.jobs):
        results += found
        for result in found:
            if is_fault(result) or given.case is not None:
                print(f"{result.format}, case {result.case}: {result.outcome}\n{result.said}", flush=True)
        print(f"{parts[number][0]}: {len(found)} cases", file=sys.stderr, flush=True)
    if given.out:
        with atomic_write(given.out) as temporary:
            temporary.write_text(page(results, each, given.seed), encoding="utf-8")
    return int(any(is_fault(result) for result in results))


def is_fault(result: Result) -> bool:
    """Tell whether a case must not end so; where a checksum covers all that is read, a silent change is a fault too."""
    faults = (TRACEBACK, CRASH, HANG, *((DIFFERENT,) if FORMATS[result.format].checked else ()))
    return result.outcome in faults


def page(results: Sequence[Result], each: int, seed: int) -> str:
    """Write the page with the table of outcomes."""
    counts = {name: Counter(r.outcome for r in results if r.format == name) for name in FORMATS}
    total = Counter(result.outcome for result in results)
    head = ["file", *OUTCOMES]
    rows = [[name, *(str(count[outcome]) for outcome in OUTCOMES)] for name, count in counts.items()]
    rows.append(["all", *(str(total[outcome]) for outcome in OUTCOMES)])
    lines = [f"| {' | '.join(row)} |" for row in (head, [":-", *("-:" for _ in OUTCOMES)], *rows)]
    checked = ", ".join(name for name, form in FORMATS.items() if form.checked)
    return PAGE.format(
        count=each * len(FORMATS), seed=seed, each=each, checked=checked, table="\n".join(lines), head=HEAD
    )


if __name__ == "__main__":
    sys.exit(main())
