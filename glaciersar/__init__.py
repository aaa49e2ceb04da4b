"""Glacier mapping from Sentinel-1 SAR time series: data, models, training, mapping."""

__version__ = "0.1.0"
