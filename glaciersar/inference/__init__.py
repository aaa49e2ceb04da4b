"""Map glaciers with a trained network, in memory or over rasters larger than memory.

Comes in: a network and a series. Goes out: the probability of glacier (H, W), and a calibrated confidence if wanted, as
GeoTIFFs. Start with `sliding_window.map_array`; `large_raster.map_scenes` does the same from scenes of any size.
`strips` maps a region as many jobs. `calibration` turns probabilities into confidence, `backends` runs the network;
`place` finds scenes and area of notebook 08; `ensemble` lets several networks map together.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
