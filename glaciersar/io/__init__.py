"""Read and write files and rasters, over HTTP too, and start processes.

Comes in: paths and URLs. Goes out: arrays, and files that are whole or not there at all (`atomic`). Start with
`atomic.atomic_write`; `rasters` reads maps in windows, `http` retries and signs requests.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
