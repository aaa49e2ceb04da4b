"""Measure trained networks on the real radar that can be had, and write docs/real-radar.md.

Comes in: the folder of real data, which is not part of this repository, and a run of `make reproduce`. Goes out: one
page. Start with `report.write`; `controls` maps real land without glaciers, `levels` sets its backscatter beside the
simulator's, `patches` and `folds` train on labelled X-band patches, `kongsfjorden` maps simulated radar over real
ground, `intervals` has the bootstrap.
"""
