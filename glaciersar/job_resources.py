"""What a job of the workflow asks a cluster for, from config/resources.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from glaciersar.errors import InputError

KEYS = {"threads", "mem_mb", "runtime"}
OPTIONAL = {"gpu"}
MANUFACTURER = "nvidia"
"""Whose GPUs PyTorch's CUDA build takes; Kubernetes asks for it."""


@dataclass(frozen=True)
class JobResources:
    """The rules of a workflow, and what a job of each asks for."""

    rules: Mapping[str, Mapping[str, int]]
    gpus: int | None = None
    """For the rules that can use some; None takes what the file says."""

    @classmethod
    def read(cls, path: str | Path, section: str, *, gpus: object = None) -> "JobResources":
        """Read a section of the file.

        Args:
            path: config/resources.yaml.
            section: Such as "simulated".
            gpus: What `--config gpus=` was given, None if nothing was.

        Raises:
            InputError: No such section, an entry that is missing, unknown or no number; named.
        """
        sections = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        if section not in sections:
            raise InputError(f"{path}: {section!r} wanted, one of {', '.join(sections)} expected")
        for rule, asked in sections[section].items():
            if not KEYS <= set(asked) <= KEYS | OPTIONAL:
                found, expected = ", ".join(asked), ", ".join([*sorted(KEYS), "perhaps gpu"])
                raise InputError(f"{path}: {found} found for {section}, {rule}; {expected} expected")
            wrong = [name for name, value in asked.items() if type(value) is not int or value < (name != "gpu")]
            if wrong:
                raise InputError(f"{path}: {wrong[0]}={asked[wrong[0]]} found for {section}, {rule}; a number expected")
        if gpus is not None and not str(gpus).isdecimal():
            raise InputError(f"gpus={gpus} found, a number of GPUs such as gpus=1 expected")
        return cls(sections[section], None if gpus is None else int(str(gpus)))

    def threads(self, rule: str) -> int:
        """Return the threads of a rule."""
        return self.rules[rule]["threads"]

    def resources(self, rule: str) -> dict[str, int | str]:
        """Return memory (MB), time (minutes) and, if it is to have any, GPUs, as Snakemake's executors name them."""
        asked = self.rules[rule]
        gpus = (asked["gpu"] if self.gpus is None else self.gpus) if "gpu" in asked else 0
        found: dict[str, int | str] = {"mem_mb": asked["mem_mb"], "runtime": asked["runtime"]}
        return found | ({"gpu": gpus, "gpu_manufacturer": MANUFACTURER} if gpus else {})
