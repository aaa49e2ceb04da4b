"""From maps of probability to glacier outlines, their attributes, areas with intervals, and change.

Comes in: probability maps and a calibration. Goes out: outlines with the attributes of RGI 7, tables of areas and of
changes. Start with `vectorize.trace_glaciers` for outlines, which `vectorize` also simplifies and splits by glacier;
with `error_model.fit_errors` for what maps get wrong, by the validation tiles; with `block_sums.sum_map` and
`area.intervals` for areas; with `change.change_intervals` for changes; and with `interval_coverage.measure_crossed` for
how often intervals hold the truth of the simulated landscapes of `coverage_landscapes`. `coverage_count` does so for
notebook 07; `region` holds the maps and the truth of notebook 09. With an elevation model, `ice_divides` parts ice that
no inventory parts, and `elevation` adds attributes and areas by elevation band; `export` writes what OGGM and GLIMS
read.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
