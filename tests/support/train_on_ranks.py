"""Train in each process that `torch.distributed.run` has started, and write what this one sees: `… OUT DATA CONFIGS`.

Each process has a folder of its own, as if on a disk of its own. A name such as "killed again" trains into the folder
of "killed"; a training named "killed" ends in its second epoch, and one named "still" holds biases before a
normalisation.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch.distributed as dist
from torch import Tensor

from glaciersar.training import loop, setup
from glaciersar.training.config import TrainConfig
from glaciersar.training.plan import describe_plan
from tests.support.biases import hold_biases_before_norms


@contextmanager
def watched(seen: dict[str, Any], *, kill: bool, still: bool) -> Iterator[None]:
    """Note the run, and the first random number of each epoch after its seed is set, of which dropout draws."""
    set_up, validate, train_epoch = setup.set_up, loop._validate, loop._train_epoch

    def note_run(*arguments: Any) -> Any:
        run = set_up(*arguments)
        seen["plan"], seen["resumed"] = describe_plan(run), len(run.log)
        if still:
            hold_biases_before_norms(run.model)
        return run

    def note_tiles(run: Any, model: Any) -> Any:
        assert model is not run.wrapped
        mine = range(run.accelerator.process_index, len(run.tiles), run.accelerator.num_processes)
        seen["tiles"] = len(mine)
        return validate(run, model)

    def note_end(run: Any, epoch: int, bar: Any) -> Any:
        if kill and epoch == 1:
            raise KeyboardInterrupt
        result = train_epoch(run, epoch, bar)
        seen.setdefault("drawn", []).append(float(Tensor(1).uniform_()))
        seen["checksum"] = run.model.checksum()
        seen["steps"] = sorted({str(state["step"].device) for state in run.optimizer.state.values()})
        return result

    with patch.multiple(loop, set_up=note_run, _validate=note_tiles, _train_epoch=note_end):
        yield


def main() -> None:
    out, data, text = sys.argv[1:]
    seen: dict[str, Any] = {}
    for name, change in json.loads(text).items():
        seen[name] = {}
        folder = Path(out, f"disk{os.environ['RANK']}", name.partition(" ")[0])
        with watched(seen[name], kill=name == "killed", still=name == "still"), suppress(KeyboardInterrupt):
            seen[name]["log"] = loop.train(TrainConfig(**change), data, folder, progress=False).to_dict("list")
    seen["rank"], seen["size"], seen["backend"] = dist.get_rank(), dist.get_world_size(), dist.get_backend()
    Path(out, f"{os.environ['RANK']}.json").write_text(json.dumps(seen))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
