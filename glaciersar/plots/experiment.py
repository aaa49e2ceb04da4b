"""The experiment of `make evidence` in a notebook: a table, sentences or a figure of its committed tables a call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from glaciersar.evaluation.evidence import PARTS, how_to_make, read_part
from glaciersar.evaluation.findings import earliest_sufficient, tell_differences, tell_drift
from glaciersar.evaluation.statistics import MARGIN
from glaciersar.io.extras import require_extra
from glaciersar.plots import evidence, printing

MAIN = "main"
SHORT = {f"{model}_short": model for model in evidence.MODELS}
"""Arms of all dates that are trained as long as those of fewer dates."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """The tables of all parts. What needs a table that is not there says in a sentence which command makes it."""

    parts: Mapping[str, Mapping[str, pd.DataFrame]]
    """The tables of each part, by name."""
    figures: Path
    """Folder for figures."""
    note: str
    """Below each figure."""

    @classmethod
    def read(cls, tables: str | Path, *, figures: str | Path, note: str) -> "Experiment":
        """Read the tables of all parts from a folder, such as figures/evidence."""
        return cls(parts={part: read_part(tables, part) for part in PARTS}, figures=Path(figures), note=note)

    def scores(self, part: str) -> None:
        """Show the table of the arms of a part."""
        if self._has((part, "scores")):
            table = self.parts[part]["scores"].set_index("arm")
            counts = self.parts[part].get("counts", pd.DataFrame({"seed": []}))
            seeds = ", ".join(map(str, sorted(counts["seed"].unique())))
            _display(table.rename_axis(index=f"arm, seeds {seeds}" if seeds else "arm", columns="simulated").round(3))

    def tell(self, part: str) -> None:
        """Tell the differences between the arms of a part in sentences."""
        if self._has((part, "differences")):
            told = tell_differences(self.parts[part]["differences"])
            _markdown(f"Differences of IoU, mean over landscapes [95 % interval], *simulated* radar:\n\n{told}")

    def table(self, part: str, name: str) -> None:
        """Show another table of a part, such as "unseen"."""
        if self._has((part, name)):
            _display(self.parts[part][name].rename_axis("simulated", axis="columns").round(4))

    def tell_drift(self) -> None:
        """Tell the change of area that the style of drawing alone makes, beside that of the authors' follow-up."""
        if self._has(("drift", "drift")):
            _markdown(tell_drift(self.parts["drift"]["drift"]))

    def tell_dates(self) -> None:
        """Tell from which date on the year's map is as good as that of the whole year."""
        if self._has(("dates", "seasons")):
            table = earliest_sufficient(self.parts["dates"]["seasons"])
            enough = table.loc[table["sufficient"], "dates"]
            said = (
                f"The first {enough.min()} dates, to about {evidence.DATES[enough.min() - 1]:%d %B}, map as well"
                if len(enough)
                else "No number of dates from January on is shown to map as well"
            )
            _markdown(f"{said} as the whole year, within {MARGIN} of IoU; *simulated* radar.")
            _display(table.rename_axis("simulated", axis="columns").round(3))

    def draw_drift(self) -> None:
        """Draw the change of area that the style of drawing alone makes."""
        self._draw("drift", evidence.drift, ("drift", "drift"))

    def draw_season_zones(self) -> None:
        """Draw what each zone loses without a season."""
        self._draw("season-zones", evidence.season_zones, ("dates", "season_zones"))

    def draw_arms(self) -> None:
        """Draw the scores of the arms of the main part."""
        self._draw("arms", evidence.arms, (MAIN, "scores"), (MAIN, "counts"))

    def draw_differences(self, part: str) -> None:
        """Draw the differences between the arms of a part."""
        self._draw(f"differences-{part}", evidence.differences, (part, "differences"))

    def draw_errors(self) -> None:
        """Draw where the networks of the main part err."""
        self._draw("errors", evidence.errors, (MAIN, "errors"))

    def draw_dates(self) -> None:
        """Draw the scores by number of dates, and those of single dates."""

        def draw(steps: pd.DataFrame, counts: pd.DataFrame, single: pd.DataFrame) -> Figure:
            whole = steps[steps["arm"].isin(SHORT)]
            return evidence.number_of_dates(pd.concat([whole.replace({"arm": SHORT}), counts]), single)

        self._draw("dates", draw, ("steps", "counts"), ("dates", "counts"), (MAIN, "dates"))

    def draw_seasons(self) -> None:
        """Draw what a season tells one network."""
        self._draw("seasons", evidence.seasons, ("dates", "seasons"))

    def _draw(self, name: str, draw: Callable[..., Figure], *needed: tuple[str, str]) -> None:
        """Draw and save a figure of some tables, each given by its part and name."""
        if self._has(*needed):
            figure = draw(*(self.parts[part][table] for part, table in needed))
            printing.save_figure(figure, self.figures / f"evidence-{name}.png", note=self.note)

    def _has(self, *needed: tuple[str, str]) -> bool:
        """Say whether tables are there; tell of the first that is not."""
        for part, table in needed:
            if not self.parts[part]:
                print(how_to_make(part))
                return False
            if table not in self.parts[part]:  # such as differences to the main part, made before it had tables
                print(
                    f"Part {part} has no table of {table} yet: `make evidence PART={part}` makes it after those before."
                )
                return False
        return True


def _markdown(text: str) -> None:
    _display(require_extra("IPython.display").Markdown(text))


def _display(shown: object) -> None:
    require_extra("IPython.display").display(shown)
