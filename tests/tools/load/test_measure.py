"""tools.load.measure"""

from tools.load.measure import measure

CODE = """
import sys, time
from pathlib import Path
held = bytearray(40_000_000)
for place in range(0, len(held), 4096):
    held[place] = 1
time.sleep(1)
Path(sys.argv[1]).write_text(sys.argv[2])
print("said", sys.argv[2])
sys.exit(int(sys.argv[2]))
"""


def test_processes_run_beside_each_other_and_are_measured(tmp_path, monkeypatch):
    (tmp_path / "holding.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    one = measure([["holding", str(out / "a"), "0"]], out, log=tmp_path / "log")
    assert one.statuses == (0,)
    assert list(one.files) == ["a"]
    assert one.bytes > 40e6
    two = measure([["holding", str(out / name), str(k)] for k, name in enumerate("ab")], out, log=tmp_path / "log")
    assert two.statuses == (0, 1)
    assert sorted(two.files) == ["a", "b"]
    assert two.bytes > 80e6
    assert sorted(two.said.split()) == ["0", "1", "said", "said"]
