"""Write docs/real-radar.md.

Run it from the root of the repository:

    python -m tools.real_radar FOLDER_OF_DATA RUN_FOLDER [docs/real-radar.md]

FOLDER_OF_DATA holds sentinel1-rtc-california, biomassters-s1, caffe-patches and svalbard; RUN_FOLDER is one of
`make reproduce`, such as runs/simulated. Trainings that were finished or killed before are taken up.
"""

import sys

import torch

from tools.real_radar import report

if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("FOLDER_OF_DATA and RUN_FOLDER expected, such as runs/simulated")
    torch.set_num_threads(1)  # the numbers do not depend on how many cores there are
    report.write(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "docs/real-radar.md")
