from .atomic import atomic_write as atomic_write
from .atomic import require_file as require_file
from .rasters import common_geobox as common_geobox
from .rasters import read_overview as read_overview
