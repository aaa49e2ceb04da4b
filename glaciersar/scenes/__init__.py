"""From an archive of Sentinel-1 scenes to a series of backscatter on one pixel grid.

Comes in: the address of a STAC API or catalogue, or a folder of GeoTIFFs, and an area of interest. Goes out: a manifest
of scenes with checksums, and `reader.Series` of linear power (T, H, W). Start with `search.search_scenes`; then
`selection.choose_dates`, `manifest.write_manifest` and `reader.read_series`.
"""
