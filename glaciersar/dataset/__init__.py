"""Build tiles of 10 km from scenes and outlines, in the published HDF5 layout, and load them for PyTorch.

Comes in: scenes and reference outlines. Goes out: train.h5, val.h5 and test.h5, and patches or whole tiles as tensors.
Start with `build.build_dataset` and its `config.DatasetConfig`; `patches` loads, `summary` describes. Only `patches`
and its `buffer_pool` import torch, so that processes that make tiles do without.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
