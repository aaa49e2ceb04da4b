"""Score maps against reference outlines.

Comes in: trained networks and a dataset file, outlines, or a map. Goes out: confusion counts and tables. Start with
`scoring.score_models`; `parts` does it by several processes or jobs; `metrics` defines the scores, `annotators` how far
two people agree. `baselines` map without a network; `statistics` compares the arms of an experiment, by `bootstrap`;
`error_analysis` counts errors by zone, view and size of glacier; `label_drift` tells the change that a style of drawing
alone makes; `evidence` reads the experiment's committed tables.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
