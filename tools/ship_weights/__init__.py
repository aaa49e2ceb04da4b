"""Ship the weights of a run of `make evidence`: weight files, their records as STAC items, and their model cards.

`scores` gathers what the tables say, `record` writes the STAC item, `card` the card, `ship` all of them.
"""
