"""Put the weights of a run of `make evidence` into the package, with records and cards.

Run it from the root of the repository, after `make evidence`:

    python -m tools.ship_weights runs/evidence [FOLDER_OF_DATA]

FOLDER_OF_DATA holds sentinel1-rtc-california and biomassters-s1, real Sentinel-1 without glaciers, on which the weights
are then measured; without it the cards link to docs/real-radar.md.
"""

import sys

import torch

from glaciersar.errors import InputError
from tools.evidence.plan import read_plan
from tools.ship_weights.ship import ship

if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    torch.set_num_threads(1)  # the numbers do not depend on how many cores there are
    try:
        for path in ship(read_plan(), *sys.argv[1:]):
            print(path)
    except InputError as error:
        sys.exit(f"tools.ship_weights: {error}")
