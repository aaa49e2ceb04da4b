"""How ensembles of networks change the intervals of glacier area, on simulated test landscapes: docs/ensembles.md.

Comes in: a folder of `make evidence` with a dataset and its archive, and weight files. Goes out: a page and a figure.
`maps` maps the tiles by each network, `count` makes the intervals, `page` writes.
"""
