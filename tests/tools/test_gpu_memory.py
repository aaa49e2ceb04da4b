"""tools.gpu_memory"""

from pathlib import Path

from tools.gpu_memory import CASES, PAGE, tabulate

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_committed_page_is_that_of_the_networks_as_they_are():
    page = (DOCS / "gpu-memory.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith(f"| {CASES[0].name}"))
    committed = [float(cell) for cell in row.split("|")[2:-1]]
    assert committed == tabulate(CASES[:1]).round(1).iloc[0].tolist()
    assert page.startswith(PAGE.partition("{table}")[0])
    assert all(case.name in page for case in CASES)
