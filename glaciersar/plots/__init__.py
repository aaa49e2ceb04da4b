"""Draw every figure of the paper, as functions that return a matplotlib Figure.

Comes in: tables, tiles and maps. Goes out: figures, and a web map. Start with `results`; `networks`, `functions` and
`pixel_course` draw what the models are, `training` how they are trained, `side_by_side` their maps of one tile, `area`
areas and change, `errors_map` where a map errs, `study_area` the tiles on their coast, `evidence` the experiment of
`make evidence` and `experiment` all of it in a notebook, `web_map` an interactive map of outlines; `layout` holds what
figures share, with one style in `print.mplstyle`, `printing` saves and measures them, `gather` lists those of a run for
print.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
