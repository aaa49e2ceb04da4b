"""From maps of probability to glacier outlines, their attributes, areas with intervals, and change.

Comes in: probability maps and a calibration. Goes out: outlines with the attributes of RGI 7, tables of areas and of
rates. Start with `vectorize.trace_glaciers` for outlines, which `vectorize` also simplifies and splits by glacier, with
`block_sums.sum_map` and `area.intervals` for areas, and with `change.rates_by_residuals` for rates of change.
"""
