"""benchmarks.growth"""

import pandas as pd

from benchmarks import growth
from tests.support.legends import stand_clear


def test_the_legend_of_the_growth_stands_clear_of_the_panels(tmp_path):
    rows = [
        {"network": network, "growing": growing, "size": size, "seconds": size / 100, "MiB": 300 + size}
        for network in growth.NETWORKS
        for growing, sizes in growth.GROWING.items()
        for size in sizes
    ]
    stand_clear(growth.draw(pd.DataFrame(rows)), tmp_path)
