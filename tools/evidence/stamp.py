"""Stamps: which code and plan made a committed table, and whether it still stands.

The hash of the code is over the parsed code, without comments and docstrings, of what decides a score. Where code has
changed and results should not have, `make evidence-check` trains one arm anew, compares it with the committed table, or
with the code that made it, and renews the stamps.
"""

import ast
import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from glaciersar.dependencies import files_behind
from glaciersar.io.atomic import atomic_write
from tools.evidence.plan import Part, Plan

MODULES = (
    "glaciersar.simulate.archive",
    "glaciersar.dataset.build",
    "glaciersar.training.loop",
    "glaciersar.evaluation.scoring",
    "glaciersar.evaluation.baselines",
    "glaciersar.evaluation.error_analysis",
    "glaciersar.evaluation.single_dates",
    "glaciersar.evaluation.label_drift",
    "glaciersar.evaluation.statistics",
)
OWN = ("plan.py", "data.py", "labels.py", "score.py", "contrasts.py", "tables.py")


AND = " and "
"""Between processors."""


def code_hash() -> str:
    """Hash the code on which the tables depend, as Python parses it."""
    return hash_code(*MODULES, files=[Path(__file__).with_name(name) for name in OWN])


def hash_code(*modules: str, files: Sequence[Path] = ()) -> str:
    """Hash modules, all of the package that they import, and further files, without comments and docstrings."""
    paths = [*files_behind(*modules), *files]
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        digest.update(parsed(path).encode() if path.suffix == ".py" else path.read_bytes())
    return digest.hexdigest()


def parsed(path: Path) -> str:
    """Return the syntax tree of a file without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
    return _words(tree)


def _words(node: object) -> str:
    """Write a tree without its empty fields: `ast.dump` of Python 3.12 and 3.13 has others than that of 3.11."""
    if isinstance(node, ast.AST):
        fields = [f"{name}={_words(value)}" for name, value in ast.iter_fields(node) if value not in (None, [])]
        return f"{type(node).__name__}({', '.join(fields)})"
    return f"[{', '.join(map(_words, node))}]" if isinstance(node, list) else repr(node)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def plan_hash(plan: Plan, part: Part) -> str:
    """Hash what the plan says of a part: its arms with all their options, their datasets and archives."""
    names = {arm.data for arm in part.arms.values()} | {shift.data for shift in part.shifts.values()}
    datasets = {name: plan.datasets[name] for name in sorted(names)}
    content = {
        "training": plan.training,
        "subsets": plan.subsets,
        "arms": {arm.name: [arm.data, arm.options] for arm in part.arms.values()},
        "shifts": sorted(part.shifts),
        "datasets": datasets,
        "archives": {own["archive"]: plan.archives[own["archive"]] for own in datasets.values()},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_stamp(path: Path, *, command: str, plan: str, seconds: float) -> None:
    """Write which code and plan made the scores of a seed, by which command, where, and in how long.

    Arms of one code may be scored on several processors; a stamp that is there keeps those that it names.
    """
    before = read_stamp(path) if path.exists() else {}
    named = before["processor"].split(AND) if before.get("code") == code_hash() else []
    where = AND.join(dict.fromkeys([*named, processor()]))
    _write(path, {"command": command, "code": code_hash(), "plan": plan, "processor": where, "seconds": round(seconds)})


def renew_stamp(path: Path, *, note: str) -> None:
    """Write that the present code gives the scores of a stamp, and how that was checked; all else stays."""
    _write(path, read_stamp(path) | {"code": code_hash(), "note": note})


def _write(path: Path, content: Mapping[str, object]) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def read_stamp(path: Path) -> dict[str, str]:
    """Read a stamp."""
    content: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return content


def processor() -> str:
    """Name this processor, as its kernel does."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
