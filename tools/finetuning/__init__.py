"""Measure how many labelled tiles of a new region pay, from scratch and from weights that ship.

`plan` says what is compared, `data` simulates the region and cuts its files, `measure` trains and scores, cell by cell
(a seed and a number of tiles), and `report` writes the page and its figure.
"""
