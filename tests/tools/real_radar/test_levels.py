"""tools.real_radar.levels"""

import numpy as np
import pytest

from glaciersar import radiometry
from glaciersar.simulate.archive import simulate_archive
from glaciersar.simulate.settings import ArchiveSettings
from tools.real_radar import controls, levels


def land(place, name, january, december):
    decibel = np.array([january, december])[:, None, None] + np.array([[-1.0, 1.0]])[None]  # two pixels
    power = radiometry.to_power(decibel).astype(np.float32)
    return controls.Control(place=place, name=name, power=power, months=(1, 12))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    out = tmp_path_factory.mktemp("levels") / "archive"
    settings = ArchiveSettings(
        landscapes=1, controls=2, tiles_per_side=1, pixel=100, years=(levels.YEAR,), relative_orbits=(14,)
    )
    simulate_archive(out, settings, progress=False)
    return out


@pytest.mark.slow
def test_real_land_stands_beside_the_simulated_zones_of_its_kind(archive):
    burst = next(name for name, kind in controls.BURSTS.items() if kind == "coastal hills")
    real = [land(controls.FORESTS, "sample_0", -10, -12), land(controls.CALIFORNIA, burst, -8, -9)]
    table = levels.level_table(real, archive).set_index("surface")
    assert table.loc["real: forests of Finland"].to_dict() == (
        {"1": "-10.0", "12": "-12.0", "between pixels": "1.0", "between dates": "1.0"}
        | {str(month): "–" for month in range(2, 12)}
    )
    assert "real: open ocean" not in table.index
    assert list(table.index).index("*simulated*: FOREST") == 1
    simulated = table.loc["*simulated*: FOREST"].astype(float)
    assert simulated.drop(["between pixels", "between dates"]).between(-15, -4).all()
    assert simulated[["between pixels", "between dates"]].between(0.3, 5).all()
