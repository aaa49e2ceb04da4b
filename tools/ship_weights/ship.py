"""Write weights, records and cards, all or none."""

import json
import shutil
import tempfile
from pathlib import Path

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write
from glaciersar.models import Network, pretrained, shipped
from glaciersar.models.shipped import SHA256, SHIPPED, multihash
from glaciersar.simulate.settings import ArchiveSettings
from tools.evidence.plan import FIGURES, MAIN, Plan
from tools.evidence.score import weights_of
from tools.evidence.stamp import read_stamp
from tools.ship_weights.card import Facts, write_card
from tools.ship_weights.record import LICENCE, make_record
from tools.ship_weights.scores import control_table, score_table

SUFFIX = "-simulated"
CARDS = Path("docs/model-cards")
LARGEST = 2 * 2**20
"""Bytes of all weights together."""


def ship(
    plan: Plan,
    run: str | Path,
    data: str | Path | None = None,
    *,
    figures: Path = FIGURES,
    weights: Path = shipped.WEIGHTS,
    cards: Path = CARDS,
) -> list[Path]:
    """Ship the weights of each name in `SHIPPED`: NAME.safetensors and NAME.json to `weights`, NAME.md to `cards`.

    The weights are those of the first seed of the plan's main part, whatever they score. Everything is made before
    anything is written.

    Args:
        plan: From `read_plan`.
        run: Folder of the run, such as runs/evidence.
        data: Folder of real data, to measure what is called glacier on land without any; None leaves that out.
        figures: Folder of the tables.
        weights: Folder of the package.
        cards: Folder of the documentation.

    Returns:
        The files written.

    Raises:
        InputError: Weights or a table are missing, a table is of another run, or the weights are too large.
    """
    run, seed = Path(run), plan.parts[MAIN].seeds[0]
    networks = {name: _load(run, name.removesuffix(SUFFIX), seed) for name in SHIPPED}
    called = control_table(networks, data) if data is not None else None
    with tempfile.TemporaryDirectory() as folder:
        files: dict[Path, Path] = {}
        for name, network in networks.items():
            scores = score_table(figures, run, name.removesuffix(SUFFIX), seed=seed)
            arm = plan.arm(name.removesuffix(SUFFIX))
            made = Path(folder) / f"{name}.safetensors"
            pretrained.save(network, made, **network.metadata, licence=LICENCE, name=name)
            facts = Facts(
                name=name,
                network=network,
                config=arm.config(plan.training, seed=seed),
                settings=ArchiveSettings(**plan.archives[str(plan.datasets[arm.data]["archive"])]),
                subsets=plan.subsets,
                stamp=read_stamp(figures / MAIN / f"seed-{seed}" / "stamp.json"),
                scores=scores,
                controls=None if called is None else called[name],
                size=made.stat().st_size,
                sha256=multihash(made).removeprefix(SHA256),
            )
            record = make_record(name, network, made, facts.config, facts.settings)
            made.with_suffix(".json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
            made.with_suffix(".md").write_text(write_card(facts), encoding="utf-8")
            files |= {made.with_suffix(end): weights / f"{name}{end}" for end in (".safetensors", ".json")}
            files[made.with_suffix(".md")] = cards / f"{name}.md"
        _check_size([path for path in files if path.suffix == ".safetensors"])
        for source, target in files.items():
            with atomic_write(target) as temporary:
                shutil.copyfile(source, temporary)
    return list(files.values())


def _load(run: Path, arm: str, seed: int) -> Network:
    path = weights_of(run, arm, seed)
    if not path.is_file():
        raise InputError(f"{path}: not there, weights of `make evidence` expected")
    network = pretrained.load(path)
    if (network.name, network.metadata.get("trained_on")) != (arm, "simulated radar"):
        found = f"{network.name} trained on {network.metadata.get('trained_on', 'unknown data')}"
        raise InputError(f"{path}: {found} found, {arm} trained on simulated radar expected")
    return network


def _check_size(files: list[Path]) -> None:
    size = sum(path.stat().st_size for path in files)
    if size >= LARGEST:
        raise InputError(f"weights of {size:,} bytes in all found, less than {LARGEST:,} expected to ship")
