"""From maps of probability to glacier outlines, their attributes, areas with intervals, and change.

Comes in: probability maps and a calibration. Goes out: outlines as in RGI 7, tables of areas and rates. Start with
`vectorize.trace_glaciers` for outlines and `area.intervals` for areas.
"""
