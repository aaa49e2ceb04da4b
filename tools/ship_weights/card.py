"""The model card of shipped weights, in the form of Hugging Face: front matter in YAML, then a page of Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from glaciersar.models import Network
from glaciersar.simulate.settings import ArchiveSettings
from glaciersar.training.config import TrainConfig
from tools.ship_weights.record import ARCHITECTURES, LICENCE

SHOWN = (
    "model", "width", "patch", "batch", "epochs", "steps_per_epoch", "learning_rate", "warmup", "ema_decay", "dropout",
    "augmentations", "recipe", "precision", "seed",
)  # fmt: skip
AUTHORS_WIDTH = 32

HEAD = """# {name}

A small `{model}` ({architecture}, {parameters:,} parameters) that maps the probability of glacier from a year of
Sentinel-1 backscatter. **It was trained on *simulated* radar alone**: it shows that the workflow runs, and is good for
no map of real glaciers. It ships with the package.

## How to load it

```python
from glaciersar.models import pretrained

network = pretrained.load("{name}")
```

[00-quickstart](../../notebooks/00-quickstart.ipynb) maps a place with it in three lines;
[Map your glacier](../map-your-glacier.md) says more about rasters and dates.

- **In**: (B, {features}, T, H, W), the feature `{feature}`: backscatter γ⁰ in HH, dB, missing dates filled and scaled
  by `glaciersar.radiometry.prepare`. It saw {dates} dates of one orbit, about 24 days apart, with pixels of
  {pixel:g} m.
- **Out**: logits (B, 2, H, W) of background and glacier; their softmax is the probability. It is not calibrated."""

DATA = """## Data

The *simulated* archive of `make evidence`: {landscapes} landscapes of one tile of 10 km over Svalbard and {controls}
controls without a glacier, pixels of {pixel:g} m, {looks:g} looks, each in one of the years {years} from one of the
orbits {orbits}, with outlines of one simulated annotator. {test} landscapes test, {val} validate, the others and the
controls train. [Datasheet](../datasets.md); what is known of Svalbard and its radar stands beside what is simulated in
[The simulator](../simulator.md)."""

RECIPE = """## Recipe

Made by `{command}` on {processor}. The seed is the first of the plan, fixed beforehand
and not chosen by its score; the table of scores has all seeds that have every arm."""

SCORES = """## Scores, on *simulated* radar

Pooled over the pixels of {landscapes} test landscapes, against the outlines of the reference; the last column is
against the truth. Intervals of 95 % are bootstrap intervals over landscapes, and over seeds where there are several:
those of these weights say nothing about another training. Counts of every landscape are in `figures/evidence/main`.
None of these numbers can stand beside the 0.964 of the paper, which is of real radar."""

CONTROLS = """## Real controls

The share of real Sentinel-1 land *without* a glacier that these weights call glacier (p > 0.5): all of it is false,
and wanted is at most 0.05. With bootstrap intervals of 95 % over bursts or samples. Season, polarisation (VV) and pixel
size differ from the training as well as the ground. [Real radar](../real-radar.md) describes the places, and measures
networks of the same kind on real radar of glaciers."""

NO_CONTROLS = """## Real controls

These weights have not been measured on real radar. [Real radar](../real-radar.md) measures two networks of the same
kind, from another training on *simulated* radar: what they call glacier on real land without any, and what they do on
real radar of glaciers."""

LIMITS = """## Limits

- *Simulated* radar is not radar. Levels of backscatter are in part assumed; no map of a real glacier by these weights
  has been compared with outlines.
- HH in a calendar year of a place like Svalbard. Other polarisations, climates and seasons are outside of what was
  trained on; forests and fields are seen in {controls} controls only.
- A width of {width}, not the {authors} of the authors' networks, and {steps:,} steps: made to be small and quick.
- Debris on ice, sea ice and wet snow are as the simulator has them, and so are the errors of its annotator.
- Probabilities are not calibrated; notebook 07 calibrates those of a run."""

END = """## Licence and file

{licence}, as the repository. `{name}.safetensors` ({size:,} bytes, SHA-256
`{sha256}`) lies in `glaciersar/models/weights` beside
`{name}.json`, a STAC item with the fields of the extension MLM ([how it is checked](index.md))."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a card says."""

    name: str
    network: Network
    config: TrainConfig
    settings: ArchiveSettings
    subsets: Mapping[str, Any]
    """Of the plan: how many landscapes test and validate."""
    stamp: Mapping[str, Any]
    """What made the tables: command, processor."""
    scores: pd.DataFrame
    """From `scores.score_table`."""
    controls: pd.Series | None
    """Share by place, from `scores.control_table`; None if it was not measured."""
    size: int
    """Bytes of the file."""
    sha256: str


def write_card(facts: Facts) -> str:
    """Write the card."""
    config, settings, network = facts.config, facts.settings, facts.network
    known = {
        "name": facts.name,
        "model": network.name,
        "architecture": ARCHITECTURES[network.name],
        "parameters": sum(weight.numel() for weight in network.parameters()),
        "features": network.features,
        "feature": ", ".join(config.features),
        "dates": config.dates,
        "pixel": settings.pixel,
        "looks": settings.looks,
        "landscapes": settings.landscapes,
        "controls": settings.controls,
        "years": _listed(settings.years),
        "orbits": _listed(settings.relative_orbits),
        "width": network.width,
        "authors": AUTHORS_WIDTH,
        "steps": config.epochs * config.steps_per_epoch,
        "licence": LICENCE,
        "size": facts.size,
        "sha256": facts.sha256,
    }
    known |= {"test": facts.subsets["test"], "val": facts.subsets["val"]}
    known |= {"command": facts.stamp["command"], "processor": facts.stamp["processor"]}
    tested = int(facts.scores["landscapes"].iloc[0])
    parts = [
        _front_matter(facts),
        HEAD.format(**known),
        DATA.format(**known),
        RECIPE.format(**known),
        _recipe_table(config),
        SCORES.format(landscapes=tested),
        show_scores(facts.scores),
        *([NO_CONTROLS] if facts.controls is None else [CONTROLS, _control_list(facts.controls)]),
        LIMITS.format(**known),
        END.format(**known),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(facts: Facts) -> str:
    own = facts.scores.iloc[0]
    kinds = {"iou": "IoU, pooled", "precision": "precision", "recall": "recall", "iou_truth": "IoU against the truth"}
    metrics = [
        {"type": kind, "name": f"{name} (simulated radar)", "value": round(float(own[kind]), 4)}
        for kind, name in kinds.items()
    ]
    result = {
        "task": {"type": "image-segmentation"},
        "dataset": {"type": "simulated", "name": "test landscapes of make evidence, simulated radar"},
        "metrics": metrics,
    }
    content = {
        "license": LICENCE.partition("-only")[0].lower(),
        "library_name": "glaciersar",
        "pipeline_tag": "image-segmentation",
        "tags": ["glacier", "sentinel-1", "sar", "time-series", "pytorch", "safetensors", "simulated-data"],
        "model-index": [{"name": facts.name, "results": [result]}],
    }
    return f"---\n{yaml.safe_dump(content, sort_keys=False)}---"


def _recipe_table(config: TrainConfig) -> str:
    rows = {name: getattr(config, name) for name in SHOWN}
    texts = {name: ", ".join(map(str, v)) if isinstance(v, list | tuple) else str(v) for name, v in rows.items()}
    return str(pd.Series(texts, name="value").rename_axis("option").to_frame().to_markdown(disable_numparse=True))


def show_scores(scores: pd.DataFrame) -> str:
    """Show a table of scores as Markdown."""
    shown = pd.DataFrame(
        {
            "seeds": [str(int(count)) if count else "–" for count in scores["seeds"]],
            "IoU, pooled": _with_interval(scores, "iou", "low", "high"),
            "IoU, mean of landscapes": _with_interval(scores, "mean_iou", "mean_low", "mean_high"),
            **{name: [f"{value:.3f}" for value in scores[name]] for name in ("precision", "recall")},
            "boundary, median (m)": [f"{value:.0f}" for value in scores["boundary_median"]],
            "IoU against truth": [f"{value:.3f}" for value in scores["iou_truth"]],
        },
        index=scores.index.rename("*simulated*"),
    )
    return str(shown.to_markdown(disable_numparse=True))


def _with_interval(scores: pd.DataFrame, *columns: str) -> list[str]:
    return [f"{value:.3f} ({low:.3f} to {high:.3f})" for value, low, high in scores[list(columns)].to_numpy()]


def _control_list(shares: pd.Series) -> str:
    table = shares.rename("called glacier, all false").rename_axis("real Sentinel-1").to_frame()
    return str(table.to_markdown(disable_numparse=True))


def _listed(values: Sequence[int]) -> str:
    return " and ".join(map(str, values))
