"""Write docs/elsewhere.md.

Run it from the root of the repository:

    python -m tools.elsewhere FOLDER_OF_DATA WORK_FOLDER [docs/elsewhere.md]

FOLDER_OF_DATA holds outlines-elsewhere and caffe-patches. Archives and trainings that WORK_FOLDER holds are taken up.
"""

import sys

import torch

from tools.elsewhere import chain, report

if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("FOLDER_OF_DATA and WORK_FOLDER expected")
    torch.set_num_threads(1)  # the numbers do not depend on how many cores there are
    page = sys.argv[3] if len(sys.argv) > 3 else "docs/elsewhere.md"
    report.write(sys.argv[1], sys.argv[2], page, sizes=chain.Sizes())
