"""python -m tools.numbers [--check]"""

import argparse
import sys
from pathlib import Path

from glaciersar.errors import InputError
from tools.numbers.fill import fill_pages
from tools.numbers.scan import hand_typed

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Fill the pages, or list what is out of date or typed by hand."""
    parser = argparse.ArgumentParser(prog="tools.numbers", description="Fill numbers in pages from committed tables.")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; list what is out of date or typed by hand"
    )
    given = parser.parse_args()
    try:
        changed = fill_pages(ROOT, write=not given.check)
        found = hand_typed(ROOT)
    except InputError as error:
        sys.exit(f"tools.numbers: {error}")
    for page in changed:
        print(f"{page}: {'out of date, python -m tools.numbers fills it' if given.check else 'filled'}")
    for line in found:
        print(line)
    sys.exit(1 if found or (given.check and changed) else 0)


if __name__ == "__main__":
    main()
