"""Draw every figure of the paper, as functions that return a matplotlib Figure.

Comes in: tables, tiles and maps. Goes out: figures, and a web map. Start with `results`; `area` draws areas and change,
`evidence` the experiment of `make evidence`, `web_map` an interactive map of outlines; `layout` holds what figures
share.
"""
