"""Score maps against reference outlines.

Comes in: trained networks and a dataset file, outlines, or a map. Goes out: confusion counts and tables. Start with
`scoring.score_models`; `metrics` defines the scores, `annotators` how far two people agree.
"""
