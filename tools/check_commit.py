"""Check files before they are committed: `python -m tools.check_commit notebooks|sizes FILE …`."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

MIB = 2**20
LARGEST, LARGEST_NOTEBOOK = 2 * MIB, 3 * MIB


def notebook_problems(path: Path) -> Iterator[str]:
    """Name what keeps a notebook from being read as it is: cells that were not run, and cells that failed."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code" and "".join(cell["source"]).strip()]
    if skipped := sum(cell["execution_count"] is None for cell in code):
        yield f"{path}: {skipped} of {len(code)} code cells not executed, all expected; make notebooks runs them"
    for cell in code:
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"{path}: a cell ends in {output['ename']}: {output['evalue']}, no error expected"


def size_problems(path: Path) -> Iterator[str]:
    """Name a file that is too large for the history of the repository."""
    most = LARGEST_NOTEBOOK if path.suffix == ".ipynb" else LARGEST
    if path.stat().st_size > most:
        yield f"{path}: {path.stat().st_size / MIB:.1f} MiB found, at most {most // MIB} MiB expected"


CHECKS = {"notebooks": notebook_problems, "sizes": size_problems}


def main(arguments: Sequence[str]) -> int:
    """Check the files by one of CHECKS; problems are printed and give exit status 1."""
    check, *paths = arguments
    problems = [problem for path in paths for problem in CHECKS[check](Path(path))]
    for problem in problems:
        print(problem)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
