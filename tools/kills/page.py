"""The page docs/kills.md."""

from collections.abc import Sequence

from tools.evidence.stamp import processor
from tools.kills.campaign import Campaign, Kill

TITLES = {
    "reproduce": "`make reproduce PROFILE=mini`",
    "dataset": "dataset build, six tiles by two workers",
    "training": "training, eight epochs",
    "map": "map of a region by windows",
}
PAGE = """\
# Killed runs

Made by `python -m tools.kills` (reproduce, dataset, training, map) and `python -m tools.kills page`, on {machine}.
Everything that belongs to a run is killed by SIGKILL at a random moment, Jupyter kernels and workers included, and the
run is started again. When it has ended, its files are compared, byte by byte, with those of a run that was never
killed. Radar is *simulated*.

{summary}

Compared are tables, figures, weights, checkpoints, datasets, the archive, maps and outlines. Left out are executed
notebooks, the events of TensorBoard and the table of seconds, as they hold times. A moment that comes when a run has
ended already is not counted as a kill.

{details}
"""


def write_page(found: Sequence[Campaign]) -> str:
    """Write the page."""
    rows = [["kind", "kills", "runs", "files compared", "runs that ended equal", "seconds, never killed"]]
    rows += [_summary(campaign) for campaign in found]
    details = "\n\n".join(_details(campaign) for campaign in found)
    return PAGE.format(machine=processor(), summary=table(rows), details=details)


def _summary(campaign: Campaign) -> list[str]:
    equal = sum(not said for said in campaign.different.values())
    ended = len(campaign.different)
    return [
        TITLES[campaign.kind],
        str(len(campaign.kills)),
        str(ended),
        str(campaign.files),
        f"{equal} of {ended}",
        f"{campaign.whole_seconds:.0f}",
    ]


def _details(campaign: Campaign) -> str:
    many = campaign.kind == "reproduce"
    head = ["", "run", *(["notebooks finished"] if many else []), "seconds since", "processes", "at work", "found"]
    rows = [[*head, "ended"]]
    rows += [_row(k, kill, campaign, many=many) for k, kill in enumerate(campaign.kills, start=1)]
    since = "the last notebook was finished, or since the work was begun again" if many else "the work was begun"
    return f"## {TITLES[campaign.kind]}\n\nSeconds are those since {since}.\n\n{table(rows)}"


def _row(number: int, kill: Kill, campaign: Campaign, *, many: bool) -> list[str]:
    ended = "not yet" if kill.run not in campaign.different else "; ".join(campaign.different[kill.run]) or "equal"
    steps = [str(kill.finished)] if many else []
    place = [str(number), str(kill.run), *steps, f"{kill.seconds:.2f}"]
    return [*place, str(kill.processes), kill.ran, kill.left, ended]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown; the first row is its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]])
