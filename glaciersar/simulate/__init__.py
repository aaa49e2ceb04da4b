"""A simulated archive of Sentinel-1 series over glaciers, in the form of a real one: the embedded default."""

from glaciersar.simulate.archive import pairs_in_turn, simulate_archive
from glaciersar.simulate.labels import ceiling

__all__ = ["ceiling", "pairs_in_turn", "simulate_archive"]
