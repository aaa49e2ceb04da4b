"""python -m tools.load.build PLACE OUT WORKERS: build a dataset of eight tiles; exit status 2 where another does."""

import sys
from pathlib import Path

from glaciersar.errors import InputError
from tools.kills.build import build

TILES = 8

if __name__ == "__main__":
    try:
        build(Path(sys.argv[1]), sys.argv[2], workers=int(sys.argv[3]), count=TILES)
    except InputError as error:
        print(error)
        sys.exit(2)
