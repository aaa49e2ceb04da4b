"""From an archive of Sentinel-1 scenes to a series of backscatter on one pixel grid.

Comes in: the address of a STAC API or catalogue, or a folder of GeoTIFFs, and an area of interest. Goes out: a manifest
of scenes with checksums, and `reader.Series` of linear power (T, H, W). Start with `search.search_scenes`; then
`selection.choose_dates`, `manifest.write_manifest` and `reader.read_series`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
