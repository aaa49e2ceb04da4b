"""Simulate an archive of Sentinel-1 series over glaciers, in the form of a real one: the embedded default.

Comes in: `settings.ArchiveSettings`, with a seed or with a DEM and outlines. Goes out: cloud-optimised GeoTIFFs, a STAC
catalogue, reference outlines and the truth. Start with `archive.simulate_archive`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
