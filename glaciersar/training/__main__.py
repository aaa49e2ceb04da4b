"""`accelerate launch -m glaciersar.training` and `python -m glaciersar.training`."""

import sys

from glaciersar.training.launch import main

if __name__ == "__main__":
    sys.exit(main())
