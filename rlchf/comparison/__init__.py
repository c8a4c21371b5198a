"""How far voting rules differ on one dataset, for whom, and how sure each result is."""

from rlchf.comparison.comparing import Comparison, compare

__all__ = ["Comparison", "compare"]
