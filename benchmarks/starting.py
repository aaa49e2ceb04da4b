"""How long do `import glaciersar` and `glaciersar run --help` take, each in a fresh process?"""

import statistics
import subprocess
import sys
import time

import pandas as pd

ROUNDS = 15
COMMAND = "import sys; from glaciersar.cli import main; sys.exit(main(sys.argv[1:]))"  # what the script glaciersar does
WAYS = {
    "python -c pass": ("-c", "pass"),
    "import glaciersar": ("-c", "import glaciersar"),
    "glaciersar --help": ("-c", COMMAND, "--help"),
    "glaciersar run --help": ("-c", COMMAND, "run", "--help"),
}
MEASURED = "import resource, sys; sys.stderr.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))"


def start(arguments: tuple[str, ...]) -> float:
    """Run Python to its end; seconds."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def peak_mib(arguments: tuple[str, ...]) -> float:
    """Tell the most memory that a run of Python held, by a process of its own that has no other child."""
    watch = (
        f"import subprocess, sys; subprocess.run({[sys.executable, *arguments]}, stdout=subprocess.DEVNULL); {MEASURED}"
    )
    told = subprocess.run([sys.executable, "-c", watch], check=True, capture_output=True, text=True)
    return int(told.stderr) / 1024


def main() -> str:
    """Measure, and write the section of the results."""
    for arguments in WAYS.values():
        start(arguments)  # byte code is written, files are in the page cache
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way, arguments in WAYS.items():
            seconds[way].append(start(arguments))
    base = seconds["python -c pass"]
    rows = [
        {
            "way": way,
            "median s": statistics.median(own),
            "min s": min(own),
            "max s": max(own),
            "time × base": statistics.median(a / b for a, b in zip(own, base, strict=True)),
            "peak MiB": peak_mib(WAYS[way]),
        }
        for way, own in seconds.items()
    ]
    table = pd.DataFrame(rows).set_index("way")
    lines = [
        "## Starting",
        "",
        "How long do `import glaciersar` and `glaciersar run --help` take, each in a fresh process?",
        "",
        table.to_markdown(floatfmt=("", ".3f", ".3f", ".3f", ".2f", ".0f")),
        "",
        f"The import takes {table.loc['import glaciersar', 'median s']:.2f} s (the goal: less than 0.5) and the help "
        f"{table.loc['glaciersar run --help', 'median s']:.2f} s (less than 1), of which Python's own start is "
        f"{table.loc['python -c pass', 'median s']:.2f} s.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(main())
